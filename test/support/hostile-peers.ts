/**
 * Peers that no listener wants and every listener gets: slow, broken, or speaking something else.
 *
 * Each holds one connection at a time and opens the next one 100 ms after the last ended: a fault or a
 * scanner, not a flood.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { until } from "./processes.ts";

const HOST = "127.0.0.1";
const RECONNECT_MS = 100;
const LORIS_MS = 1_000;
const CHUNK = Buffer.alloc(65_536, "x");
/** A block's beginning; what follows never comes, or never ends. */
const BEGUN = "\x0bMSH|^~\\&|HOSTILE|FAC|||20260101120000||ADT^A01|H1|P|2.5\r";

/** What a peer of each kind does with a connection that came to be. */
const KINDS = {
  /** Nothing: the connection of an interface that has no traffic. */
  idle: () => {},
  /** One byte a second inside a block. */
  slowLoris: (socket) => {
    socket.write(BEGUN);
    const timer = setInterval(() => socket.write("x"), LORIS_MS);
    socket.on("close", () => clearInterval(timer));
  },
  /** FIN inside a block, while the other direction stays open. */
  halfOpen: (socket) => void socket.end(BEGUN),
  /** Gone inside a block without FIN: from here on nothing is written and nothing read. */
  vanished: (socket) => {
    socket.write(BEGUN);
    socket.pause();
  },
  /** RST inside a block. */
  reset: (socket) => void socket.write(BEGUN, () => socket.resetAndDestroy()),
  /** TLS on the plain port; the handshake is made over the connection. */
  clientHello: (socket) => {
    const secured = connectTls({ socket, rejectUnauthorized: false });
    secured.on("error", () => socket.destroy());
  },
  /** Bytes that are no block, without end. */
  junk: (socket) => pour(socket),
  /** A block without end: the agent hangs up at twice `maxBlockBytes`. */
  endlessBlock: (socket) => {
    socket.write(BEGUN);
    pour(socket);
  },
} as const satisfies Record<string, (socket: Socket) => void>;
export type HostileKind = keyof typeof KINDS;

/** Peers that are only a nuisance: what a listener in a hospital meets sooner or later, all of them at once. */
export const CROWD_KINDS = [
  "slowLoris",
  "halfOpen",
  "vanished",
  "reset",
  "clientHello",
  "junk",
] as const satisfies readonly HostileKind[];

/** As fast as the other side takes it. */
function pour(socket: Socket): void {
  while (socket.writable && socket.write(CHUNK));
  if (socket.writable) socket.once("drain", () => pour(socket));
}

class HostilePeer {
  readonly kind: HostileKind;
  readonly #port: number;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** How often a connection came to be. */
  connections = 0;

  constructor(port: number, kind: HostileKind) {
    this.#port = port;
    this.kind = kind;
    this.#open();
  }

  get isGone(): boolean {
    return this.#socket?.closed === true;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #open(): void {
    const socket = connect({ port: this.#port, host: HOST, allowHalfOpen: true });
    this.#socket = socket;
    socket.on("connect", () => {
      this.connections += 1;
      KINDS[this.kind](socket);
    });
    // The agent hung up, which shows as the end of the connection.
    socket.on("error", () => {});
    if (this.kind !== "vanished") socket.on("end", () => socket.destroy()).resume();
    socket.on("close", () => {
      if (!this.#stopped) this.#timer = setTimeout(() => this.#open(), RECONNECT_MS);
    });
  }
}

export class HostileCrowd implements AsyncDisposable {
  readonly #peers: readonly HostilePeer[];

  private constructor(peers: readonly HostilePeer[]) {
    this.#peers = peers;
  }

  /** Every peer has had its first connection when it returns. */
  static async open(port: number, kinds: readonly HostileKind[]): Promise<HostileCrowd> {
    const crowd = new HostileCrowd(kinds.map((kind) => new HostilePeer(port, kind)));
    await until("every hostile peer is connected", () => crowd.#peers.every(hasConnected), 30_000);
    return crowd;
  }

  /** Connections so far, by kind. */
  get connections(): ReadonlyMap<HostileKind, number> {
    const counts = new Map<HostileKind, number>();
    for (const { kind, connections } of this.#peers) {
      counts.set(kind, (counts.get(kind) ?? 0) + connections);
    }
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.stop();
    await until("every hostile peer is gone", () => this.#peers.every(({ isGone }) => isGone));
  }
}

const hasConnected = ({ connections }: HostilePeer): boolean => connections > 0;

/** `count` peers, each kind in its turn. */
export function mixed(count: number, kinds: readonly HostileKind[]): HostileKind[] {
  return Array.from({ length: count }, (_, index) => kinds[index % kinds.length] ?? "idle");
}
