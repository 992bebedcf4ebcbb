/**
 * The fleet console (01 "Receive"): one HTTP server of pages, on a door of its own beside the agents'.
 *
 * Bounded in connections, time, size and rate; whatever goes wrong here ends here. Nobody sees more than the sign-in
 * page before they are known, and no page holds content of a message.
 *
 * @module
 */
import { constants } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Asset } from "#pages/common-assets.ts";
import { foreignCode, ReceiverError } from "../errors.ts";
import { CONSOLE_REQUEST_TIMEOUT_MS, HANDSHAKE_TIMEOUT_MS } from "../limits.ts";
import { listenTo } from "../listen.ts";
import { isLoopback } from "../outlets/loopback.ts";
import { StrangerLog } from "../stranger-log.ts";
import { consoleAssets } from "./assets.ts";
import type { ConsoleConfiguration } from "./configuration.ts";
import { type ConsoleContext, Conversation } from "./conversation.ts";
import { type Asked, type ConsolePlace, judge } from "./gate.ts";
import { type Reply, sendReply, text } from "./reply.ts";
import { Rooms } from "./rooms.ts";

export interface FleetConsole extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
}

const HEADERS_MAX_BYTES = 16_384;

/** @throws {ReceiverError} `CONSOLE_FILE`, `LISTEN_…` */
export async function openConsole(
  configuration: ConsoleConfiguration,
  context: ConsoleContext,
): Promise<FleetConsole> {
  const server = serverOf(configuration);
  const strangers = new StrangerLog(context.log, context.clock);
  const assets = consoleAssets();
  const conversation = new Conversation(configuration, context);
  const place: ConsolePlace = {
    ...{ isLoopback: isLoopback(configuration.host), hostNames: configuration.hostNames },
    scheme: configuration.tls === undefined ? "http" : "https",
  };
  const rooms = new Rooms(configuration, context.clock);
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => socket.destroy());
    rooms.came(socket);
  });
  server.on("secureConnection", (socket: Socket) => rooms.shook(socket));
  server.on("tlsClientError", (_error, socket: Socket) => socket.destroy());
  server.on("clientError", (_error, socket: Socket) => socket.destroy());
  server.on("request", (request, response) => {
    response.on("error", () => response.destroy());
    if (rooms.isStranger(request.socket)) response.setHeader("Connection", "close");
    const answer = (reply: Reply): void => sendReply(response, reply);
    const refuse = (status: number, line: string): void => {
      strangers.write("consoleRefused", { status });
      response.setHeader("Connection", "close");
      if (status === 405) response.setHeader("Allow", "GET, HEAD, POST");
      answer(text(status, line));
    };
    if (rooms.isTooMany(request.socket)) return refuse(429, "Too many requests in this second");
    const judged = judge(askedOf(request), place);
    if (judged.kind === "refused") return refuse(judged.status, judged.text);
    const asset = assetFor(request, judged.url, assets);
    if (asset !== undefined) return answer({ status: 200, ...asset });
    conversation.answer(request, judged.url).then(answer, (error: unknown) => {
      response.destroy();
      // What is no fault of ours that can be expected is a defect, and not hidden.
      if (!(error instanceof ReceiverError)) throw error;
    });
  });
  await listenTo(server, configuration);
  // An IP server's address is never a string.
  const { address, port } = server.address() as AddressInfo;
  context.log.write("consoleListening", { port });
  return {
    address: { host: address, port },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      rooms.close();
      await closed;
      await conversation.settled();
      strangers[Symbol.dispose]();
    },
  };
}

function serverOf({ tls }: ConsoleConfiguration): Server {
  const bounds = {
    ...{ maxHeaderSize: HEADERS_MAX_BYTES, connectionsCheckingInterval: 1_000 },
    ...{ headersTimeout: CONSOLE_REQUEST_TIMEOUT_MS, requestTimeout: CONSOLE_REQUEST_TIMEOUT_MS },
    keepAliveTimeout: CONSOLE_REQUEST_TIMEOUT_MS,
  };
  if (tls === undefined) return createServer(bounds);
  try {
    return createTlsServer({
      ...bounds,
      cert: readFileSync(tls.certificate),
      key: readFileSync(tls.key),
      ca: readFileSync(tls.clientCa),
      requestCert: true,
      // Whoever has none is told what to do; `Visitors` lets nobody in whose certificate was not verified.
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      // A session that is taken up again has no certificate to look at.
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    });
  } catch (error) {
    throw new ReceiverError("CONSOLE_FILE", { cause: error, facts: { error: foreignCode(error) } });
  }
}

function assetFor(
  { method }: IncomingMessage,
  { pathname }: URL,
  assets: ReadonlyMap<string, Asset>,
): Asset | undefined {
  return method === "POST" ? undefined : assets.get(pathname);
}

function askedOf({ method = "", url = "", headers, headersDistinct }: IncomingMessage): Asked {
  const one = (name: string): string | undefined => headersDistinct[name]?.join(" ");
  return {
    ...{ method, target: url, hosts: headersDistinct["host"] ?? [], origin: headers.origin },
    ...{ fetchSite: one("sec-fetch-site"), fetchMode: one("sec-fetch-mode") },
    fetchDest: one("sec-fetch-dest"),
  };
}
