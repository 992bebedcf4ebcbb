/**
 * What the console asks of a store (01 "Receive"): which agents are connected to any node, what is known of each, and what
 * people did. All nodes of one database see the same.
 *
 * @module
 */
import type { OutgoingRecord } from "./outgoing.ts";

/** An agent and the session that is meant: what is said of an older one changes nothing. */
export interface LiveSession {
  readonly agent: number;
  readonly session: number;
}

export interface NotePresenceCall {
  /** Connected to this node, as of `atMs`. */
  readonly here: readonly LiveSession[];
  /** Were connected to this node, until `atMs`. */
  readonly gone: readonly LiveSession[];
  readonly atMs: number;
}

/** What is known of one agent beside its own row. Times in ms since 1970, by the receiver's clock unless said otherwise. */
export interface AgentStanding {
  readonly agent: number;
  /** Null: never since this is kept. */
  readonly seenMs: number | null;
  /** When its connection ended; null while it is there, or where nobody could say. */
  readonly goneMs: number | null;
  readonly alarms: {
    /** By the agent's clock. */
    readonly reportedMs: number;
    readonly receivedMs: number;
    /** As {@link AlarmReports} has it. */
    readonly report: string;
  } | null;
  /** Its newest status document; `isVerified` as {@link HeadRecord} has it. */
  readonly head: {
    readonly isVerified: boolean;
    readonly receivedMs: number;
    readonly envelope: string;
  } | null;
  /** When its newest message was stored, of all its channels but reserved ones. */
  readonly lastStoredMs: number | null;
  /** The longest that the newest message of a channel had waited at the agent, by both clocks. */
  readonly waitedMs: number | null;
}

export interface MessageTimesCall {
  readonly agent: number;
  readonly channel: string;
  readonly epoch: bigint;
  /** At most {@link MESSAGE_TIMES_MAX_COUNT}. */
  readonly seqs: readonly bigint[];
}

export interface MessageTimes {
  readonly seq: bigint;
  /** By the agent's clock. */
  readonly receivedMs: number;
  readonly storedMs: number;
}

/** Links, sessions, questions that wait for a second person: small, few, and over one day. */
export interface ConsoleItem {
  /** At most 16 characters; with `key` it names the item. */
  readonly kind: string;
  readonly key: string;
  /** JSON of ours. */
  readonly body: string;
  readonly expiresMs: number;
}

export interface KeepItemCall extends ConsoleItem {
  /** False: only what is there already is changed, so that what was ended stays ended. */
  readonly isNew: boolean;
  /** What has expired by then goes. */
  readonly atMs: number;
}

/** One line of what people did; it is never changed, and never goes. */
export interface ConsoleEntry {
  readonly atMs: number;
  /** Name of the person, as the configuration or the link has it. */
  readonly who: string;
  readonly role: string;
  readonly action: string;
  /** TENANT/AGENT, or empty. */
  readonly agent: string;
  /** Codes, numbers and names of ours; never anything that was typed. */
  readonly detail: string;
}

export interface ConsoleRecords {
  notePresence(
    call: NotePresenceCall,
  ): Promise<{ readonly kind: "ok" } | { readonly kind: "busy" }>;
  /** One page in order of the agents' numbers; empty after the last. */
  standings(call: {
    readonly after: number;
    readonly limit: number;
  }): Promise<readonly AgentStanding[]>;
  /** Of those that are there, in order of the seq; pruned ones too. */
  messageTimes(call: MessageTimesCall): Promise<readonly MessageTimes[]>;
  /** Newest first, before message `before`. */
  recentOutgoing(call: {
    readonly agent: number;
    readonly channel: string;
    readonly before: number;
    readonly limit: number;
  }): Promise<readonly OutgoingRecord[]>;
  /** @returns `isKept` false: `isNew`, and it is there already or there are too many; or not new, and not there */
  keepItem(
    call: KeepItemCall,
  ): Promise<{ readonly kind: "ok"; readonly isKept: boolean } | { readonly kind: "busy" }>;
  /** In order of the key; those of `key` alone if it is not null. Expired ones may be among them. */
  items(call: {
    readonly kind: string;
    readonly key: string | null;
  }): Promise<readonly ConsoleItem[]>;
  /** Takes one away: of all who ask at once, one gets it. */
  takeItem(call: {
    readonly kind: string;
    readonly key: string;
  }): Promise<
    { readonly kind: "ok"; readonly item: ConsoleItem | null } | { readonly kind: "busy" }
  >;
  addEntry(entry: ConsoleEntry): Promise<{ readonly kind: "ok" } | { readonly kind: "busy" }>;
  /** Newest first, before entry `before`. */
  entries(call: {
    readonly before: number;
    readonly limit: number;
  }): Promise<readonly (ConsoleEntry & { readonly id: number })[]>;
}

/** Items of one kind at once: more people than look after hospitals at night. Nodes that add at once may pass it by a few. */
export const CONSOLE_ITEMS_MAX_COUNT = 200;
/** Rows that are looked up in one call, each by its key. */
export const MESSAGE_TIMES_MAX_COUNT = 200;

export interface ConsoleStore {
  readonly console: ConsoleRecords;
}
