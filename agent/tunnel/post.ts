/**
 * One request in JSON to a door beside the tunnel's, on a connection of its own (07 1.5, 1.6).
 *
 * @module
 */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { ANSWER_MAX_BYTES } from "#certs/exchange.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import { DOOR_TIMEOUT_MS } from "../limits.ts";
import { type DialOptions, secured } from "./dial.ts";
import { stepFault, upgradeFault } from "./dial-faults.ts";
import { PhaseLimit } from "./phase-limit.ts";
import { retryAfter, skew } from "./refusal-headers.ts";
import { refusalReason } from "./refusal-reasons.ts";

export interface PostOptions extends DialOptions {
  /** Such as `/v1/renew`. */
  readonly path: string;
  readonly body: object;
}

export interface DoorAnswer {
  /** 200 or 202; 4xx where a door said why in JSON. */
  readonly status: number;
  /** Parsed JSON, and nothing more: its reader has a schema. */
  readonly body: unknown;
}

/**
 * Asks, and waits for the whole answer. A redirect is an answer that cannot be read.
 *
 * @throws {AgentError} one of `agent/tunnel-errors.ts`; `TUNNEL_REFUSED` with the facts `code` and `clockSkewMs`
 *   if the gate said no, or nobody said why
 */
export async function post(options: PostOptions): Promise<DoorAnswer> {
  const socket = await secured(options);
  using limit = new PhaseLimit({ ...options, limitMs: DOOR_TIMEOUT_MS });
  const text = JSON.stringify(options.body);
  const asked = request({
    method: "POST",
    path: options.path,
    headers: {
      Host: options.receiverUrl.host,
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(text),
      Connection: "close",
    },
    // No `agent`: with one, Node would make a connection of its own, with other TLS settings.
    createConnection: () => socket,
  });
  asked.on("error", () => {});
  try {
    asked.end(text);
    const [response] = (await once(asked, "response", { signal: limit.signal })) as [
      IncomingMessage,
    ];
    const bytes = await contentOf(response, limit.signal);
    return answerOf(response, bytes, options);
  } catch (cause) {
    throw stepFault(limit, cause, "TUNNEL_UPGRADE_TIMEOUT", upgradeFault);
  } finally {
    asked.destroy();
    socket.destroy();
  }
}

async function contentOf(response: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  const giveUp = (): void => void response.destroy();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > ANSWER_MAX_BYTES) throw notAReceiver(response);
      parts.push(part);
    }
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
  return Buffer.concat(parts);
}

function answerOf(response: IncomingMessage, bytes: Buffer, { clock }: DialOptions): DoorAnswer {
  const { statusCode: status = 0, headers } = response;
  if (status === 401) {
    const reason = headers["holdfast-reason"];
    // The gate says why in a header; the door of enrolment, which has no gate before it, in a body.
    const body = reason === undefined ? readAnswer(bytes) : undefined;
    if (body !== undefined) return { status, body };
    const code = identifierFrom(refusalReason(reason));
    throw new AgentError("TUNNEL_REFUSED", { code, ...skew(headers, clock.nowMs()) });
  }
  if (status === 429 || status === 503) {
    throw new AgentError("TUNNEL_OVERLOADED", { status, ...retryAfter(headers["retry-after"]) });
  }
  if (status >= 500) throw new AgentError("TUNNEL_RECEIVER_FAILING", { status });
  const isAnswer = status === 200 || status === 202 || (status >= 400 && status < 500);
  const body = isAnswer ? readAnswer(bytes) : undefined;
  if (body === undefined) throw notAReceiver(response);
  return { status, body };
}

const notAReceiver = ({ statusCode = 0 }: IncomingMessage): AgentError =>
  new AgentError("TUNNEL_NOT_A_RECEIVER", { status: statusCode });

/**
 * What a door said, before its reader's schema. @returns undefined for what is no JSON
 *
 * V8 takes some keys with escapes for others (`documents/strict-json.ts`). Here that lets nobody in: what is read once
 * is what is judged and used, and a receiver could have said it in plain keys.
 */
export function readAnswer(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
