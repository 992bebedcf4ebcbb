/**
 * What travels between the receiver's thread and the writer's: one post a turn with everything that
 * was asked in it, one post back a commit.
 *
 * @module
 */

import type {
  IngestCall,
  IngestResult,
  OpenCall,
  OpenResult,
  PartialCall,
  PartialResult,
  SkipCall,
} from "#streams/sink/sink-store.ts";
import type { ErrorCode, Facts } from "../../errors.ts";
import type { AlarmReports } from "../alarms.ts";
import type { ConsoleRecords } from "../console.ts";
import type { Heads } from "../heads.ts";
import type { HourLedger } from "../hours.ts";
import type { OpenCommand, OutgoingChannel, OutgoingRecord, OutgoingStore } from "../outgoing.ts";
import type {
  GapsCall,
  MovePositionCall,
  MovePositionResult,
  Place,
  PositionCall,
} from "../outlets.ts";
import type { Registry } from "../registry.ts";
import type {
  AddAgentCall,
  AddAgentResult,
  AgentName,
  AgentRecord,
  ChannelRecord,
  GapRecord,
  HelloCall,
  HelloResult,
  MessageRecord,
  MessagesCall,
  PruneCall,
  PruneResult,
  ReadBodyCall,
} from "../store.ts";
import type { PackedItems } from "./packed-items.ts";

/** An ingest call on its way: its items lie in one buffer, which changes hands. */
export type PackedIngestCall = Omit<IngestCall, "items"> & { readonly packed: PackedItems };

/** Every operation: what is asked and what is answered. */
export interface Operations
  extends OutgoingOperations,
    OutletOperations,
    RegistryOperations,
    HeadOperations,
    AlarmOperations,
    HourOperations,
    ConsoleOperations {
  addAgent: { ask: AddAgentCall; answer: AddAgentResult };
  findAgent: { ask: AgentName; answer: AgentRecord | null };
  listAgents: { ask: { readonly after: AgentName | null }; answer: readonly AgentRecord[] };
  hello: { ask: HelloCall; answer: HelloResult };
  unlockAgent: { ask: AgentName; answer: AgentRecord | null | { readonly kind: "busy" } };
  open: { ask: OpenCall; answer: OpenResult };
  ingest: { ask: PackedIngestCall; answer: IngestResult };
  savePartial: { ask: PartialCall; answer: PartialResult };
  skip: { ask: SkipCall; answer: IngestResult };
  listChannels: {
    ask: { readonly agent: number; readonly after: string };
    answer: readonly ChannelRecord[];
  };
  readMessages: { ask: MessagesCall; answer: readonly MessageRecord[] };
  prune: { ask: PruneCall; answer: PruneResult };
  readBody: { ask: ReadBodyCall; answer: Uint8Array };
  readGaps: {
    ask: { readonly agent: number; readonly channel: string; readonly after: number };
    answer: readonly GapRecord[];
  };
}

/** Those of the outbox for hospital systems, as {@link OutgoingStore} has them. */
interface OutgoingOperations {
  enqueue: OperationOf<"enqueue">;
  outgoingChannels: {
    ask: { readonly agent: number; readonly after: string };
    answer: readonly OutgoingChannel[];
  };
  readOutgoing: OperationOf<"readOutgoing">;
  readOutgoingBody: OperationOf<"readOutgoingBody">;
  outgoingChain: OperationOf<"outgoingChain">;
  settleOutgoing: OperationOf<"settleOutgoing">;
  reissueOutgoing: OperationOf<"reissueOutgoing">;
  noteOutcome: OperationOf<"noteOutcome">;
  openCommands: {
    ask: { readonly agent: number; readonly limit: number };
    answer: readonly OpenCommand[];
  };
  answerCommand: OperationOf<"answerCommand">;
  listOutgoing: {
    ask: { readonly agent: number; readonly channel: string; readonly after: number };
    answer: readonly OutgoingRecord[];
  };
  enqueuedSince: { ask: { readonly id: number | null }; answer: Answer<"enqueuedSince"> };
  pruneOutgoing: { ask: { readonly beforeMs: number }; answer: Answer<"pruneOutgoing"> };
}

/** Those of the outlets, as {@link OutletStore} has them. */
interface OutletOperations {
  findGaps: { ask: GapsCall; answer: readonly GapRecord[] };
  findPosition: { ask: PositionCall; answer: Place | null };
  movePosition: { ask: MovePositionCall; answer: MovePositionResult };
}

/** Those of the register of identities, as {@link Registry} has them. */
type RegistryOperations = {
  [Name in keyof Registry]: {
    ask: { readonly call: Parameters<Registry[Name]>[0] };
    answer: Awaited<ReturnType<Registry[Name]>>;
  };
};

/** Those of heads, as {@link Heads} has them. */
type HeadOperations = {
  [Name in keyof Heads]: {
    ask: { readonly call: Parameters<Heads[Name]>[0] };
    answer: Awaited<ReturnType<Heads[Name]>>;
  };
};

/** Those of alarms, as {@link AlarmReports} has them. */
type AlarmOperations = {
  [Name in keyof AlarmReports]: {
    ask: { readonly call: Parameters<AlarmReports[Name]>[0] };
    answer: Awaited<ReturnType<AlarmReports[Name]>>;
  };
};

/** Those of hours, as {@link HourLedger} has them. */
type HourOperations = {
  [Name in keyof HourLedger]: {
    ask: { readonly call: Parameters<HourLedger[Name]>[0] };
    answer: Awaited<ReturnType<HourLedger[Name]>>;
  };
};

/** Those of the console, as {@link ConsoleRecords} has them. */
type ConsoleOperations = {
  [Name in keyof ConsoleRecords]: {
    ask: { readonly call: Parameters<ConsoleRecords[Name]>[0] };
    answer: Awaited<ReturnType<ConsoleRecords[Name]>>;
  };
};

type Answer<Name extends keyof OutgoingStore> = Awaited<ReturnType<OutgoingStore[Name]>>;
interface OperationOf<Name extends keyof OutgoingStore> {
  ask: Parameters<OutgoingStore[Name]>[0];
  answer: Answer<Name>;
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
