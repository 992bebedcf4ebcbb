/** One MLLP listener: a port, who may connect, and the connections that did (03 section 6). @module */
import { createServer, type Server, type Socket } from "node:net";
import { AgentError, codeOf, type ErrorCode, identifierFrom } from "../../errors.ts";
import { RefusedPeers } from "../../health/refused-peers.ts";
import { WatchedCertificate } from "../../health/watched-certificate.ts";
import type { Timer } from "../../host/clock.ts";
import type { PassedSocket } from "../../host/passed-sockets.ts";
import { Subscribers } from "../../host/subscribers.ts";
import { HEALTH_PROBE_MS } from "../../limits.ts";
import { allowList, plainAddress } from "./allow-list.ts";
import { MllpConnection, type Peer } from "./connection.ts";
import {
  concernsConnections,
  type ListenerOptions,
  type ListenerSettings,
} from "./listener-options.ts";
import { type ListenerTls, loadTlsMaterial, secure, type TlsMaterial } from "./tls-server.ts";

/** The operating system's word for why a port cannot be opened. */
export const LISTEN_FAULTS: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: "LISTEN_PORT_IN_USE",
  EACCES: "LISTEN_NOT_PERMITTED",
  EADDRNOTAVAIL: "LISTEN_ADDRESS_UNKNOWN",
};

/** 03 C2: how long the alarm about too many connections stays in sight after the last case. */
const ALARM_MS = 600_000;

export class MllpListener implements AsyncDisposable {
  readonly #heard = new DisposableStack();
  readonly #left = new Subscribers();
  readonly #connections = new Set<MllpConnection>();
  /** Sockets whose TLS handshake goes on: they hold a place, too. */
  readonly #handshaking = new Set<Socket>();
  #options: ListenerOptions;
  #certificate: WatchedCertificate<TlsMaterial> | undefined;
  #isAllowed: (address: string) => boolean;
  readonly #strangers: RefusedPeers;
  #server: Server | undefined;
  #retry: Timer | undefined;
  #stopping = false;
  /** Its port, if the service manager holds it: it stays open whatever is closed here. */
  #passed: PassedSocket | undefined;

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#isAllowed = allowList(options.settings.allow);
    this.#certificate = watched(options);
    this.#strangers = new RefusedPeers(options.channel.name, options);
    this.#heard.use(options.doorway.onGate((open) => this.#gateChanged(open)));
    const room = options.doorway.room.onRoom(() => {
      for (const connection of this.#connections) connection.room();
    });
    this.#heard.use(room);
  }

  /**
   * Opens the port of one channel.
   *
   * @throws {AgentError} `LISTEN_*`, naming channel and port
   */
  static async open(options: ListenerOptions): Promise<MllpListener> {
    const listener = new MllpListener(options);
    try {
      await listener.#listen();
    } catch (error) {
      listener.#leave();
      throw error;
    }
    return listener;
  }

  /**
   * The same, but where somebody has taken the port it is tried for as long as that takes, with a condition.
   *
   * @throws {AgentError} `LISTEN_TLS_MATERIAL`
   */
  static async openPatiently(options: ListenerOptions): Promise<MllpListener> {
    const listener = new MllpListener(options);
    await listener.#reopen();
    return listener;
  }

