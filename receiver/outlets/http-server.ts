/**
 * The door of the polling outlet: HTTPS with tokens, client certificates, or both. For programs of the
 * platform only: nothing is allowed to a page of another origin, and nothing is listed that was not asked.
 *
 * @module
 */
import { constants } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { type Identifier, identifierFrom, ReceiverError } from "../errors.ts";
import {
  CLOSE_GRACE_MS,
  HANDSHAKE_TIMEOUT_MS,
  HEADER_MAX_BYTES,
  POLL_BODY_MAX_BYTES,
  POLL_CONNECTIONS_MAX_COUNT,
  POLL_IDLE_MS,
  UNADMITTED_MAX_COUNT,
} from "../limits.ts";
import { listenTo } from "../listen.ts";
import { StrangerLog } from "../stranger-log.ts";
import { isAllowed } from "./http-access.ts";
import { type Answer, LATER, type Refusal, refusal, sendAnswer } from "./http-answer.ts";
import { answerTo } from "./http-routes.ts";
import { printable } from "./printable.ts";
import type { OutletContext } from "./pump.ts";

export interface HttpOptions {
  readonly name: string;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** PEM, the issuers of consumers; null if they need no certificate. */
  readonly clientCa: string | null;
  /** As `tokensFrom` gives them; null if they need none. */
  readonly tokens: readonly Uint8Array[] | null;
  /** Names under which consumers may keep where they stand. */
  readonly positions: readonly string[];
  /** Connections beyond those that are answered, for whoever has not shown a token yet. [1,024] */
  readonly spareConnections?: number;
}

export interface HttpOutlet extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
}

/** @throws {ReceiverError} `LISTEN_…` or `OUTLET_FILE` */
export async function openHttpOutlet(
  options: HttpOptions,
  context: OutletContext,
): Promise<HttpOutlet> {
  const outlet = printable(options.name);
  const names = new Set(options.positions);
  const strangers = new StrangerLog(context.log, context.clock);
  const stopping = new AbortController();
  const sockets = new Set<Socket>();
  let answerCount = 0;
  const server = createTlsServer(options, outlet);
  const { spareConnections = UNADMITTED_MAX_COUNT } = options;
  server.maxConnections = POLL_CONNECTIONS_MAX_COUNT + spareConnections;
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => socket.destroy());
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const refuse = (reason: Refusal | "handshake" | "connections"): void =>
    strangers.write("outletRefused", { outlet, reason: identifierFrom(reason) });
  server.on("drop", () => refuse("connections"));
  server.on("tlsClientError", (_error, socket) => {
    refuse("handshake");
    socket.destroy();
  });
  server.on("clientError", (_error, socket) => socket.destroy());
  server.on("request", (request, response) => {
    converse(request, response).catch((error: unknown) => {
      response.destroy();
      // Of half an answer nobody can say any more what is wrong with the rest.
      if (!(error instanceof ReceiverError)) throw error;
      context.log.fault("outletFailed", error);
    });
  });

  async function converse(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on("error", () => response.destroy()).once("close", () => gone.abort());
    const send = (answer: Answer): Promise<void> => sendAnswer(response, answer, context.clock);
    const reason = reasonToRefuse(request, options.tokens);
    if (reason !== undefined) {
      refuse(reason);
      const how = reason === "unauthorized" ? { "WWW-Authenticate": "Bearer" } : {};
      return await send(refusal(reason, { ...how, Connection: "close" }));
    }
    // Counted only now: strangers who say nothing keep no consumer out.
    if (answerCount >= POLL_CONNECTIONS_MAX_COUNT) {
      refuse("unavailable");
      return await send(refusal("unavailable", { ...LATER, Connection: "close" }));
    }
    answerCount += 1;
    try {
      const ended = AbortSignal.any([gone.signal, stopping.signal]);
      const answer = await judge(context, names, request, ended);
      if (stopping.signal.aborted) response.setHeader("Connection", "close");
      await send(answer);
    } finally {
      answerCount -= 1;
    }
  }

  await listenTo(server, options);
  // An IP server's address is never a string.
  const { address, port } = server.address() as AddressInfo;
  context.log.write("outletListening", { outlet, port });
  return {
    address: { host: address, port },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Who waits for a message gets its empty answer now.
      stopping.abort();
      server.closeIdleConnections();
      using _late = context.clock.after(CLOSE_GRACE_MS, () => {
        for (const socket of sockets) socket.destroy();
      });
      await closed;
      strangers[Symbol.dispose]();
    },
  };
}

async function judge(
  context: OutletContext,
  names: ReadonlySet<string>,
  request: IncomingMessage,
  ended: AbortSignal,
): Promise<Answer> {
  const url = urlOf(request);
  const body = await textOf(request);
  if (url === undefined) return refusal("badRequest");
  if (body === undefined) return refusal("tooLarge", { Connection: "close" });
  const { method = "", headers } = request;
  try {
    return await answerTo(context, names, { method, url, body, range: headers.range, ended });
  } catch (error) {
    // The database is away; or the store is gone, and with it soon the process (S9).
    if (!(error instanceof ReceiverError)) throw error;
    context.log.fault("outletFailed", error);
    return refusal("unavailable", LATER);
  }
}

function createTlsServer(options: HttpOptions, outlet: Identifier): Server {
  try {
    return createServer({
      cert: options.certificate,
      key: options.key,
      ...(options.clientCa === null ? {} : { ca: options.clientCa, requestCert: true }),
      rejectUnauthorized: options.clientCa !== null,
      minVersion: "TLSv1.2",
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      headersTimeout: HANDSHAKE_TIMEOUT_MS,
      requestTimeout: HANDSHAKE_TIMEOUT_MS,
      connectionsCheckingInterval: HANDSHAKE_TIMEOUT_MS / 2,
      keepAliveTimeout: POLL_IDLE_MS,
      maxHeaderSize: HEADER_MAX_BYTES,
      noDelay: true,
    });
  } catch (error) {
    const facts = { outlet, key: identifierFrom("tls") };
    throw new ReceiverError("OUTLET_FILE", { cause: error, facts });
  }
}

/** A browser says where its page comes from; programs do not. */
function reasonToRefuse(
  { headers }: IncomingMessage,
  tokens: readonly Uint8Array[] | null,
): "forbidden" | "unauthorized" | undefined {
  if (headers.origin !== undefined) return "forbidden";
  if (tokens !== null && !isAllowed(tokens, headers.authorization)) return "unauthorized";
  return undefined;
}

function urlOf({ url = "" }: IncomingMessage): URL | undefined {
  return url.startsWith("/") ? (URL.parse(url, "https://outlet") ?? undefined) : undefined;
}

/** @returns what was sent along; undefined if it is too much, or breaks off: nobody reads the answer then */
async function textOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of request) {
      bytes += part.length;
      if (bytes > POLL_BODY_MAX_BYTES) return undefined;
      parts.push(part);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(parts).toString("utf8");
}
