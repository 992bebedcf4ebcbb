/** What the main thread asks the writer about the inbox. @module */
import type {
  Awaiting,
  Delivery,
  DeliveryHead,
  Hold,
  OutcomeFlag,
  QuarantineReason,
  ReplyCode,
} from "../../deliver/queue.ts";
import type { PlainFault } from "../format/fault.ts";
import type { GapKind, InboxCall, InboxCallName, InboxResults } from "./inbox-calls.ts";

/** What became of one call; `fault`: nothing of it is stored. */
export type InboxAnswer =
  | { readonly result: InboxResults[InboxCallName] }
  | { readonly fault: PlainFault };

/** A downstream channel as `status` shows it. */
export interface InboxStanding {
  readonly name: string;
  readonly epoch: bigint;
  readonly lastSeq: bigint;
  /** Stored and not settled, messages that wait for an application acknowledgment included. */
  readonly openCount: number;
  readonly openBytes: number;
  /** Set aside. */
  readonly asideCount: number;
  readonly asideBytes: number;
  /** When the oldest message came that waits to be delivered. */
  readonly oldestWaitingAtMs: number | undefined;
}

/** A message that was set aside instead of being delivered (03 O5, O9, O11). */
export interface AsideMessage {
  readonly id: number;
  readonly channel: string;
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly receivedAtMs: number;
  readonly settledAtMs: number;
  readonly bytes: number;
  readonly reason: QuarantineReason;
  readonly code: ReplyCode | undefined;
  readonly flags: readonly OutcomeFlag[];
}

/** RI8. */
export interface InboxGap {
  readonly id: number;
  readonly channel: string;
  readonly epoch: bigint;
  /** Null if unknown. */
  readonly firstSeq: bigint | null;
  readonly lastSeq: bigint | null;
  readonly kind: GapKind;
  readonly recordedAtMs: number;
  readonly acknowledgedAtMs: number | null;
}

/** A message as `trace` shows it. */
export interface TracedDelivery {
  readonly channel: string;
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly length: number;
  readonly storedAtMs: number;
  /** When it was delivered, or set aside; `undefined` until then. */
  readonly settledAtMs: number | undefined;
  readonly state: "waiting" | "awaiting" | "delivered" | "aside" | "repeat" | "discarded";
  /** Why it was set aside. */
  readonly reason: string | undefined;
  /** MSA-1. */
  readonly code: string | undefined;
  readonly flags: readonly OutcomeFlag[];
}

/** `nextId`: where the next step goes on; 0: there is no more. */
export interface InboxSearched {
  readonly matches: readonly TracedDelivery[];
  readonly nextId: number;
}

/** Questions, with the type of their answers. */
export interface InboxQuestions {
  /** Durable when answered; one answer a call, in order. */
  inbox: { readonly ask: readonly InboxCall[]; readonly answer: readonly InboxAnswer[] };
  inboxNext: { readonly ask: string; readonly answer: Delivery | undefined };
  inboxHead: { readonly ask: number; readonly answer: DeliveryHead | undefined };
  inboxBody: {
    readonly ask: { readonly id: number; readonly from: number; readonly maxBytes: number };
    readonly answer: Uint8Array<ArrayBuffer>;
  };
  inboxAwaiting: { readonly ask: string; readonly answer: readonly Awaiting[] };
  inboxHeld: { readonly ask: string; readonly answer: Hold | undefined };
  inboxStanding: { readonly ask: undefined; readonly answer: readonly InboxStanding[] };
  inboxAside: {
    readonly ask: { readonly beforeId: number; readonly count: number };
    readonly answer: readonly AsideMessage[];
  };
  inboxSearch: {
    readonly ask: { readonly controlId: string; readonly beforeId: number };
    readonly answer: InboxSearched;
  };
  inboxGaps: {
    readonly ask: { readonly afterId: number; readonly count: number };
    readonly answer: readonly InboxGap[];
  };
}

/** The writer thread, as far as the inbox goes. */
export interface InboxWriter {
  ask<Name extends keyof InboxQuestions>(
    name: Name,
    ask: InboxQuestions[Name]["ask"],
  ): Promise<InboxQuestions[Name]["answer"]>;
}

/** Takes changes, each with whatever queues beside it. */
export interface InboxWrites {
  /** Durable when it resolves. @throws {AgentError} why not */
  write<Name extends InboxCallName>(
    call: Extract<InboxCall, { readonly call: Name }>,
  ): Promise<InboxResults[Name]>;
}

/** Whether downstream messages may come: the source gets no credit while they may not (06 TP34). */
export interface InboxRoomNotice {
  readonly notice: "inboxRoom";
  readonly hasRoom: boolean;
}
