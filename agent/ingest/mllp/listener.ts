/** One MLLP listener: a port, who may connect, and the connections that did (03 section 6). @module */
import { createServer, type Server, type Socket } from "node:net";
import { AgentError, codeOf, type ErrorCode, identifierFrom } from "../../errors.ts";
import { HEALTH_PROBE_MS } from "../../limits.ts";
import { allowList, plainAddress } from "./allow-list.ts";
import { MllpConnection } from "./connection.ts";
import type { ListenerOptions } from "./listener-options.ts";

/** The operating system's word for why a port cannot be opened. */
export const LISTEN_FAULTS: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: "LISTEN_PORT_IN_USE",
  EACCES: "LISTEN_NOT_PERMITTED",
  EADDRNOTAVAIL: "LISTEN_ADDRESS_UNKNOWN",
};

export class MllpListener implements AsyncDisposable {
  readonly #options: ListenerOptions;
  readonly #connections = new Set<MllpConnection>();
  readonly #isAllowed: (address: string) => boolean;
  #server: Server | undefined;
  #stopping = false;

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#isAllowed = allowList(options.settings.allow);
    options.doorway.onGate((open) => this.#gateChanged(open));
    options.doorway.onRoom(() => {
      for (const connection of this.#connections) connection.room();
    });
  }

  /**
   * Opens the port of one channel.
   *
   * @throws {AgentError} `LISTEN_*`, naming channel and port
   */
  static async open(options: ListenerOptions): Promise<MllpListener> {
    const listener = new MllpListener(options);
    await listener.#listen();
    return listener;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get isListening(): boolean {
    return this.#server !== undefined;
  }

  /** The port that was bound; differs from the configured one only where that is 0. */
  get port(): number {
    const address = this.#server?.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** 03 E8: closes the port, then every connection once what it had read whole is answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    const closed = this.#closePort();
    for (const connection of this.#connections) connection.finish();
    await closed;
  }

  /** Hangs up on everybody now. */
  abort(reason: string): void {
    this.#stopping = true;
    this.#server?.close();
    this.#server = undefined;
    for (const connection of [...this.#connections]) connection.destroy(reason);
  }

  #listen(): Promise<void> {
    const { settings, log } = this.#options;
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#connected(socket));
    return new Promise((resolve, reject) => {
      server.once("error", (error) => reject(this.#listenFault(error)));
      server.listen({ host: settings.host, port: settings.port }, () => {
        server.removeAllListeners("error");
        // Errors of accept(2), such as too few descriptors, are the next peer's to see.
        server.on("error", (error) => this.#refuse("unknown", codeOf(error)));
        // Stopped, or the store failed again, while the port was being opened.
        if (this.#stopping || !this.#options.doorway.isOpen) {
          server.close();
          resolve();
          return;
        }
        this.#server = server;
        log.write("listenerOpened", this.#facts({ port: this.port }));
        resolve();
      });
    });
  }

  #listenFault(cause: Error): AgentError {
    const sysCode = codeOf(cause);
    const code = LISTEN_FAULTS[sysCode] ?? "LISTEN_FAILED";
    return new AgentError(code, this.#facts({ port: this.#options.settings.port, sysCode }), {
      cause,
    });
  }

  #connected(socket: Socket): void {
    // Before anything else: no peer behaviour may end the process (03 E6).
    socket.on("error", () => {});
    const address = plainAddress(socket.remoteAddress ?? "");
    const peer = `${address === "" ? "unknown" : address}:${socket.remotePort ?? 0}`;
    const { channel, settings, doorway, log } = this.#options;
    if (this.#stopping || !doorway.isOpen) {
      socket.destroy();
      return;
    }
    const full = this.#connections.size >= settings.maxConnections;
    if (full || !this.#isAllowed(address)) {
      this.#refuse(peer, full ? "tooManyConnections" : "notAllowed", socket);
      return;
    }
    channel.counters.add("connections");
    log.write("connectionOpened", this.#facts({ peer: identifierFrom(peer) }));
    const parts = { ...this.#options, onTooLarge: this.#tooLarge };
    const connection = new MllpConnection(socket, peer, parts, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
  }

  #refuse(peer: string, reason: string, socket?: Socket): void {
    const { channel, log } = this.#options;
    channel.counters.add("refusedConnections");
    log.write(
      "connectionRefused",
      this.#facts({ peer: identifierFrom(peer), reason: identifierFrom(reason) }),
    );
    socket?.destroy();
  }

  /** 03 F7: some senders retry such a message for ever and block their own queue. */
  readonly #tooLarge = (peer: string, bytes: number): void => {
    const { channel, conditions, clock, log } = this.#options;
    const facts = this.#facts({ peer: identifierFrom(peer), bytes });
    conditions.open("messageTooLarge", channel.name, facts, clock.nowMs());
    log.write("blockTooLarge", facts);
  };

  /** 03 E1: while the store cannot store, the port is closed: the signal that senders' monitors watch. */
  #gateChanged(open: boolean): void {
    if (this.#stopping) return;
    if (open) {
      this.#reopen();
      return;
    }
    void this.#closePort();
    this.#options.log.write("listenerClosed", this.#facts({}));
    for (const connection of [...this.#connections]) connection.finish("cannotStore");
  }

  #reopen(): void {
    if (this.#stopping || this.#server !== undefined) return;
    const { log, conditions, channel, clock } = this.#options;
    this.#listen().then(
      () => {
        // Not if we were stopped, or the store failed again, while the port was being opened.
        if (!this.isListening) return;
        conditions.close("listenerClosed", channel.name);
        log.write("listenerReopened", this.#facts({}));
      },
      // Somebody took the port meanwhile: try for as long as it takes.
      (error: AgentError) => {
        conditions.open("listenerClosed", channel.name, error.facts, clock.nowMs());
        clock.after(HEALTH_PROBE_MS, () => this.#reopen());
      },
    );
  }

  #closePort(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return Promise.resolve();
    return new Promise((resolve) => server.close(() => resolve()));
  }

  #facts(more: AgentError["facts"]): AgentError["facts"] {
    return { channel: identifierFrom(this.#options.channel.name), ...more };
  }
}
