/**
 * Commands on their way to an agent, and its answers (06 TP36).
 *
 * A command without an answer goes again with each connection: the agent answers a repeat from memory. The answer
 * is durable here before CMD_DONE lets the agent forget it.
 *
 * @module
 */
import { z } from "zod";
import { type CmdResultFrame, COMMAND_RESULT, type Frame } from "#protocol/frame.ts";
import type { Facts } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { LogEvent } from "../host/log.ts";
import { COMMANDS_CHANNEL } from "../served-channels.ts";
import type { OutgoingChannel, OutgoingRow, OutgoingStore } from "../store/outgoing.ts";
import { allOutgoingChannels } from "../store/walk.ts";

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
  readonly result: keyof typeof COMMAND_RESULT | number;
  readonly text?: string;
  /** Base64. */
  readonly answer?: string;
  /** It lies on `$answers` (TP35). */
  readonly answerAt?: { readonly epoch: string; readonly seq: string };
}

/** With the agent at once; the others wait for an answer to one of these. */
const IN_FLIGHT_MAX_COUNT = 16;
/** Answers that wait for the store. One more is not heard: an agent repeats it (I-8). */
const ANSWERS_MAX_COUNT = 64;
/** A full disk, or a database that is away. */
const KEEP_AGAIN_MS = 5_000;
const META = z.object({ id: z.string().regex(/^[0-9a-f]{32}$/) });

export class CommandLane implements Disposable {
  readonly #options: CommandLaneOptions;
  /** Ids that were sent in this connection, and of them those with an answer. */
  readonly #sent = new Set<string>();
  readonly #answered = new Set<string>();
  #turn: Promise<void> = Promise.resolve();
  #answersWaiting = 0;
  #retry: Timer | undefined;
  #isClosed = false;

  constructor(options: CommandLaneOptions) {
    this.#options = options;
  }

  /** There may be commands that were not there before. */
  look(): void {
    this.#inTurn(async () => {
      const standing = await this.#standing();
      if (standing !== undefined) this.#sendAll(await this.#unsettled(standing));
    });
  }

  answered(frame: CmdResultFrame): void {
    if (this.#answersWaiting >= ANSWERS_MAX_COUNT) return;
    this.#answersWaiting += 1;
    this.#inTurn(async () => {
      this.#answersWaiting -= 1;
      await this.#keep(frame);
    });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#retry?.[Symbol.dispose]();
  }

  #inTurn(act: () => Promise<void>): void {
    this.#turn = this.#turn
      .then(() => (this.#isClosed ? undefined : act()))
      .catch((error: unknown) => this.#options.failed(error));
  }

  async #standing(): Promise<OutgoingChannel | undefined> {
    const { store, agent } = this.#options;
    for await (const standing of allOutgoingChannels(store, agent)) {
      if (standing.channel === COMMANDS_CHANNEL) return standing;
    }
    return undefined;
  }

  async #unsettled({ channel, epoch, ackedSeq }: OutgoingChannel): Promise<OutgoingRow[]> {
    const { store, agent } = this.#options;
    const rows = await store.readOutgoing({ agent, channel, epoch, seq: ackedSeq });
    return rows.slice(0, IN_FLIGHT_MAX_COUNT);
  }

  #sendAll(rows: readonly OutgoingRow[]): void {
    for (const { body, meta } of rows) {
      const id = idIn(meta);
      if (body === null || this.#sent.has(id)) continue;
      this.#sent.add(id);
      this.#options.send({ type: "cmd", stream: 0, id: Buffer.from(id, "hex"), document: body });
    }
  }

  /** The answer of a command that nobody here asks about any more was kept before: the agent may forget it. */
  async #keep(frame: CmdResultFrame): Promise<void> {
    const { store, agent, send, log } = this.#options;
    const id = Buffer.from(frame.id).toString("hex");
    const standing = await this.#standing();
    const rows = standing === undefined ? [] : await this.#unsettled(standing);
    const row = rows.find(({ meta }) => idIn(meta) === id);
    if (standing !== undefined && row !== undefined) {
      const place = { agent, channel: COMMANDS_CHANNEL, epoch: row.epoch, seq: row.seq };
      const outcome = JSON.stringify(outcomeOf(frame));
      const { kind } = await store.noteOutcome({ ...place, outcome });
      if (kind === "busy") {
        this.#retry = this.#options.clock.after(KEEP_AGAIN_MS, () => this.answered(frame));
        return;
      }
      log("commandAnswered", { result: frame.result });
      this.#answered.add(id);
      await this.#settle(standing, rows);
    }
    send({ type: "cmdDone", stream: 0, id: frame.id });
    if (row !== undefined) this.look();
  }

  /** Up to the first that has no answer. What cannot be settled now is asked for, and settled, once more. */
  async #settle({ ackedSeq }: OutgoingChannel, rows: readonly OutgoingRow[]): Promise<void> {
    const { store, clock, agent, session, fenced } = this.#options;
    const open = rows.findIndex(({ meta }) => !this.#answered.has(idIn(meta)));
    const last = rows.at(open === -1 ? rows.length - 1 : open - 1);
    if (open === 0 || last === undefined || last.seq <= ackedSeq) return;
    const { epoch, seq } = last;
    const place = { agent, channel: COMMANDS_CHANNEL, epoch, seq };
    const { kind } = await store.settleOutgoing({ ...place, session, atMs: clock.nowMs() });
    if (kind === "fenced") fenced();
  }
}

/** @throws {ZodError} if the store gives what `command` never wrote */
const idIn = (meta: string): string => META.parse(JSON.parse(meta)).id;

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
