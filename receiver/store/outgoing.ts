/**
 * What the receiver asks of a store about messages for hospital systems (TP34): an outbox for each agent
 * and channel, of which the receiver owns the numbers. Commands (TP36) lie there, too, on a channel of theirs.
 *
 * As in `store.ts`, every answer is given after the flushed commit that makes it true.
 *
 * @module
 */

export interface EnqueueCall {
  readonly agent: number;
  readonly channel: string;
  /** The caller's own name for the message: with the same one it is not taken twice. */
  readonly key: string | null;
  /** Of `body`. */
  readonly sha256: Uint8Array;
  /** `StoredMeta` as JSON. */
  readonly meta: string;
  readonly body: Uint8Array;
  readonly atMs: number;
}

export type EnqueueResult =
  | {
      readonly kind: "ok";
      readonly message: OutgoingIdentity;
      /** It came before, under the same key. */
      readonly known: boolean;
    }
  /** The key was given to other content. */
  | { readonly kind: "conflict"; readonly message: OutgoingIdentity }
  | { readonly kind: "busy" };

export interface OutgoingIdentity {
  /** The store's own number, which stays; rises in the order of enqueuing over all agents. */
  readonly id: number;
  /** On the wire; both change when the channel moves to another epoch (TP18). */
  readonly epoch: bigint;
  readonly seq: bigint;
}

/** A channel as its OPEN names it (TP14). */
export interface OutgoingChannel {
  readonly channel: string;
  readonly epoch: bigint;
  readonly lastSeq: bigint;
  /** The agent has everything up to here. */
  readonly ackedSeq: bigint;
  /** The first one of this epoch whose body is still here; null if none is. */
  readonly oldestSeq: bigint | null;
  readonly previous: { readonly epoch: bigint; readonly finalSeq: bigint | null } | null;
}

export interface OutgoingRow extends OutgoingIdentity {
  readonly sha256: Uint8Array;
  readonly queuedAtMs: number;
  readonly meta: string;
  readonly bytes: number;
  /** The first identity under which it may have been sent (TP18). */
  readonly replaces: { readonly epoch: bigint; readonly seq: bigint } | null;
  /** Null above `LARGE_MESSAGE_BYTES`: `readOutgoingBody` gives it in parts. */
  readonly body: Uint8Array | null;
}

/** Where one epoch of a channel is read or settled. */
export interface OutgoingPlace {
  readonly agent: number;
  readonly channel: string;
  readonly epoch: bigint;
  readonly seq: bigint;
}

export interface ReissueCall {
  readonly agent: number;
  readonly session: number;
  readonly channel: string;
  /** In which the histories parted: nothing happens if the channel is in a later one. */
  readonly epoch: bigint;
  /** What the sink holds. */
  readonly sink: { readonly epoch: bigint; readonly lastSeq: bigint };
}

/** What a person asks about: state and outcome, never content. */
export interface OutgoingRecord extends OutgoingIdentity {
  readonly key: string | null;
  readonly bytes: number;
  readonly queuedAtMs: number;
  /** When the agent said that it has it. */
  readonly settledAtMs: number | null;
  /** The report of its delivery, JSON as the agent wrote it (03 O10). */
  readonly outcome: string | null;
}

/** A command that has no answer yet (TP36). */
export interface OpenCommand {
  /** Its id in hexadecimal. */
  readonly key: string;
  readonly document: Uint8Array;
}

export interface CommandAnswer {
  readonly agent: number;
  readonly session: number;
  readonly key: string;
  /** JSON. */
  readonly outcome: string;
  readonly atMs: number;
}

type Answered = { readonly kind: "ok" | "busy" };
type Fenced = Answered | { readonly kind: "fenced" };

export interface OutgoingStore {
  enqueue(call: EnqueueCall): Promise<EnqueueResult>;
  /** One page in order of the name; empty after the last. */
  outgoingChannels(agent: number, after: string): Promise<readonly OutgoingChannel[]>;
  /** One page of what lies behind `seq` of an epoch and is still here. */
  readOutgoing(place: OutgoingPlace): Promise<readonly OutgoingRow[]>;
  /** @returns at most `maxBytes` from `from` on; empty where it ends, or where nothing is kept */
  readOutgoingBody(
    call: OutgoingPlace & { readonly from: number; readonly maxBytes: number },
  ): Promise<Uint8Array>;
  /** @returns the chain after `seq` (TP15), `CHAIN_START` for 0, null if nobody knows it */
  outgoingChain(place: OutgoingPlace): Promise<Uint8Array | null>;
  /** The agent has everything up to `seq`: never moves back (RI2 first). */
  settleOutgoing(
    call: OutgoingPlace & { readonly session: number; readonly atMs: number },
  ): Promise<Fenced>;
  /** TP18: everything unsettled once more, in order, in an epoch above all that either side knows. */
  reissueOutgoing(call: ReissueCall): Promise<Fenced>;
  /** Keeps the report of a delivery with its message; a repeated one changes nothing. */
  noteOutcome(call: OutgoingPlace & { readonly outcome: string }): Promise<Answered>;
  /** The first of an agent's commands without an answer, in the order in which they were taken. */
  openCommands(agent: number, limit: number): Promise<readonly OpenCommand[]>;
  /** Keeps the answer to a command, and settles it; the first one counts (RI2 first). */
  answerCommand(call: CommandAnswer): Promise<Fenced>;
  /** One page in order of the id, of one channel. */
  listOutgoing(agent: number, channel: string, after: number): Promise<readonly OutgoingRecord[]>;
  /**
   * One page of: for whom something was enqueued behind message `id`, by any node, and up to which id.
   *
   * @param id null: nobody is named, only the last id so far
   */
  enqueuedSince(
    id: number | null,
  ): Promise<{ readonly lastId: number; readonly agents: readonly number[] }>;
  /** TP38: forgets bodies that the agent has had since before `beforeMs`. @returns how many, at most one page */
  pruneOutgoing(beforeMs: number): Promise<{ readonly count: number } | { readonly kind: "busy" }>;
}
