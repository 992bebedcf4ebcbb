/**
 * Commands on their way to an agent, and its answers (06 TP36).
 *
 * A command without an answer goes again with each connection: the agent answers a repeat from memory. With one
 * it never goes again, for CMD_DONE, which follows once the answer is durable here, lets the agent forget it.
 *
 * @module
 */
import {
  type CmdResultFrame,
  COMMAND_RESULT,
  ERROR_CODE,
  FRAME_TYPE,
  type Frame,
} from "#protocol/frame.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import type { Facts } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { LogEvent } from "../host/log.ts";
import { COMMAND_MAX_BYTES } from "../limits.ts";
import type { OutgoingStore } from "../store/outgoing.ts";

export interface CommandLaneOptions {
  readonly store: OutgoingStore;
  readonly clock: Clock;
  readonly agent: number;
  readonly session: number;
  readonly send: (frame: Frame) => void;
  /** The session is over: a newer one has begun (RI2). */
  readonly fenced: () => void;
  /** The store cannot go on. */
  readonly failed: (error: unknown) => void;
  readonly log: (event: LogEvent, facts: Facts) => void;
}

/** What is kept of an answer. */
export interface CommandOutcome {
  readonly schema: "holdfast.command-outcome/1";
  /** A number where a later minor has one more. */
  readonly result: keyof typeof COMMAND_RESULT | number;
  readonly text?: string;
  /** Base64. */
  readonly answer?: string;
  /** It lies on `$answers` (TP35). */
  readonly answerAt?: { readonly epoch: string; readonly seq: string };
}

/** With the agent at once; the others follow its answers. */
const IN_FLIGHT_MAX_COUNT = 16;
/** Answers that wait for the store: those in flight, and as many whose CMD_DONE was lost (I-8). */
const ANSWERS_MAX_COUNT = 32;
/** A full disk, or a database that is away. */
const KEEP_AGAIN_MS = 5_000;

export class CommandLane implements Disposable {
  readonly #options: CommandLaneOptions;
  /** Sent in this connection, by id in hexadecimal. */
  readonly #sent = new Set<string>();
  /** Not durable yet. */
  readonly #answers = new Map<string, CmdResultFrame>();
  #isLookDue = false;
  #isBusy = false;
  #isDraining = false;
  #isClosed = false;
  #retry: Timer | undefined;

  constructor(options: CommandLaneOptions) {
    this.#options = options;
  }

  /** There may be commands that were not there before. */
  look(): void {
    this.#isLookDue = true;
    this.#run();
  }

  /** @throws {ProtocolError} if it is larger than what belongs on `$answers` (TP35) */
  answered(frame: CmdResultFrame): void {
    if ((frame.answer?.length ?? 0) > COMMAND_MAX_BYTES) {
      const about = { frameType: FRAME_TYPE.cmdResult };
      throw new ProtocolError(ERROR_CODE.limit, "Cannot take so long an answer", about);
    }
    // One too many is not heard: the agent repeats it with its next connection.
    if (this.#answers.size >= ANSWERS_MAX_COUNT) return;
    this.#answers.set(Buffer.from(frame.id).toString("hex"), frame);
    this.#run();
  }

  /** TP32: no new command. */
  drain(): void {
    this.#isDraining = true;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#retry?.[Symbol.dispose]();
  }

  /** One step at a time; what comes during one is seen behind it. */
  #run(): void {
    if (this.#isBusy || this.#retry !== undefined) return;
    this.#isBusy = true;
    this.#steps().then(
      () => {
        this.#isBusy = false;
      },
      (error: unknown) => this.#options.failed(error),
    );
  }

  async #steps(): Promise<void> {
    while (!this.#isClosed) {
      const [first] = this.#answers;
      if (first !== undefined) {
        if (!(await this.#keep(...first))) return;
      } else if (this.#isLookDue) await this.#sendOpen();
      else return;
    }
  }

  async #sendOpen(): Promise<void> {
    this.#isLookDue = false;
    const { store, agent, send } = this.#options;
    for (const { key, document } of await store.openCommands(agent, IN_FLIGHT_MAX_COUNT)) {
      if (this.#isDraining || this.#isClosed || this.#sent.has(key)) continue;
      this.#sent.add(key);
      send({ type: "cmd", stream: 0, id: Buffer.from(key, "hex"), document });
    }
  }

  /** @returns false if it has to wait. An answer that nobody asks for is done with, too */
  async #keep(key: string, frame: CmdResultFrame): Promise<boolean> {
    const { store, clock, agent, session, send, fenced, log } = this.#options;
    const outcome = JSON.stringify(outcomeOf(frame));
    const call = { agent, session, key, outcome, atMs: clock.nowMs() };
    const { kind } = await store.answerCommand(call);
    if (this.#isClosed) return false;
    if (kind === "fenced") {
      fenced();
      return false;
    }
    if (kind === "busy") {
      this.#retry = clock.after(KEEP_AGAIN_MS, () => {
        this.#retry = undefined;
        this.#run();
      });
      return false;
    }
    this.#answers.delete(key);
    log("commandAnswered", { result: frame.result });
    send({ type: "cmdDone", stream: 0, id: frame.id });
    this.#isLookDue = true;
    return true;
  }
}

function outcomeOf({ result, answer, answerAt, text }: CmdResultFrame): CommandOutcome {
  const [name] = Object.entries(COMMAND_RESULT).find(([, code]) => code === result) ?? [];
  return {
    schema: "holdfast.command-outcome/1",
    result: (name as keyof typeof COMMAND_RESULT | undefined) ?? result,
    ...(text === undefined ? {} : { text }),
    ...(answer === undefined ? {} : { answer: Buffer.from(answer).toString("base64") }),
    ...(answerAt === undefined
      ? {}
      : { answerAt: { epoch: `${answerAt.epoch}`, seq: `${answerAt.seq}` } }),
  };
}
