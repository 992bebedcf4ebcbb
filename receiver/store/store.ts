/**
 * What the receiver asks of a store. SQLite and PostgreSQL answer the same (06 section 12), and pass the
 * same tests.
 *
 * Every answer is given after the commit that makes it true, and that commit is flushed. Calls are
 * carried out in the order in which they were made on their channel; a HELLO is behind everything of its
 * agent that was asked before it. A promise is rejected if the store cannot go on at all (S9), and one
 * that only reads also while a database is away (`STORE_UNREACHABLE`); whatever else can be expected is a
 * result.
 *
 * @module
 */

import type {
  ChannelPosition,
  GapKind,
  IngestCall,
  IngestResult,
  OpenCall,
  OpenResult,
  PartialCall,
  PartialResult,
  SkipCall,
} from "#streams/sink/sink-store.ts";
import type { ReceiverError } from "../errors.ts";
import type { Identity } from "./identity-record.ts";

export interface AgentName {
  readonly tenant: string;
  readonly name: string;
}

export interface AgentRecord extends AgentName {
  /** The store's own number for the agent. */
  readonly id: number;
  /** Of its current certificate: lower-case hexadecimal without leading zeros; empty before the first. */
  readonly serialHex: string;
  /** Rises with each change of serial or identity. */
  readonly revision: number;
  readonly identity: Identity;
  /** Of the latest HELLO; 0 before the first. */
  readonly session: number;
  readonly addedAtMs: number;
  readonly helloAtMs: number | null;
  /** Two copies were found alive (TP33): nobody is let in until a person decides (07 1.7). */
  readonly lockedAtMs: number | null;
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

export type HelloResult =
  | { readonly session: number }
  /**
   * `duplicate`: this HELLO is the third return of a pair, so that two copies are alive (TP33). The
   * agent is locked from this commit on, and every older session is fenced. `locked`: it was
   * locked before.
   */
  | { readonly kind: "busy" | "duplicate" | "locked" };

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
  /** `StoredMeta` as JSON; an empty object after the message was pruned. */
  readonly meta: string;
  readonly bytes: number;
  /** It replaces a row that is gone, so nobody can say whether it was handed on before (RI6). */
  readonly possibleRepeat: boolean;
  /** Only if it was asked for, and is at most 1 MiB; larger ones are read by `readBody`. */
  readonly body: Uint8Array | null;
}

export interface ReadBodyCall {
  readonly agent: number;
  readonly channel: string;
  readonly epoch: bigint;
  readonly seq: bigint;
  /** In bytes. */
  readonly from: number;
  readonly maxBytes: number;
}

/** An outlet that retention waits for. */
export interface WaitingOutlet {
  /** The name of its position. */
  readonly outlet: string;
  /** Those that it takes; null for all but the reserved ones (TP35). */
  readonly channels: readonly string[] | null;
}

export interface PruneCall {
  /** Messages that were stored before this lose their body and metadata (TP38). */
  readonly beforeMs: number;
  /** What one of these takes and has not handed on stays. */
  readonly outlets: readonly WaitingOutlet[];
  /** What none of these takes stays, too: nobody can say whether it was handed on. [false] */
  readonly keepsUntaken?: boolean;
  /** Null at first, then what the call before has returned. */
  readonly after: number | null;
}

export type PruneResult =
  /** `next`: where the next step goes on; null after the last. */
  { readonly kind: "ok"; readonly next: number | null } | { readonly kind: "busy" };

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

  /** Adds an agent, or gives a known one another certificate; what was known of its identity is forgotten. */
  addAgent(call: AddAgentCall): Promise<AddAgentResult>;
  findAgent(name: AgentName): Promise<AgentRecord | null>;
  /** One page in order of tenant and name; empty after the last. */
  listAgents(after: AgentName | null): Promise<readonly AgentRecord[]>;

  /** Begins a session: from this commit on every older one is fenced (TP10, RI2). */
  hello(call: HelloCall): Promise<HelloResult>;
  /** Lets an agent in again that was locked; null if there is no such agent. */
  unlockAgent(name: AgentName): Promise<AgentRecord | null | { readonly kind: "busy" }>;
  /** TP14 to TP17. */
  open(call: OpenCall): Promise<OpenResult>;
  /** RI2 to RI7. The store may take over the memory of the call. */
  ingest(call: IngestCall): Promise<IngestResult>;
  /** Keeps a piece of a large message: durable when it resolves (TP25). */
  savePartial(call: PartialCall): Promise<PartialResult>;
  /** TP31. */
  skip(call: SkipCall): Promise<IngestResult>;

  /** One page in order of the name; empty after the last. */
  listChannels(agent: number, after: string): Promise<readonly ChannelRecord[]>;
  /** One page in order of epoch and seq, without repeats (RI6); empty after the last. */
  readMessages(call: MessagesCall): Promise<readonly MessageRecord[]>;
  /** Some bytes of a body, of any size, from `from` on; empty where it ends. */
  readBody(call: ReadBodyCall): Promise<Uint8Array>;
  /**
   * One step of retention. Numbers, hashes, times, chains, epochs and gaps stay for ever; so repeats are
   * still recognised (RI5). A message that was pruned has its row, without `body` and `meta`.
   */
  prune(call: PruneCall): Promise<PruneResult>;
  /** One page in the order of writing; empty after the last. */
  readGaps(agent: number, channel: string, after: number): Promise<readonly GapRecord[]>;
}
