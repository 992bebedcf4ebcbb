/**
 * One connection to the SIEM, from its handshake to its end. It says when bytes have left; that somebody has them,
 * syslog never says.
 *
 * @module
 */
import { isIP } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { Clock } from "../host/clock.ts";

export interface SiemEndpoint {
  readonly host: string;
  readonly port: number;
  /** Asked for each connection: files are replaced now and then. @throws {AgentError} `SIEM_TLS_MATERIAL` */
  readonly tls: () => ConnectionOptions;
}

export interface SiemEvents {
  /** The handshake is done. */
  readonly onOpen: () => void;
  /** It is over, for whatever reason; exactly once. `error` is the operating system's, or OpenSSL's. */
  readonly onEnd: (error: Error | undefined) => void;
}

const HANDSHAKE_MS = 10_000;
const KEEP_ALIVE_MS = 15_000;
/** A collector that takes nothing for so long is given up. */
const STALLED_MS = 60_000;
/** On stopping: so long the peer has for taking what was written. */
const FINISH_MS = 2_000;

export class SiemConnection {
  readonly #socket: TLSSocket;
  readonly #clock: Clock;
  readonly #ended = Promise.withResolvers<void>();
  #isOver = false;

  constructor({ host, port, tls }: SiemEndpoint, clock: Clock, events: SiemEvents) {
    this.#clock = clock;
    // The name of a certificate is never an address (RFC 6066 section 3).
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({ host, port, ...name, ...tls() });
    this.#socket = socket;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const handshake = clock.after(HANDSHAKE_MS, () => socket.destroy(new Error("handshake")));
    let error: Error | undefined;
    socket.once("secureConnect", () => {
      handshake[Symbol.dispose]();
      if (!this.#isOver) events.onOpen();
    });
    socket.on("error", (cause) => {
      error ??= cause;
    });
    // Nothing is expected to come. What comes is read all the same, or its end would never be seen.
    socket.resume();
    socket.on("end", () => socket.destroy());
    socket.once("close", () => {
      handshake[Symbol.dispose]();
      this.#isOver = true;
      this.#ended.resolve();
      events.onEnd(error);
    });
  }

  /** @returns whether all of it has left for the operating system; false: the connection is over */
  write(bytes: Uint8Array): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => {
      const stalled = this.#clock.after(STALLED_MS, () => this.#socket.destroy());
      const done = (isWritten: boolean): void => {
        stalled[Symbol.dispose]();
        resolve(isWritten);
      };
      this.#socket.write(bytes, (error) => done(error === undefined || error === null));
      void this.#ended.promise.then(() => done(false));
    });
  }

  /** Says goodbye (TLS close_notify) and waits a little for the peer. */
  async finish(): Promise<void> {
    using _budget = this.#clock.after(FINISH_MS, () => this.#socket.destroy());
    if (!this.#isOver) this.#socket.end();
    await this.#ended.promise;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
