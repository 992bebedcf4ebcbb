/**
 * Reads the golden vectors of TP39. In their JSON, {"hex": …} is a byte string and {"bigint": …} an
 * epoch or seq; everything else is as in `protocol/frame.ts`.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import type { ERROR_CODE, Frame } from "#protocol/frame.ts";

const FOLDER = new URL("../vectors/tunnel/", import.meta.url);

export type ErrorName = keyof typeof ERROR_CODE;

/** One frame: what it means, or why it is refused, or that it is skipped. */
export type FrameVector = { readonly name: string; readonly hex: string } & (
  | {
      readonly frame: Frame;
      /** Decodes to `frame`, but is not what we would send. */
      readonly oneWay?: true;
    }
  | { readonly error: ErrorName }
  | { readonly ignored: true }
);

/** The file of vectors of type `T` in `test/vectors/tunnel`. */
export function vectorsIn<T>(file: string): readonly T[] {
  return JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"), revive);
}

/** A file that is one object: lists of vectors by what they are about. */
export function matrixIn<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"));
}

/** A plain Uint8Array, as the protocol's are. */
export function bytesFrom(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

export function hexFrom(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function revive(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 1) return value;
  if ("hex" in value && typeof value.hex === "string") return bytesFrom(value.hex);
  if ("bigint" in value && typeof value.bigint === "string") return BigInt(value.bigint);
  return value;
}
