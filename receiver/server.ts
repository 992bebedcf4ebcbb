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
import { WebSocketServer } from "ws";
import { FRAME_MAX_BYTES, SUBPROTOCOL } from "#protocol/limits.ts";
import { Admission, addressOf, answer, nameOf } from "./admission.ts";
import { Connection, type ConnectionContext } from "./connection.ts";
import { foreignCode, identifierFrom, ReceiverError } from "./errors.ts";
import type { Chance } from "./host/clock.ts";
import { agentCasOf } from "./identity/agent-cas.ts";
import { type DoorsOptions, IdentityDoors } from "./identity/doors.ts";
import type { Issuing } from "./identity/issuing.ts";
import type { Sweep } from "./identity/sweep.ts";
import {
  CLOSE_GRACE_MS,
  DRAIN_MAX_MS,
  HANDSHAKE_TIMEOUT_MS,
  HEADER_MAX_BYTES,
  SHED_RETRY_AFTER_S,
  UNADMITTED_MAX_COUNT,
} from "./limits.ts";
import { listenTo } from "./listen.ts";
import { type Proxies, putBehindProxy } from "./proxied.ts";
import { Networks, type Peer } from "./proxy-protocol.ts";
import type { WholeStore } from "./store/whole-store.ts";
import { StrangerLog } from "./stranger-log.ts";

export interface ServerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** PEM of the CA that issued `certificate`: sent along, so that an agent can pin it (07 EN2). */
  readonly ca?: string | undefined;
  /** PEM, the only issuers of agents. */
  readonly agentCa: string;
  readonly trustDomain: string;
  /** Connections at most (TP5). */
  readonly connections: number;
  /** Networks of a balancer that writes PROXY headers; empty if there is none (TP4). */
  readonly proxyFrom: readonly string[];
  readonly chance: Chance;
  /** Absent: nobody enrols, and nobody renews. */
  readonly enrolment?: { readonly issuing: Issuing; readonly recoveryMaxCount: number } | undefined;
}

/** What the server needs beside what the connections have in common. */
export interface ServerContext extends ConnectionContext {
  readonly store: WholeStore;
  readonly sweep: Sweep;
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
  context: ServerContext,
): Promise<TunnelServer> {
  const http = createTlsServer(options);
  const agentCas = agentCasOf(options.agentCa);
  const tunnels = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: FRAME_MAX_BYTES,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  http.maxConnections = options.connections + UNADMITTED_MAX_COUNT;
  const strangers = new StrangerLog(context.log, context.clock);
  const proxies = proxiesOf(http, options, context, strangers);
  const sockets = new Set<Socket>();
  const connections = new Set<Connection>();
  const sourceOf = (socket: Socket): Peer | null => proxies?.sourceOf(socket) ?? null;
  const admission = new Admission(
    { ...options, agentCas, strangers, connectionCount: () => connections.size, sourceOf },
    context,
  );
  const doors = doorsOf(options, { ...context, agentCas, strangers, sourceOf });

  http.on("connection", (socket: Socket) => {
    // From the first moment: a reset during the handshake is an event without another listener.
    socket.on("error", () => socket.destroy());
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  http.on("tlsClientError", (_error, socket) => socket.destroy());
  http.on("clientError", (_error, socket) => socket.destroy());
  // A door used for anything else (07 1.8).
  http.on("request", (request, response) => {
    if (doors?.handle(request, response) === true) return;
    response.writeHead(403, { Connection: "close", "Content-Length": "0" }).end();
  });
  http.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    admit(request, socket, head).catch((error: unknown) => {
      if (!(error instanceof ReceiverError)) throw error;
      // The database is away, or the store is gone, and with it soon the process (S9): a word that is
      // true of both, and no riddle about the network.
      answer(socket, "503 Service Unavailable", { "Retry-After": String(SHED_RETRY_AFTER_S) });
    });
  });

  async function admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const admitted = await admission.admit(request, socket);
    if (admitted === null) return;
    const { agent, certificate } = admitted;
    tunnels.handleUpgrade(request, socket, head, (websocket) => {
      const connection = new Connection(websocket, agent, context);
      connections.add(connection);
      context.sweep.add(connection, { ...certificate, agent: agent.id });
      void connection.closed.then(() => connections.delete(connection));
    });
  }

  await listenTo(http, options);
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
      strangers[Symbol.dispose]();
    },
  };
}

function doorsOf(
  { enrolment, trustDomain }: ServerOptions,
  shared: ServerContext & Pick<DoorsOptions, "agentCas" | "strangers" | "sourceOf">,
): IdentityDoors | undefined {
  const barred = (): void => shared.sweep.look();
  return enrolment && new IdentityDoors({ ...shared, ...enrolment, trustDomain, barred });
}

function proxiesOf(
  http: Server,
  { proxyFrom }: ServerOptions,
  { clock }: ConnectionContext,
  strangers: StrangerLog,
): Proxies | null {
  if (proxyFrom.length === 0) return null;
  return putBehindProxy(http, {
    networks: new Networks(proxyFrom),
    clock,
    refused: (reason, socket) => {
      const peer = nameOf(addressOf(socket));
      strangers.write("proxyRefused", { reason: identifierFrom(reason), peer });
    },
  });
}

/** With the CA itself, which a client that pins it looks for (07 EN2). */
function chainOf({ certificate, ca }: ServerOptions): string {
  return ca === undefined ? certificate : `${certificate.trimEnd()}\n${ca}`;
}

function createTlsServer(options: ServerOptions): Server {
  try {
    return createServer({
      cert: chainOf(options),
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
