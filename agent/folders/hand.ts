/**
 * The asking side of a folder worker, in the main thread: one that falls silent is ended, and nothing here waits
 * for it (04 P46).
 *
 * @module
 */
import { AgentError } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Isolation, Question, WorkerMessage } from "./conversation.ts";
import type { FolderMethod, FolderMethods } from "./methods.ts";
import { type Helper, startProcess, startThread } from "./worker-start.ts";

export interface HandOptions {
  readonly isolation: Isolation;
  /** `shareTimeoutSeconds`: without an answer or a sign of life for so long, the worker is ended. */
  readonly silenceMs: number;
  readonly clock: Clock;
}

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: AgentError) => void;
}

export class FolderHand implements AsyncDisposable {
  /** Resolves if the worker ends by itself or is ended for its silence: `FOLDER_SILENT`. A new one is needed then. */
  readonly ended: Promise<AgentError>;
  readonly #helper: Helper;
  readonly #options: HandOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #hints = new Set<() => void>();
  readonly #started = Promise.withResolvers<void>();
  readonly #end = Promise.withResolvers<AgentError>();
  readonly #idle: (() => void)[] = [];
  #nextId = 1;
  #watch: Timer | undefined;
  /** Nothing was heard in the half of `silenceMs` before. */
  #isQuiet = false;
  #over: AgentError | undefined;

  private constructor(options: HandOptions) {
    this.#options = options;
    this.ended = this.#end.promise;
    this.#helper = (options.isolation === "thread" ? startThread : startProcess)({
      onMessage: (message) => this.#hear(message),
      onExit: () => this.#finish(0),
    });
    this.#expect();
  }

  /** Starts a worker. @throws {AgentError} `FOLDER_SILENT` if it does not start */
  static async open(options: HandOptions): Promise<FolderHand> {
    const hand = new FolderHand(options);
    await Promise.race([
      hand.#started.promise,
      hand.ended.then((error) => {
        throw error;
      }),
    ]);
    return hand;
  }

  /**
   * Has the worker do one thing, after what it was asked before.
   *
   * @throws {AgentError} `FOLDER_FAILED`, `FOLDER_MOVED`; `FOLDER_SILENT` if it did not answer: then it may have been done
   */
  call<M extends FolderMethod>(
    method: M,
    ask: FolderMethods[M]["ask"],
  ): Promise<FolderMethods[M]["answer"]> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    const { promise, resolve, reject } = Promise.withResolvers<FolderMethods[M]["answer"]>();
    const id = this.#nextId++;
    // The worker answers the method it was asked: `FolderMethods` holds both types.
    this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject });
    this.#helper.post({ id, method, ask } satisfies Question);
    this.#expect();
    return promise;
  }

  /** Calls `listener` when something in the folder may have changed (04 P12): no more than a hint. */
  onHint(listener: () => void): Disposable {
    this.#hints.add(listener);
    return { [Symbol.dispose]: () => void this.#hints.delete(listener) };
  }

  /** Ends the worker now: what it was asked may be done, or half done, or not. */
  abort(): void {
    if (this.#over !== undefined) return;
    this.#helper.end();
    this.#finish(0);
  }

  /** Waits for what was asked, then ends the worker. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over === undefined && this.#pending.size > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    if (this.#over !== undefined) return;
    this.#over = new AgentError("FOLDER_SILENT", { seconds: 0 });
    this.#watch?.[Symbol.dispose]();
    await this.#helper.letGo();
  }

  #hear(message: WorkerMessage): void {
    if (this.#over !== undefined) return;
    this.#isQuiet = false;
    this.#started.resolve();
    if ("hint" in message) {
      for (const listener of this.#hints) listener();
      return;
    }
    if ("id" in message) {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if ("fault" in message) {
        pending?.reject(new AgentError(message.fault.code, message.fault.facts));
      } else {
        pending?.resolve(message.answer);
      }
    }
    if (this.#pending.size === 0) this.#rest();
    else this.#watch?.refresh();
  }

  #expect(): void {
    if (this.#watch !== undefined) return;
    this.#isQuiet = false;
    // In two halves: where this thread was held up itself, what came meanwhile is read in between.
    this.#watch = this.#options.clock.after(this.#options.silenceMs / 2, () => {
      if (this.#isQuiet) {
        this.#helper.end();
        this.#finish(this.#options.silenceMs);
      } else {
        this.#isQuiet = true;
        this.#watch?.refresh();
      }
    });
  }

  #rest(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #finish(silentMs: number): void {
    if (this.#over !== undefined) return;
    const error = new AgentError("FOLDER_SILENT", { seconds: Math.round(silentMs / 1_000) });
    this.#over = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#rest();
    this.#end.resolve(error);
  }
}