  /**
   * Goes on with other settings of the same host and port, which stays open. A connection that they concern ends once
   * what it had read whole is answered; where they say no more than who may connect, those stay that still may.
   *
   * @param graceMs after it such a connection is cut
   * @returns resolves when they are over; the settings count at once
   * @throws {AgentError} `LISTEN_TLS_MATERIAL`, at once; nothing has changed then
   */
  change(settings: ListenerSettings, graceMs: number): Promise<void> {
    const options = { ...this.#options, settings };
    const certificate = watched(options);
    const isEnding = concernsConnections(this.#options.settings, settings);
    this.#certificate?.[Symbol.dispose]();
    this.#certificate = certificate;
    this.#options = options;
    this.#isAllowed = allowList(settings.allow);
    for (const socket of this.#handshaking) socket.destroy();
    const ending = [...this.#connections].filter(
      ({ peer }) => isEnding || !this.#isAllowed(peer.address),
    );
    return this.#end(ending, graceMs);
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Peers whose TLS handshake goes on: they hold places, too. */
  get handshakeCount(): number {
    return this.#handshaking.size;
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
    for (const socket of this.#handshaking) socket.destroy();
    for (const connection of this.#connections) connection.finish();
    await closed;
    this.#leave();
  }

  /** Hangs up on everybody now. */
  abort(reason: string): void {
    this.#stopping = true;
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#handshaking) socket.destroy();
    for (const connection of [...this.#connections]) connection.destroy(reason);
    this.#leave();
  }

  /** Hears nothing more of the store, and of its certificate. */
  #leave(): void {
    this.#heard.dispose();
    this.#certificate?.[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
  }

  async #end(ending: readonly MllpConnection[], graceMs: number): Promise<void> {
    for (const connection of ending) connection.finish("reconfigured");
    const isOver = (): boolean => ending.every((one) => !this.#connections.has(one));
    const { promise: over, resolve } = Promise.withResolvers<void>();
    using _left = this.#left.add(() => {
      if (isOver()) resolve();
    });
    using _budget = this.#options.clock.after(graceMs, () => {
      for (const connection of ending) connection.destroy("reconfigured");
    });
    if (!isOver()) await over;
  }

  #listen(): Promise<void> {
    const { log } = this.#options;
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#connected(socket));
    return new Promise((resolve, reject) => {
      server.once("error", (error) => reject(this.#listenFault(error)));
      server.listen(this.#place(), () => {
        server.removeAllListeners("error");
        // Errors of accept(2), such as too few descriptors, are the next peer's to see.
        server.on("error", (error) => this.#refuse("unknown", codeOf(error)));
        // Stopped, or the store failed again, while the port was being opened.
        if (this.#stopping || !this.#mayTake) {
          server.close();
          if (!this.#stopping) this.#passed?.giveBack();
          resolve();
          return;
        }
        this.#server = server;
        log.write("listenerOpened", this.#facts({ port: this.port }));
        resolve();
      });
    });
  }

  /** @throws {AgentError} `SOCKET_MISMATCH`, `LISTEN_FAILED` */
  #place(): { readonly fd: number } | { readonly host: string; readonly port: number } {
    const { channel, sockets, settings } = this.#options;
    const { host, port } = settings;
    const passed = sockets?.for(channel.name, host, port);
    this.#passed = passed;
    return passed === undefined ? { host, port } : { fd: passed.take() };
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
    const name = `${address === "" ? "unknown" : address}:${socket.remotePort ?? 0}`;
    if (this.#stopping || !this.#mayTake) {
      socket.destroy();
      return;
    }
    if (!this.#isAllowed(address)) {
      this.#refuse(name, "notAllowed", socket);
      this.#strangers.refused(address === "" ? "unknown" : address);
      return;
    }
    if (this.#isFull && !this.#closeStalest(address) && !this.#endOldestHandshake()) {
      this.#tooMany(name, socket);
      return;
    }
    const peer = { address, name };
    const { tls } = this.#options.settings;
    if (tls === undefined || this.#certificate === undefined) this.#admit(socket, peer, undefined);
    else this.#shakeHands(socket, peer, tls, this.#certificate.material);
  }

  /** While the store cannot store; where negative codes are wanted instead, connections go on (03 E1). */
  get #mayTake(): boolean {
    return this.#options.doorway.isOpen || !this.#closesWithStore;
  }

  get #closesWithStore(): boolean {
    return this.#options.channel.rules.ackPolicy.cannotStoreReply === "close";
  }

  get #isFull(): boolean {
    const count = this.#connections.size + this.#handshaking.size;
    return count >= this.#options.settings.maxConnections;
  }

  /**
   * 03 C2: a peer that lost its old connection without a FIN must get a new one.
   *
   * @returns whether a place was made
   */
  #closeStalest(address: string): boolean {
    let stalest: MllpConnection | undefined;
    let longestMs: number = this.#options.settings.staleAfterMs;
    for (const connection of this.#connections) {
      const { idleMs } = connection;
      if (connection.peer.address !== address || idleMs === undefined || idleMs < longestMs)
        continue;
      longestMs = idleMs;
      stalest = connection;
    }
    if (stalest === undefined) return false;
    this.#options.channel.record.counters.add("staleClosed");
    this.#forget(stalest);
    stalest.destroy("stale");
    return true;
  }

  /** A peer that has shown no certificate yet holds no place against one that may have one. */
  #endOldestHandshake(): boolean {
    const [oldest] = this.#handshaking;
    if (oldest === undefined) return false;
    this.#handshaking.delete(oldest);
    oldest.destroy();
    return true;
  }

  #shakeHands(raw: Socket, peer: Peer, tls: ListenerTls, material: TlsMaterial): void {
    this.#handshaking.add(raw);
    secure(raw, material, tls, (outcome) => {
      this.#handshaking.delete(raw);
      if (outcome.kind === "failed") {
        this.#handshakeFailed(peer.name, outcome.fault);
      } else if (this.#stopping || !this.#mayTake) {
        outcome.socket.destroy();
      } else {
        this.#admit(outcome.socket, peer, outcome.name);
      }
    });
  }

