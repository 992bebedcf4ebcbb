/**
 * Between an agent and a receiver, inside TLS: a test sees every frame, and passes it on, alters or swallows
 * it. It has the keys of both ends, as a load balancer that inspects TLS has, and may be as broken.
 *
 * @module
 */
import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { SUBPROTOCOL, TUNNEL_PATH } from "#protocol/limits.ts";
import {
  AGENT_CA_PEM,
  RECEIVER_CA_PEM,
  RECEIVER_IDENTITY,
} from "#test/receiver/support/identities.ts";

/** `up` is towards the receiver. */
export type Direction = "up" | "down";
/** @returns what goes on in place of `frame`, which is the filter's to write to; `undefined` swallows it */
export type Filter = (
  frame: Uint8Array<ArrayBuffer>,
  direction: Direction,
) => Uint8Array | undefined;

export const passOn: Filter = (frame) => frame;

export class FrameFilter implements AsyncDisposable {
  filter: Filter = passOn;
  /** Whether the end of one side becomes the end of the other. */
  passesEnds = true;
  connectionCount = 0;
  readonly #server: Server;
  readonly #ends = new Set<WebSocket>();
  readonly #dial: () => WebSocket;

  private constructor(receiverPort: number, agent: IssuedIdentity) {
    this.#dial = () =>
      new WebSocket(`wss://127.0.0.1:${receiverPort}${TUNNEL_PATH}`, SUBPROTOCOL, {
        ca: RECEIVER_CA_PEM,
        cert: agent.certificatePem,
        key: agent.privateKeyPem,
        perMessageDeflate: false,
        minVersion: "TLSv1.3",
      });
    this.#server = createServer({
      cert: RECEIVER_IDENTITY.certificatePem,
      key: RECEIVER_IDENTITY.privateKeyPem,
      ca: AGENT_CA_PEM,
      requestCert: true,
      minVersion: "TLSv1.3",
    });
    this.#server.on("tlsClientError", () => {});
    const upgrades = new WebSocketServer({ server: this.#server, perMessageDeflate: false });
    upgrades.on("connection", (near) => this.#join(near));
  }

  /** @param agent whose certificate it shows to the receiver */
  static async open(receiverPort: number, agent: IssuedIdentity): Promise<FrameFilter> {
    const filter = new FrameFilter(receiverPort, agent);
    filter.#server.listen(0, "127.0.0.1");
    await once(filter.#server, "listening");
    return filter;
  }

  /** For the agent to dial. */
  get url(): URL {
    return new URL(`wss://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  /** Pings both ends of every connection on the level of the websocket, as proxies do to keep one alive. */
  ping(): void {
    for (const end of this.#ends) if (end.readyState === WebSocket.OPEN) end.ping();
  }

  /** Ends every connection, on both sides. */
  reset(): void {
    for (const end of this.#ends) end.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.reset();
    await closed;
  }

  #join(near: WebSocket): void {
    const far = this.#dial();
    this.connectionCount += 1;
    this.#carry(near, far, "up");
    this.#carry(far, near, "down");
  }

  #carry(from: WebSocket, to: WebSocket, direction: Direction): void {
    const waiting: Uint8Array[] = [];
    this.#ends.add(from);
    to.on("open", () => {
      for (const frame of waiting.splice(0)) to.send(frame);
    });
    from.on("message", (data: Buffer) => {
      const frame = this.filter(new Uint8Array(data), direction);
      if (frame === undefined) return;
      if (to.readyState === WebSocket.CONNECTING) waiting.push(frame);
      else to.send(frame, () => {});
    });
    // What went wrong shows as the end of the connection.
    from.on("error", () => {});
    from.on("close", () => {
      this.#ends.delete(from);
      if (this.passesEnds) to.terminate();
    });
  }
}
