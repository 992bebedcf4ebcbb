/**
 * The streams that the receiver opens (TP34): messages for hospital systems, on their way into the inbox.
 *
 * @module
 */
import type { DataFrame, Frame, OpenFrame, SkipFrame, WelcomeFrame } from "#protocol/frame.ts";
import { FRAME_HEADER_BYTES, MESSAGE_MAX_BYTES } from "#protocol/limits.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import { Budget } from "#streams/sink/credit.ts";
import { Sink } from "#streams/sink/sink.ts";
import type { SinkEvent } from "#streams/sink/sink-port.ts";
import type { SinkStore } from "#streams/sink/sink-store.ts";
import { AgentError } from "../errors.ts";
import type { Chance, Clock } from "../host/clock.ts";
import type { Log, LogEvent } from "../host/log.ts";
import { DOWNSTREAM_ASSEMBLING_BYTES, DOWNSTREAM_CREDIT_BYTES } from "../limits.ts";
import type { Agreement } from "./welcome.ts";

/** Where messages from the receiver are kept. */
export interface DownstreamInbox {
  /** Whether the configuration names the channel; others are answered UNKNOWN. */
  serves(channel: string): boolean;
  /** Where room is short, credit is withheld first (TP34). */
  readonly hasRoom: boolean;
  /** @param receiverStoreId whose messages they are, for gap records (RI8) */
  storeFor(receiverStoreId: Uint8Array): SinkStore;
}

export interface ReceivingParts {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly inbox: DownstreamInbox | undefined;
  readonly send: (frame: Frame) => void;
  readonly violated: (error: ProtocolError) => void;
  /** The inbox cannot take anything now: a new connection asks again. */
  readonly failed: () => void;
}

const EVENT: Readonly<Record<SinkEvent, LogEvent>> = {
  channelOpened: "downstreamOpened",
  channelRefused: "downstreamRefused",
  gapRecorded: "downstreamGap",
  messageConflict: "downstreamConflict",
  messageRejected: "downstreamRejected",
  messageUnverified: "downstreamUnverified",
  storeBusy: "downstreamBusy",
};

export class ReceivingStreams {
  /** What HELLO announces (TP20). */
  readonly initialCredit: number;
  readonly #parts: ReceivingParts;
  #sink: Sink | undefined;
  #isAnnouncing = false;

  constructor(parts: ReceivingParts) {
    this.#parts = parts;
    this.initialCredit = this.#windowBytes();
  }

  /** From now on streams may be opened. */
  welcomed({ receiverStoreId }: WelcomeFrame, { frameLimit, isPartialInForce }: Agreement): void {
    const { clock, chance, log, inbox, send, violated, failed } = this.#parts;
    this.#sink = new Sink(
      {
        send,
        // There is one connection of this agent, and no newer session than its own.
        fenced: () => {},
        violated: (code, frameType) =>
          violated(new ProtocolError(code, "Cannot take this downstream", { frameType })),
        emptied: () => {},
        storeFailed: failed,
        log: (event, facts) => log.write(EVENT[event], facts),
      },
      {
        ...{ clock, chance, parity: 0, agent: 0, session: 0, isPartialInForce },
        store: inbox?.storeFor(receiverStoreId) ?? NO_STORE,
        serves: (channel) => inbox?.serves(channel) === true,
        isStoreFault: (error) => error instanceof AgentError,
        budget: new Budget(DOWNSTREAM_ASSEMBLING_BYTES),
        frameBytes: frameLimit,
        messageLimitBytes: MESSAGE_MAX_BYTES,
        windowBytes: () => (this.#isAnnouncing ? this.initialCredit : this.#windowBytes()),
      },
    );
    // Room may have come or gone since HELLO.
    this.#isAnnouncing = true;
    this.#sink.initialLimit();
    this.#isAnnouncing = false;
  }

  /** @throws {ProtocolError} if the frame does not follow what came before */
  take(frame: OpenFrame | DataFrame | SkipFrame, frameBytes: number): void {
    if (frame.type === "open") this.#sink?.open(frame);
    else if (frame.type === "skip") this.#sink?.takeSkip(frame);
    else this.#sink?.take(frame, frameBytes - FRAME_HEADER_BYTES);
  }

  /** Room has come, or gone. */
  roomChanged(): void {
    if (this.#parts.inbox?.hasRoom === true) this.#sink?.announceCredit();
  }

  close(): void {
    this.#sink?.close();
    this.#sink = undefined;
  }

  #windowBytes(): number {
    return this.#parts.inbox?.hasRoom === true ? DOWNSTREAM_CREDIT_BYTES : 0;
  }
}

const nobody = (): never => {
  throw new TypeError("Cannot ask an inbox that serves no channel");
};
const NO_STORE: SinkStore = { open: nobody, ingest: nobody, savePartial: nobody, skip: nobody };
