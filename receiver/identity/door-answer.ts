/** What the doors for enrolment and renewal answer, and how they read (07 1.5, 1.6, 1.8). @module */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { REASON_HEADER, REQUEST_MAX_BYTES } from "#certs/exchange.ts";
import type { Clock } from "../host/clock.ts";
import { DOOR_BODY_MAX_MS, SHED_RETRY_AFTER_S } from "../limits.ts";

export interface DoorAnswer {
  readonly status: number;
  /** JSON; absent for none. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const FORBIDDEN: DoorAnswer = { status: 403 };
export const MALFORMED: DoorAnswer = { status: 400 };
export const TOO_LARGE: DoorAnswer = { status: 413 };

/** The store or the CA cannot go on now, or too many ask. */
export const LATER: DoorAnswer = {
  status: 503,
  headers: { "Retry-After": String(SHED_RETRY_AFTER_S) },
};

/** The renewal door refuses as the gate does: a code in a header, no body. */
export function refusedByGate(reason: string, status = 401): DoorAnswer {
  return { status, headers: { [REASON_HEADER]: reason } };
}

/** Answers once, and ends the connection: whoever comes back says again who it is. */
export function send(response: ServerResponse, answer: DoorAnswer): void {
  const body = answer.body ?? "";
  response.writeHead(answer.status, {
    ...answer.headers,
    ...(body !== "" && { "Content-Type": "application/json" }),
    "Cache-Control": "no-store",
    "Content-Length": `${Buffer.byteLength(body)}`,
    Connection: "close",
  });
  response.end(body);
}

/**
 * Reads a body as JSON.
 *
 * V8 takes some keys with escapes for others (`documents/strict-json.ts`). Here that lets nobody in: the doors read a
 * body once, and what is signed are values that its reader takes out of it, not its text.
 *
 * @returns `malformed` for what is no JSON; null if nobody waits for an answer any more
 */
export async function readJson(
  request: Readable & Pick<IncomingMessage, "headers">,
  clock: Clock,
): Promise<{ readonly json: unknown } | "malformed" | "tooLarge" | null> {
  if (Number(request.headers["content-length"] ?? 0) > REQUEST_MAX_BYTES) return "tooLarge";
  using _late = clock.after(DOOR_BODY_MAX_MS, () => request.destroy());
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > REQUEST_MAX_BYTES) return "tooLarge";
    }
  } catch {
    // It hung up, or was too slow.
    return null;
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
    return { json: JSON.parse(text) };
  } catch {
    return "malformed";
  }
}
