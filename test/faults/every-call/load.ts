/** The messages of the fault sweep: what the child stores, and the judge looks for. @module */
import { hash } from "node:crypto";

const MIB = 1024 * 1024;

/** One thing that a sender sends. */
export interface Sent {
  readonly controlId: string;
  readonly body: Buffer;
  readonly kind: "small" | "large" | "setAside";
}

const sent = (controlId: string, kind: Sent["kind"], bytes: number): Sent => {
  const head = `MSH|^~\\&|LAB|WEST|HUB|EAST|20260101||ADT^A01|${controlId}|P|2.5\rOBX|1|TX|||`;
  // 61 is a prime: a page in another page's place never fits.
  const filler = Buffer.alloc(bytes, hash("sha256", controlId).slice(0, 61));
  return { controlId, kind, body: Buffer.concat([Buffer.from(head), filler, Buffer.of(0x0d)]) };
};

/** Before the restart; each inner list goes in one append. */
export const FIRST_LIFE: readonly (readonly Sent[])[] = [
  [sent("ONE", "small", 300)],
  [sent("TWO", "small", 900)],
  [sent("BIG", "large", 1.1 * MIB)],
  [sent("ASIDE", "setAside", 400)],
  [sent("THREE", "small", 20_000), sent("FOUR", "small", 300), sent("FIVE", "small", 500)],
];

/** After it. The first is a resend. */
export const SECOND_LIFE: readonly (readonly Sent[])[] = [
  FIRST_LIFE[0] ?? [],
  [sent("SIX", "small", 700)],
  [sent("SEVEN", "small", 300)],
];

export const EVERYTHING: readonly Sent[] = [...FIRST_LIFE, ...SECOND_LIFE.slice(1)].flat();

/** What the child says, one JSON object a line. */
export type Said =
  | { readonly said: "opened" | "closed" }
  | { readonly said: "openFailed" | "refused" | "fatal"; readonly code: string }
  /** A promise: the outbox said so, and a reply would leave now. */
  | { readonly said: "kept"; readonly controlId: string; readonly outcome: string };
