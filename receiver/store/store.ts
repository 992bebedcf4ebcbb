/**
 * What the receiver asks of a store. SQLite answers today; PostgreSQL is to answer the same (06
 * section 12), and both have to pass the same tests.
 *
 * Every answer is given after the commit that makes it true, and that commit is flushed. Calls are
 * carried out in the order in which they were made. A promise is rejected only if the store cannot
 * go on at all (S9); whatever can be expected is a result.
 *
 * @module
 */

import type { ReceiverError } from "../errors.ts";

export interface AgentName {
  readonly tenant: string;
  readonly name: string;
}

export interface AgentRecord extends AgentName {
  /** The store's own number for the agent. */
  readonly id: number;
  /** Of its certificate: lower-case hexadecimal without leading zeros. */
  readonly serialHex: string;
  /** Of the latest HELLO; 0 before the first. */
  readonly session: number;
  readonly addedAtMs: number;
  readonly helloAtMs: number | null;
}

export interface AddAgentCall extends AgentName {
  readonly serialHex: string;
  readonly atMs: number;
}

export type AddAgentResult =
  | { readonly agent: AgentRecord; readonly known: boolean }
  | { readonly kind: "busy" };

export interface HelloCall {
  readonly agent: number;
  readonly storeId: Uint8Array;
  readonly instanceNonce: Uint8Array;
  readonly atMs: number;
}

/** What every call on a channel names; `session` is compared first of all (RI2). */
export interface ChannelCall {
  readonly agent: number;
  readonly session: number;
  readonly channel: string;
  readonly epoch: bigint;
  readonly atMs: number;
}

export interface OpenCall extends ChannelCall {
  readonly previous: { readonly epoch: bigint; readonly finalSeq: bigint | null } | null;
}

/** Where the channel stands here; `chain` is null after a SKIP that could not name it. */
export interface ChannelPosition {
  readonly epoch: bigint;
  readonly lastSeq: bigint;
  readonly chain: Uint8Array | null;
}

export type OpenResult =
  | { readonly kind: "fenced" | "busy" }
  | {
      readonly kind: "ok" | "ahead" | "behind";
      readonly position: ChannelPosition;
      /** The gap record that this call wrote (RI8). */
      readonly gap: GapKind | null;
    };

export interface IngestItem {
  /** Of `body`, verified (RI1). */
  readonly sha256: Uint8Array;
  readonly receivedAtMs: number;
  /** {@link StoredMeta} as JSON. */
  readonly meta: string;
  readonly replaces: { readonly epoch: bigint; readonly seq: bigint } | null;
  readonly body: Uint8Array;
}

/** What is kept of the metadata of a message, beside its hash and times. */
export interface StoredMeta {
  readonly mediaType?: string;
  readonly source?: string;
  readonly traceparent?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface IngestCall extends ChannelCall {
  /** The seq of the first item; the others follow without a hole. */
  readonly first: bigint;
  /** At least one. */
  readonly items: readonly IngestItem[];
}

export interface SkipCall extends ChannelCall {
  readonly first: bigint;
  readonly last: bigint;
  readonly reason: SkipKind;
  readonly chain: Uint8Array | null;
}

/** The results of 06 section 12. */
export type IngestResult =
  | {
      readonly kind: "ok";
      /** Everything up to here is durable. */
      readonly last: bigint;
      /** Repeats that had no row to compare with (RI5). */
      readonly unverifiedCount: number;
      /** The gap record that this call wrote (RI8). */
      readonly gap: GapKind | null;
    }
  | { readonly kind: "gap"; readonly last: bigint }
  | { readonly kind: "conflict"; readonly seq: bigint }
  | { readonly kind: "fenced" | "staleEpoch" | "unopened" | "busy" };

export type SkipKind = "quarantined" | "discarded" | "damaged" | "pruned";
export type GapKind = SkipKind | "rolledBack" | "storeReplaced";

export interface ChannelRecord extends ChannelPosition {
  readonly channel: string;
}

export interface MessagesCall {
  readonly agent: number;
  readonly channel: string;
  /** Exclusive, in order of epoch and seq. */
  readonly after: { readonly epoch: bigint; readonly seq: bigint };
  /** Inclusive. */
  readonly upTo: { readonly epoch: bigint; readonly seq: bigint };
  readonly withBody: boolean;
}

export interface MessageRecord {
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly sha256: Uint8Array;
  readonly receivedAtMs: number;
  readonly storedAtMs: number;
  readonly meta: string;
  readonly bytes: number;
  /** It replaces a row that is gone, so nobody can say whether it was handed on before (RI6). */
  readonly possibleRepeat: boolean;
  /** Only if it was asked for. */
  readonly body: Uint8Array | null;
}

export interface GapRecord {
  readonly id: number;
  readonly epoch: bigint;
  /** Null if unknown. */
  readonly firstSeq: bigint | null;
  readonly lastSeq: bigint | null;
  readonly kind: GapKind;
  readonly recordedAtMs: number;
}

export interface Store extends AsyncDisposable {
  /** 16 bytes, made with the store. */
  readonly storeId: Uint8Array;
  /** Resolves, once, with the error after which the store cannot go on; the process must end (S9). */
  readonly failed: Promise<ReceiverError>;

  /** Adds an agent, or gives a known one another certificate. */
  addAgent(call: AddAgentCall): Promise<AddAgentResult>;
  findAgent(name: AgentName): Promise<AgentRecord | null>;
  /** One page in order of tenant and name; empty after the last. */
  listAgents(after: AgentName | null): Promise<readonly AgentRecord[]>;

  /** Begins a session: from this commit on every older one is fenced (TP10, RI2). */
  hello(call: HelloCall): Promise<{ readonly session: number } | { readonly kind: "busy" }>;
  /** TP14 to TP17. */
  open(call: OpenCall): Promise<OpenResult>;
  /** RI2 to RI7. The store may take over the memory of the call. */
  ingest(call: IngestCall): Promise<IngestResult>;
  /** TP31. */
  skip(call: SkipCall): Promise<IngestResult>;

  /** One page in order of the name; empty after the last. */
  listChannels(agent: number, after: string): Promise<readonly ChannelRecord[]>;
  /** One page in order of epoch and seq, without repeats (RI6); empty after the last. */
  readMessages(call: MessagesCall): Promise<readonly MessageRecord[]>;
  /** One page in the order of writing; empty after the last. */
  readGaps(agent: number, channel: string, after: number): Promise<readonly GapRecord[]>;
}
