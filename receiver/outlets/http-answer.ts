/**
 * What is answered over HTTP, and how it leaves: as fast as the reader reads, and no slower than we bear.
 *
 * @module
 */
import type { ServerResponse } from "node:http";
import type { Clock } from "../host/clock.ts";
import { SLOW_READER_MS } from "../limits.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array | string>;
}

/** What cannot be answered as it was asked; `error` is for programs, and is never renamed. */
export type Refusal =
  | "ahead"
  | "badRequest"
  | "forbidden"
  | "methodNotAllowed"
  | "notFound"
  | "rangeNotSatisfiable"
  | "tooLarge"
  | "unauthorized"
  | "unavailable";

const STATUS: Readonly<Record<Refusal, number>> = {
  badRequest: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  methodNotAllowed: 405,
  ahead: 409,
  tooLarge: 413,
  rangeNotSatisfiable: 416,
  unavailable: 503,
};

/** With `unavailable`: when to ask again, in seconds (RFC 9110 section 10.2.3). */
export const LATER = { "Retry-After": "5" };

export function refusal(
  error: Refusal,
  headers: Readonly<Record<string, string>> = {},
  facts: Readonly<Record<string, string>> = {},
): Answer {
  return { ...json(JSON.stringify({ error, ...facts })), status: STATUS[error], headers };
}

/** @param pieces of one JSON text */
export function json(...pieces: readonly string[]): Answer {
  return { status: 200, headers: {}, body: piecesOf(pieces) };
}

async function* piecesOf(pieces: readonly string[]): AsyncGenerator<string> {
  yield* pieces;
}

/**
 * Sends an answer to its end, or hangs up: on a reader that takes nothing for {@link SLOW_READER_MS}, and
 * if the body cannot be read to its end, so that half of it is never taken for the whole.
 */
export async function sendAnswer(
  response: ServerResponse,
  { status, headers, body }: Answer,
  clock: Clock,
): Promise<void> {
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...headers,
  });
  try {
    for await (const piece of body) {
      if (response.destroyed) return;
      if (!response.write(piece)) await drained(response, clock);
    }
    response.end();
    using _late = clock.after(SLOW_READER_MS, () => response.destroy());
    await closed(response);
  } catch (error) {
    response.destroy();
    throw error;
  }
}

async function drained(response: ServerResponse, clock: Clock): Promise<void> {
  using _late = clock.after(SLOW_READER_MS, () => response.destroy());
  if (response.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}

async function closed(response: ServerResponse): Promise<void> {
  if (response.closed) return;
  await new Promise<void>((resolve) => response.once("close", resolve));
}
