/** What support asked and what left, as it lies in the store (08 4.1, 5.4), and what the main thread asks the writer about it. @module */

/** Public: they stand in the store. */
export const COPY_STATE = {
  /** Accepted, and not answered yet. Found at a start: the process ended meanwhile. */
  asked: 0,
  /** Answered; the receiver has not said that it has the answer. */
  owed: 1,
  /** The receiver has it, or nobody waits for it any more. */
  done: 2,
  /** Made by a person, and sent to nobody. */
  local: 3,
  /** A bundle that leaves when a person says so. */
  held: 4,
} as const;
export type CopyState = (typeof COPY_STATE)[keyof typeof COPY_STATE];

/** The answer as people read it, and what left in its place. */
export const COPY_PART = { plain: 0, sealed: 1 } as const;
export type CopyPart = (typeof COPY_PART)[keyof typeof COPY_PART];

/** Copies that are kept at most: beyond it nothing more is asked, for nothing may leave without its copy. */
export const COPIES_MAX_COUNT = 20_000;
/** Of all together, in bytes. */
export const COPIES_MAX_BYTES = 268_435_456;
/** Stored at once: what an acknowledgment may have to wait for. */
export const COPY_SLICE_BYTES = 131_072;

export interface SupportCopy {
  readonly id: number;
  /** 16 bytes: the nonce of the question; of a person's own bundle any. */
  readonly nonce: Uint8Array;
  readonly atMs: number;
  readonly state: CopyState;
  /** Of all parts. */
  readonly bytes: number;
  /** JSON, not read by the store; `undefined` if it does not open. */
  readonly head: string | undefined;
}

/** Questions, with the type of their answers. Changes are durable when answered. */
export interface SupportQuestions {
  /** @throws `SUPPORT_COPIES_FULL`, `NONCE_SEEN` */
  supportBegin: {
    readonly ask: { readonly nonce: Uint8Array; readonly atMs: number; readonly head: string };
    readonly answer: number;
  };
  supportSlice: {
    readonly ask: {
      readonly id: number;
      readonly part: CopyPart;
      readonly ordinal: number;
      readonly bytes: Uint8Array;
    };
    readonly answer: undefined;
  };
  supportKeep: {
    readonly ask: { readonly id: number; readonly state: CopyState; readonly head: string };
    readonly answer: undefined;
  };
  supportMove: {
    readonly ask: { readonly id: number; readonly state: CopyState };
    readonly answer: undefined;
  };
  supportFind: {
    readonly ask: { readonly nonce: Uint8Array };
    readonly answer: SupportCopy | undefined;
  };
  /** Newest first, those before an id. */
  supportList: {
    readonly ask: { readonly beforeId: number; readonly limit: number };
    readonly answer: SupportCopy[];
  };
  /** Those that were asked or are owed, oldest first. */
  supportOwed: { readonly ask: { readonly limit: number }; readonly answer: SupportCopy[] };
  supportRead: {
    readonly ask: { readonly id: number; readonly part: CopyPart; readonly ordinal: number };
    readonly answer: Uint8Array | undefined;
  };
  supportForget: { readonly ask: { readonly ids: readonly number[] }; readonly answer: undefined };
  /** Oldest first, those from before a time. */
  supportOld: {
    readonly ask: { readonly beforeMs: number; readonly limit: number };
    readonly answer: number[];
  };
}

/** The writer thread, as far as support goes. */
export interface SupportWriter {
  ask<Name extends keyof SupportQuestions>(
    name: Name,
    ask: SupportQuestions[Name]["ask"],
  ): Promise<SupportQuestions[Name]["answer"]>;
}