  #handshakeFailed(peer: string, fault: string): void {
    const { channel, log } = this.#options;
    if (fault === "probe") {
      channel.record.counters.add("probes");
      return;
    }
    channel.record.counters.add("tlsFailures");
    const facts = { peer: identifierFrom(peer), reason: identifierFrom(fault) };
    log.write("tlsHandshakeFailed", this.#facts(facts));
  }

  /** @param certified the common name of its certificate */
  #admit(socket: Socket, peer: Peer, certified: string | undefined): void {
    const { channel, log } = this.#options;
    channel.record.counters.add("connections");
    channel.record.connected(peer.address, certified);
    log.write("connectionOpened", this.#facts({ peer: identifierFrom(peer.name) }));
    const connection = new MllpConnection(socket, peer, this.#options, () => {
      this.#forget(connection);
      channel.record.disconnected(peer.address);
    });
    this.#connections.add(connection);
  }

  #forget(connection: MllpConnection): void {
    this.#connections.delete(connection);
    this.#left.tell();
  }

  #tooMany(peer: string, socket: Socket): void {
    const { channel, conditions, clock, settings } = this.#options;
    this.#refuse(peer, "tooManyConnections", socket);
    const facts = this.#facts({ peer: identifierFrom(peer), count: settings.maxConnections });
    conditions.openFor("tooManyConnections", channel.name, facts, clock, ALARM_MS);
  }

  #refuse(peer: string, reason: string, socket?: Socket): void {
    const { channel, log } = this.#options;
    channel.record.counters.add("refusedConnections");
    log.write(
      "connectionRefused",
      this.#facts({ peer: identifierFrom(peer), reason: identifierFrom(reason) }),
    );
    socket?.destroy();
  }

  /** 03 E1: while the store cannot store, the port is closed: the signal that senders' monitors watch. */
  #gateChanged(open: boolean): void {
    if (this.#stopping) return;
    if (open) {
      void this.#reopen();
      return;
    }
    if (!this.#closesWithStore) return;
    void this.#closePort();
    this.#passed?.giveBack();
    this.#options.log.write("listenerClosed", this.#facts({}));
    for (const socket of this.#handshaking) socket.destroy();
    for (const connection of [...this.#connections]) connection.finish("cannotStore");
  }

  async #reopen(): Promise<void> {
    const { log, conditions, channel, clock } = this.#options;
    if (this.#server !== undefined) conditions.close("listenerClosed", channel.name);
    if (this.#stopping || this.#server !== undefined) return;
    await this.#listen().then(
      () => {
        // Not if we were stopped, or the store failed again, while the port was being opened.
        if (!this.isListening) return;
        conditions.close("listenerClosed", channel.name);
        log.write("listenerReopened", this.#facts({}));
      },
      // Somebody took the port meanwhile: try for as long as it takes.
      (error: AgentError) => {
        conditions.open("listenerClosed", channel.name, error.facts, clock.nowMs());
        this.#retry = clock.after(HEALTH_PROBE_MS, () => void this.#reopen());
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

function watched(options: ListenerOptions): WatchedCertificate<TlsMaterial> | undefined {
  const { channel, settings } = options;
  const { tls } = settings;
  if (tls === undefined) return undefined;
  const load = (): TlsMaterial => loadTlsMaterial(tls);
  return new WatchedCertificate(channel.name, load, options);
}
