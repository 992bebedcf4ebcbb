/**
 * How a folder worker is spoken with, whatever its methods are: the same over a thread's port and over a
 * process's pipe.
 *
 * @module
 */
import type { ErrorCode, Facts } from "../errors.ts";

/**
 * A hung call in a thread cannot be ended, and keeps its process from ending: only folders on local disks are
 * worked on in a thread.
 */
export type Isolation = "thread" | "process";

/** One call. Calls are worked off one after another. */
export interface Question {
  readonly id: number;
  readonly method: string;
  readonly ask: unknown;
}

export type WorkerMessage =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly fault: { readonly code: ErrorCode; readonly facts: Facts } }
  /** It has started, or is at work: sent at most once a second while a long method goes on. */
  | { readonly alive: true }
  /** Something in the folder has changed (P12). */
  | { readonly hint: true };

/** A method of `Methods` by name: it answers, or throws. */
export type Handlers<Methods> = {
  readonly [M in keyof Methods]: Methods[M] extends {
    readonly ask: infer A;
    readonly answer: infer B;
  }
    ? (ask: A) => B
    : never;
};

/** What methods may say while they work. */
export interface WorkerVoice {
  /** A file was touched: whoever asked sees that the folder answers. Cheap. */
  touched(): void;
  hint(): void;
}
