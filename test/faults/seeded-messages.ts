/**
 * Messages that are a function of their control id: whoever sees the id can say what the body must be.
 *
 * @module
 */
import { hash } from "node:crypto";

/** What the agent has to make of it: `refused` lacks MSH-9, so the reply is AR and it is set aside. */
export type Fate = "accepted" | "refused";

const SMALL = { from: 200, to: 2_000 };
/** Of a message whose body is small, with its head. */
export const SMALL_MAX_BYTES = SMALL.to + 200;
const MEDIUM = { from: 2_000, to: 200_000 };
/** Above the spool threshold: stored in slices. */
const LARGE = { from: 1_200_000, to: 2_000_000 };
/** A prime: a page of the body in another page's place never fits. */
const PATTERN_BYTES = 61;

/** @param connection any text without `.`: with the seed it makes the id unique */
export function controlIdOf(seed: number, connection: string, number: number): string {
  return `S${seed}.${connection}.${number}`;
}

export function fateOf(controlId: string): Fate {
  return chance(controlId, 0) < 0.02 ? "refused" : "accepted";
}

/** 90 % small, some to 200 KB, a few large enough to go in slices; the same at every call. */
export function messageOf(controlId: string): Buffer {
  const type = fateOf(controlId) === "refused" ? "" : "ADT^A01";
  const head = `MSH|^~\\&|LAB|WEST|HUB|EAST|20260101||${type}|${controlId}|P|2.5\rOBX|1|TX|||`;
  const body = Buffer.alloc(sizeOf(controlId), hash("sha256", controlId).slice(0, PATTERN_BYTES));
  return Buffer.concat([Buffer.from(head, "latin1"), body, Buffer.of(0x0d)]);
}

export const sha256Of = (bytes: Uint8Array): Buffer => hash("sha256", bytes, "buffer");

function sizeOf(controlId: string): number {
  const kind = chance(controlId, 4);
  const { from, to } = kind < 0.006 ? LARGE : kind < 0.1 ? MEDIUM : SMALL;
  return Math.floor(from * (to / from) ** chance(controlId, 8));
}

/** A number in [0, 1) that depends on the id alone. @param at which one: 0, 4, 8 … 28 */
function chance(controlId: string, at: number): number {
  return hash("sha256", controlId, "buffer").readUInt32BE(at) / 2 ** 32;
}

/** Random numbers in [0, 1) from a seed, always the same: when to kill, whom, how long to wait. */
export function* chances(seed: number): Generator<number, never> {
  for (let number = 0; ; number++) yield chance(`${seed}#${number}`, 0);
}
