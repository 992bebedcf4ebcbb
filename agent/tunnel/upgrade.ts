/** The websocket's upgrade, and what it means when the answer is another (06 TP2, TP3, TP5; 07 1.8). @module */
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import { FRAME_MAX_BYTES, SUBPROTOCOL, TUNNEL_PATH } from "#protocol/limits.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import { BUFFERED_PARTS_MAX_COUNT, FRAGMENTS_MAX_COUNT } from "../limits.ts";
import { upgradeFault } from "./dial-faults.ts";
import { PhaseLimit, type Waiting } from "./phase-limit.ts";
import { retryAfter, skew } from "./refusal-headers.ts";
import { refusalReason } from "./refusal-reasons.ts";

export interface UpgradeOptions extends Waiting {
  readonly socket: TLSSocket;
  readonly receiverUrl: URL;
}

const SWITCHING_PROTOCOLS = 101;

/**
 * @returns the websocket, paused
 * @throws {AgentError} `TUNNEL_UPGRADE_TIMEOUT`, `TUNNEL_REFUSED`, `TUNNEL_VERSION`, `TUNNEL_OVERLOADED`,
 *   `TUNNEL_RECEIVER_FAILING`, `TUNNEL_NOT_A_RECEIVER`, `TUNNEL_CERT_REFUSED` or `TUNNEL_UNREACHABLE`
 */
export async function upgrade(options: UpgradeOptions): Promise<WebSocket> {
  const { receiverUrl, socket } = options;
  using limit = new PhaseLimit(options);
  const webSocket = new WebSocket(new URL(TUNNEL_PATH, receiverUrl), [SUBPROTOCOL], {
    // No `agent`: with one, Node would make a connection of its own, with other TLS settings.
    createConnection: () => socket,
    perMessageDeflate: false,
    maxPayload: FRAME_MAX_BYTES,
    // Each part costs an object whatever its size; the defaults of `ws` are meant for messages of 100 MiB.
    maxFragments: FRAGMENTS_MAX_COUNT,
    maxBufferedChunks: BUFFERED_PARTS_MAX_COUNT,
    // The session answers, and counts.
    autoPong: false,
    followRedirects: false,
  });
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const giveUp = (): void => webSocket.terminate();
  let switched = false;
  limit.signal.addEventListener("abort", giveUp, { once: true });
  webSocket.once("upgrade", () => {
    switched = true;
  });
  webSocket.once("open", () => {
    webSocket.pause();
    resolve(webSocket);
  });
  webSocket.once("unexpected-response", (_request, response) => {
    reject(refusalOf(response, options));
    webSocket.terminate();
  });
  webSocket.on("error", (cause) => {
    if (limit.expired) reject(new AgentError("TUNNEL_UPGRADE_TIMEOUT", {}));
    // Switched, and then not to our protocol: `ws` found no or another subprotocol, key or extension.
    else if (switched) reject(notAReceiver(SWITCHING_PROTOCOLS));
    else reject(upgradeFault(cause));
  });
  if (limit.signal.aborted) giveUp();
  try {
    return await promise;
  } finally {
    limit.signal.removeEventListener("abort", giveUp);
  }
}

/** An answer in HTTP. Header text is mapped, never shown. */
function refusalOf(response: IncomingMessage, { clock }: Waiting): AgentError {
  const status = response.statusCode ?? 0;
  const { headers } = response;
  switch (status) {
    case 401: {
      const code = refusalReason(headers["holdfast-reason"]);
      return new AgentError("TUNNEL_REFUSED", {
        code: identifierFrom(code),
        ...skew(headers, clock.nowMs()),
      });
    }
    case 400:
      return new AgentError("TUNNEL_VERSION", { status });
    case 429:
    case 503:
      return new AgentError("TUNNEL_OVERLOADED", { status, ...retryAfter(headers["retry-after"]) });
    default:
      return status >= 500
        ? new AgentError("TUNNEL_RECEIVER_FAILING", { status })
        : notAReceiver(status);
  }
}

const notAReceiver = (status: number): AgentError =>
  new AgentError("TUNNEL_NOT_A_RECEIVER", { status });
