/** The main thread's end of the writer: posts orders, pairs answers with questions. @module */
import type { Worker } from "node:worker_threads";
import { startOwnThread } from "#packaged/own-thread.ts";
import { AgentError } from "../../errors.ts";
import { fromPlain, writerDied } from "../format/fault.ts";
import type {
  QuestionName,
  Questions,
  StoreNotice,
  WriterOptions,
  WriterOrder,
  WriterReport,
} from "./writer-messages.ts";

export type OpenedReport = Extract<WriterReport, { report: "opened" }>;
export type RefusedReport = Extract<WriterReport, { report: "refused" }>;
export type CommittedReport = Extract<WriterReport, { report: "committed" }>;

export interface WriterEvents {
  readonly onCommitted: (report: CommittedReport) => void;
  readonly onRefused: (report: RefusedReport, error: AgentError) => void;
  readonly onNotice: (notice: StoreNotice) => void;
  /** The store cannot go on. At most once. */
  readonly onFatal: (error: AgentError) => void;
}

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: AgentError) => void;
}

export class WriterClient {
  readonly opened: OpenedReport;
  readonly #worker: Worker;
  #events: WriterEvents | undefined;
  readonly #pending = new Map<number, Pending>();
  #nextQuestion = 1;
  #ended: AgentError | undefined;
  #closing = false;

  private constructor(worker: Worker, opened: OpenedReport) {
    this.#worker = worker;
    this.opened = opened;
    worker.on("message", (report: WriterReport) => this.#hear(report));
    worker.on("error", (cause) => this.#end(writerDied(cause)));
    worker.on("exit", (code) => this.#end(new AgentError("WRITER_DIED", { code })));
  }

  /** Starts the thread and waits until the store is open. @throws {AgentError} one of `STORE_*` */
  static async open(options: WriterOptions): Promise<WriterClient> {
    const worker = startOwnThread(new URL("./writer.ts", import.meta.url), { workerData: options });
    const opened = await new Promise<OpenedReport>((resolve, reject) => {
      worker.once("message", (report: WriterReport) => {
        if (report.report === "opened") resolve(report);
        else if (report.report === "fatal") reject(fromPlain(report.fault));
      });
      worker.once("error", (cause) => reject(writerDied(cause)));
    }).catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    });
    for (const event of ["message", "error"]) worker.removeAllListeners(event);
    return new WriterClient(worker, opened);
  }

  /** Says who hears of commits and of the end; an end that came before is told now. */
  listen(events: WriterEvents): void {
    this.#events = events;
    if (this.#ended !== undefined) events.onFatal(this.#ended);
  }

  post(order: WriterOrder, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(order, transfer);
  }

  /** Asks the thread. @throws {AgentError} what the store says, or `WRITER_DIED` */
  ask<Name extends QuestionName>(
    name: Name,
    ask: Questions[Name]["ask"],
  ): Promise<Questions[Name]["answer"]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#nextQuestion++;
    return new Promise((resolve, reject) => {
      // The thread answers the question it was asked: `Questions` holds both types.
      this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject });
      this.post({ order: "ask", id, name, ask });
    });
  }

  /** Writes what is lazy, closes the file, ends the thread. Safe after a fault, too. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#ended === undefined) await this.ask("close", undefined).catch(() => undefined);
    await this.#worker.terminate();
  }

  #hear(report: WriterReport): void {
    switch (report.report) {
      case "committed":
        this.#events?.onCommitted(report);
        break;
      case "refused":
        this.#events?.onRefused(report, fromPlain(report.fault));
        break;
      case "noticed":
        this.#events?.onNotice(report.notice);
        break;
      case "answer":
        this.#take(report.id)?.resolve(report.answer);
        break;
      case "failed":
        this.#take(report.id)?.reject(fromPlain(report.fault));
        break;
      case "fatal":
        this.#end(fromPlain(report.fault));
        break;
      case "opened":
        break;
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #end(error: AgentError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    if (!this.#closing) this.#events?.onFatal(error);
  }
}
