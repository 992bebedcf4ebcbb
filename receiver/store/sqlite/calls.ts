/**
 * What travels between the receiver's thread and the writer's: one post a turn with everything that
 * was asked in it, one post back a commit.
 *
 * @module
 */
import type { ErrorCode, Facts } from "../../errors.ts";
import type {
  AddAgentCall,
  AddAgentResult,
  AgentName,
  AgentRecord,
  ChannelRecord,
  GapRecord,
  HelloCall,
  IngestCall,
  IngestResult,
  MessageRecord,
  MessagesCall,
  OpenCall,
  OpenResult,
  SkipCall,
} from "../store.ts";
import type { PackedItems } from "./packed-items.ts";

/** An ingest call on its way: its items lie in one buffer, which changes hands. */
export type PackedIngestCall = Omit<IngestCall, "items"> & { readonly packed: PackedItems };

/** Every operation: what is asked and what is answered. */
export interface Operations {
  addAgent: { ask: AddAgentCall; answer: AddAgentResult };
  findAgent: { ask: AgentName; answer: AgentRecord | null };
  listAgents: { ask: { readonly after: AgentName | null }; answer: readonly AgentRecord[] };
  hello: {
    ask: HelloCall;
    answer: { readonly session: number } | { readonly kind: "busy" };
  };
  open: { ask: OpenCall; answer: OpenResult };
  ingest: { ask: PackedIngestCall; answer: IngestResult };
  skip: { ask: SkipCall; answer: IngestResult };
  listChannels: {
    ask: { readonly agent: number; readonly after: string };
    answer: readonly ChannelRecord[];
  };
  readMessages: { ask: MessagesCall; answer: readonly MessageRecord[] };
  readGaps: {
    ask: { readonly agent: number; readonly channel: string; readonly after: number };
    answer: readonly GapRecord[];
  };
}

export type OperationName = keyof Operations;

/** One question; the tickets of a writer rise by one. */
export type Request = {
  [Name in OperationName]: {
    readonly ticket: number;
    readonly name: Name;
    readonly ask: Operations[Name]["ask"];
  };
}[OperationName];

export interface Reply {
  readonly ticket: number;
  readonly answer: Operations[OperationName]["answer"];
}

/** What a writer thread is started with. */
export interface WriterData {
  readonly file: string;
  readonly settings: readonly string[];
}

export type FromWriter =
  | { readonly kind: "opened"; readonly storeId: Uint8Array }
  | { readonly kind: "committed"; readonly replies: readonly Reply[] }
  /** The writer has ended; nothing that was not reported before is true. */
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly facts: Facts };

export type ToWriter =
  | { readonly kind: "requests"; readonly requests: readonly Request[] }
  | { readonly kind: "close" };
