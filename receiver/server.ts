/**
 * The door to the network: TLS 1.3 with client certificates, one path, one subprotocol (06 section
 * 2, 07 1.8 and 1.9). Everything that gets no further than here costs no call to the store.
 *
 * @module
 */
import { constants } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";
import { FRAME_MAX_BYTES, SUBPROTOCOL, TUNNEL_PATH } from "#protocol/limits.ts";
import { Connection, type ConnectionContext } from "./connection.ts";
import { foreignCode, identifierFrom, ReceiverError } from "./errors.ts";
import { judge } from "./gate.ts";
import {
  CLOSE_GRACE_MS,
  CONNECTIONS_MAX_COUNT,
  DRAIN_MAX_MS,
  HANDSHAKE_TIMEOUT_MS,
  HEADER_MAX_BYTES,
  SHED_RETRY_AFTER_S,
  UNADMITTED_MAX_COUNT,
} from "./limits.ts";

export interface ServerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** PEM, the only issuer of agents. */
  readonly agentCa: string;
  readonly trustDomain: string;
}

export interface TunnelServer extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
  connectionCount(): number;
}

/**
 * Listens.
 *
 * @throws {ReceiverError} `LISTEN_…` or `TLS_FILE`
 */
export async function openServer(
  options: ServerOptions,
  context: ConnectionContext,
): Promise<TunnelServer> {
  const http = createTlsServer(options);
  const tunnels = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: FRAME_MAX_BYTES,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  http.maxConnections = CONNECTIONS_MAX_COUNT + UNADMITTED_MAX_COUNT;
  const sockets = new Set<Socket>();
  const connections = new Set<Connection>();

  http.on("connection", (socket: Socket) => {
    // From the first moment: a reset during the handshake is an event without another listener.
    socket.on("error", () => socket.destroy());
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  http.on("tlsClientError", (_error, socket) => socket.destroy());
  http.on("clientError", (_error, socket) => socket.destroy());
  // A door used for anything else (07 1.8).
  http.on("request", (_request, response) => {
    response.writeHead(403, { Connection: "close", "Content-Length": "0" }).end();
  });
  http.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    admit(request, socket, head).catch((error: unknown) => {
      // The store is gone, and with it soon the process (S9).
      socket.destroy();
      if (!(error instanceof ReceiverError)) throw error;
    });
  });

  async function admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (!(socket instanceof TLSSocket) || pathOf(request) !== TUNNEL_PATH) {
      return answer(socket, "403 Forbidden");
    }
    if (connections.size >= CONNECTIONS_MAX_COUNT) {
      context.log.write("agentShed", { connectionCount: connections.size });
      return answer(socket, "503 Service Unavailable", { "Retry-After": `${SHED_RETRY_AFTER_S}` });
    }
    const nowMs = context.clock.nowMs();
    const { store } = context;
    const verdict = await judge(socket, { store, trustDomain: options.trustDomain, nowMs });
    if (socket.destroyed) return;
    if (verdict.kind === "refused") {
      context.log.write("agentRefused", { reason: identifierFrom(verdict.reason) });
      return answer(socket, "401 Unauthorized", {
        "Holdfast-Reason": verdict.reason,
        "Holdfast-Time": new Date(nowMs).toISOString(),
      });
    }
    if (!offersSubprotocol(request)) return answer(socket, "400 Bad Request");
    tunnels.handleUpgrade(request, socket, head, (websocket) => {
      const connection = new Connection(websocket, verdict.agent, context);
      connections.add(connection);
      void connection.closed.then(() => connections.delete(connection));
    });
  }

  await listen(http, options);
  // An IP server's address is never a string.
  const { address, port } = http.address() as AddressInfo;
  return {
    address: { host: address, port },
    connectionCount: () => connections.size,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      for (const connection of connections) connection.shutDown();
      const drained = [...connections].map((connection) => connection.closed);
      const hangUp = (): void => {
        for (const connection of connections) connection.destroy();
      };
      using _late = context.clock.after(DRAIN_MAX_MS + CLOSE_GRACE_MS, hangUp);
      await Promise.all(drained);
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function createTlsServer(options: ServerOptions): Server {
  try {
    return createServer({
      cert: options.certificate,
      key: options.key,
      ca: options.agentCa,
      minVersion: "TLSv1.3",
      maxVersion: "TLSv1.3",
      requestCert: true,
      // The gate decides, so that it can say why (07 1.8).
      rejectUnauthorized: false,
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      headersTimeout: HANDSHAKE_TIMEOUT_MS,
      connectionsCheckingInterval: HANDSHAKE_TIMEOUT_MS / 2,
      requestTimeout: HANDSHAKE_TIMEOUT_MS,
      maxHeaderSize: HEADER_MAX_BYTES,
      noDelay: true,
    });
  } catch (error) {
    throw new ReceiverError("TLS_FILE", { cause: error, facts: { openssl: foreignCode(error) } });
  }
}

function listen(http: Server, { host, port }: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once("error", (error) => reject(listenError(error, port)));
    http.listen({ host, port }, () => {
      http.removeAllListeners("error");
      // Too many open files: the connection is lost, and the agent comes back.
      http.on("error", () => {});
      resolve();
    });
  });
}

function listenError(error: Error, port: number): ReceiverError {
  const details = { cause: error, facts: { port, error: foreignCode(error) } };
  switch (foreignCode(error)) {
    case "EADDRINUSE":
      return new ReceiverError("LISTEN_PORT_IN_USE", details);
    case "EACCES":
      return new ReceiverError("LISTEN_NOT_PERMITTED", details);
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new ReceiverError("LISTEN_ADDRESS", details);
    default:
      return new ReceiverError("LISTEN_FAILED", details);
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").split("?", 1)[0] ?? "";
}

/** TP2: no common version, 400. `ws` would go on without any. */
function offersSubprotocol(request: IncomingMessage): boolean {
  const offered = request.headers["sec-websocket-protocol"] ?? "";
  return offered.split(",").some((name) => name.trim() === SUBPROTOCOL);
}

function answer(
  socket: Duplex,
  status: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const all = { ...headers, Connection: "close", "Content-Length": "0" };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  // Ended only, the socket would stay until the other side ends it too.
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`, () => socket.destroy());
}
