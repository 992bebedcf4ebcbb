/**
 * Takes the header of the PROXY protocol off a socket before TLS begins (TP4). Only where the
 * operator said that a balancer stands in front, and only from its addresses: whoever may write a
 * header may write any source into it.
 *
 * @module
 */
import type { Server, Socket } from "node:net";
import type { Clock } from "./host/clock.ts";
import { type Networks, type Peer, PROXY_FIXED_BYTES, readProxyHeader } from "./proxy-protocol.ts";

/** From the connection to the end of the header: a balancer writes it before anything else. */
export const PROXY_HEADER_TIMEOUT_MS = 5_000;

/** Why a socket was closed before TLS; CLOSED: the other end did that, as the check of a balancer does. */
export type ProxyRefusal = "NOT_A_PROXY" | "HEADER_MALFORMED" | "HEADER_TIMEOUT" | "CLOSED";

export type Proxied =
  /** The header is gone from the socket; what follows it is not. */
  | { readonly kind: "passed"; readonly source: Peer | null }
  | { readonly kind: "refused"; readonly reason: ProxyRefusal };

/**
 * Reads the header of a socket that was just accepted, and destroys the socket if there is none.
 *
 * @param socket nobody has read from it
 */
export function takeProxyHeader(
  socket: Socket,
  { networks, clock }: { readonly networks: Networks; readonly clock: Clock },
): Promise<Proxied> {
  return new Promise((resolve) => {
    let header = new Uint8Array(0);
    let wanted = PROXY_FIXED_BYTES;
    const end = (proxied: Proxied): void => {
      late[Symbol.dispose]();
      socket.off("readable", look).off("end", closed).off("close", closed);
      if (proxied.kind === "refused") socket.destroy();
      resolve(proxied);
    };
    const refuse = (reason: ProxyRefusal): void => end({ kind: "refused", reason });
    const closed = (): void => refuse("CLOSED");
    const look = (): void => {
      // Exactly as many as the header still needs: the first byte of TLS is not ours.
      const more: Uint8Array | null = socket.read(wanted - header.length);
      if (more === null) return;
      header = Uint8Array.from([...header, ...more]);
      const read = readProxyHeader(header);
      if (read.kind === "malformed") refuse("HEADER_MALFORMED");
      else if (read.kind === "complete") end({ kind: "passed", source: read.source });
      else {
        wanted = read.bytes;
        look();
      }
    };
    const late = clock.after(PROXY_HEADER_TIMEOUT_MS, () => refuse("HEADER_TIMEOUT"));
    // Without an address it is gone already.
    if (socket.remoteAddress === undefined) closed();
    else if (networks.has(socket.remoteAddress)) {
      // One listener for all the time: each new one would be called for what is here already.
      socket.on("readable", look).on("end", closed).on("close", closed);
    } else refuse("NOT_A_PROXY");
  });
}

/** A server behind a balancer: who is at the other end of it, where it said so. */
export interface Proxies {
  /** @param socket of the server, also a TLS socket over it */
  sourceOf(socket: Socket): Peer | null;
}

export interface ProxyOptions {
  readonly networks: Networks;
  readonly clock: Clock;
  readonly refused: (reason: ProxyRefusal, socket: Socket) => void;
}

/**
 * Puts the reading of headers before everything that `server` does with a connection.
 *
 * @param server nobody but itself listens for its connections yet
 */
export function putBehindProxy(server: Server, { refused, ...options }: ProxyOptions): Proxies {
  const sources = new Map<string, Peer>();
  const goOn = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const key = keyOf(socket);
    // From the first moment: a reset is an event that ends the process without a listener.
    socket.on("error", () => socket.destroy());
    void takeProxyHeader(socket, options).then((proxied) => {
      if (proxied.kind === "refused") {
        if (proxied.reason !== "CLOSED") refused(proxied.reason, socket);
        return;
      }
      if (proxied.source !== null) sources.set(key, proxied.source);
      socket.once("close", () => sources.delete(key));
      // What TLS and HTTP would have done at once; they find the rest in the socket.
      for (const listener of goOn) listener.call(server, socket);
    });
  });
  return { sourceOf: (socket) => sources.get(keyOf(socket)) ?? null };
}

/** The address of the balancer and its port: of no two sockets that are open together. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
