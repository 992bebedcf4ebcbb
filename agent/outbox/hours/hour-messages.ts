/** What the main thread asks the writer about hours. @module */
import type { Direction } from "#reconcile/hour-record.ts";

/** A stretch (`migration-hours.ts`) with what became of it so far. */
export interface HourStretch {
  readonly direction: Direction;
  readonly channel: string;
  readonly epoch: bigint;
  readonly firstSeq: bigint;
  readonly lastSeq: bigint;
  readonly hour: number;
  readonly copies: number;
  /** The chain behind it, 32 bytes; `undefined` where nobody knows it. */
  readonly after: Uint8Array | undefined;
  readonly fates: Fates;
}

/** Together they are all messages of the stretch that are not forgotten. */
export interface Fates {
  /** Up: the receiver has not confirmed them yet. Down: no hospital system has them yet. */
  readonly waiting: number;
  /** Up: the receiver's last word on their number was heard; down: a hospital system has them. */
  readonly done: number;
  /** Up: sent under another number (06 TP18). Down: they had come before. */
  readonly elsewhere: number;
  /** Down: set aside instead of being delivered, discarded ones included. */
  readonly aside: number;
  /** Up: `done`, and not there: storage had damaged them here (06 TP31). */
  readonly lost: number;
}

/** What came in an hour and got no number. */
export interface HourCount {
  readonly channel: string;
  readonly hour: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly refused: number;
  readonly rejected: number;
}

/** Where a page begins: behind this stretch, and behind this count. */
export interface HourPlace {
  readonly hour: number;
  readonly id: number;
  readonly countHour: number;
  readonly countChannel: number;
}

export interface HourPage {
  readonly stretches: readonly HourStretch[];
  readonly counts: readonly HourCount[];
  /** `undefined`: there is no more. */
  readonly next: HourPlace | undefined;
}

/** Messages of one channel and epoch that somebody else has, in order, between two seqs. */
export interface HeldElsewhere {
  readonly channel: string;
  readonly epoch: bigint;
  /** Exclusive, and inclusive: up to where `rows` is everything that he has. */
  readonly afterSeq: bigint;
  readonly throughSeq: bigint;
  readonly rows: readonly { readonly seq: bigint; readonly sha256: Uint8Array }[];
}

/** One that is not the same on both sides. */
export interface Unlike {
  readonly seq: bigint;
  readonly kind: "absentThere" | "absentHere" | "other";
  /** MSH-10, where it is known here. */
  readonly controlId: Uint8Array | undefined;
  /** `undefined` for what is not here. */
  readonly receivedAtMs: number | undefined;
  /** The receiver's last word on it was heard, or it was sent under another number. */
  readonly isSettled: boolean;
}

export interface Told {
  readonly records: number;
  /** Since when hours are counted, and up to which everything was told. */
  readonly sinceHour: number;
  readonly throughHour: number;
}

/** Questions, with the type of their answers. */
export interface HourQuestions {
  hours: {
    readonly ask: { readonly after: HourPlace; readonly toHour: number };
    readonly answer: HourPage;
  };
  /** Durable when answered. @returns `undefined`: the store has no channel for it */
  tellHours: { readonly ask: { readonly nowMs: number }; readonly answer: Told | undefined };
  compareHeld: { readonly ask: HeldElsewhere; readonly answer: readonly Unlike[] };
}
