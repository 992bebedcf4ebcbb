/**
 * A port whose behaviour a test chooses, and changes while it runs: what a hospital's network may put in
 * the place of the receiver. Real sockets, real TLS.
 *
 * @module
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { IssuedIdentity } from "#certs/development-ca.ts";

/** What becomes of one connection. */
export type Behaviour = (socket: Socket, port: StubPort) => void;

/** Reads, and never answers. */
export const silent: Behaviour = (socket) => void socket.resume();
export const hangUp: Behaviour = (socket) => void socket.destroy();

/** Answers the first bytes with `text`, in the clear, and hangs up. */
export const says =
  (text: string): Behaviour =>
  (socket) => {
    socket.once("data", () => socket.end(text));
  };

/** Hands the connection on, as a port forwarding does. */
export const forward =
  (port: number): Behaviour =>
  (socket) => {
    const onward = connect(port, "127.0.0.1").on("error", () => socket.destroy());
    onward.on("close", () => socket.destroy());
    socket.on("close", () => onward.destroy());
    socket.pipe(onward).pipe(socket);
  };

/** TLS 1.3 with `identity`; every byte that comes over it is kept. Then `within`, or silence. */
export const tls =
  (identity: IssuedIdentity, within?: (socket: TLSSocket) => void): Behaviour =>
  (socket, port) => {
    const secured = new TLSSocket(socket, {
      isServer: true,
      cert: identity.certificatePem,
      key: identity.privateKeyPem,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: "TLSv1.3",
    });
    secured.on("error", () => {});
    secured.on("data", (bytes: Buffer) => port.decrypted.push(bytes));
    if (within !== undefined) secured.on("secure", () => within(secured));
  };

export class StubPort implements AsyncDisposable {
  behave: Behaviour;
  /** Connections so far. */
  count = 0;
  /** What came inside TLS. */
  readonly decrypted: Buffer[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(behave: Behaviour) {
    this.behave = behave;
    this.#server = createServer((socket) => {
      this.count += 1;
      this.#sockets.add(socket);
      socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
      this.behave(socket, this);
    });
  }

  static async open(behave: Behaviour): Promise<StubPort> {
    const stub = new StubPort(behave);
    stub.#server.listen(0, "127.0.0.1");
    await once(stub.#server, "listening");
    return stub;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): URL {
    return new URL(`wss://127.0.0.1:${this.port}`);
  }

  /** Connections that are still open. */
  get openCount(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
