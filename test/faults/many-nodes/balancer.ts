/**
 * A TCP balancer without mercy: every agent has a port of its own, and is led to one node until it is moved
 * to another one; how it leaves the old one is what this file is about.
 *
 * @module
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const HOST = "127.0.0.1";

/** How a connection ends that its agent is moved away from. */
export const PARTINGS = ["closed", "reset", "acksLost", "leftBehind"] as const;
export type Parting = (typeof PARTINGS)[number];

/** How long acknowledgments vanish before the connection does. */
const ACKS_LOST_MS = 400;
/** What an agent has sent so long before it is moved reaches the old node late … */
const HELD_MS = 300;
/** … by so much: the agent has its session elsewhere by then. */
export const LATE_MS = 1_200;
/** And so long the old node believes in the connection after that. */
const LINGER_MS = 800;
/** For the next bytes to come that can be cut in half. */
const CUT_WAIT_MS = 300;

interface Route {
  readonly client: Socket;
  readonly node: Socket;
  /** Upstream bytes wait here while it is an array. */
  held: Buffer[] | undefined;
  dropsDown: boolean;
  /** The next upstream bytes go half of their way. */
  cutsNext: boolean;
  /** Its agent is led elsewhere from now on. */
  isParted: boolean;
}

export class Balancer implements AsyncDisposable {
  readonly counts = new Map<Parting | "connected" | "refused", number>();
  readonly #doors: Door[] = [];

  /** @param nodePort where it begins @returns the port for one agent, and the handle to move it */
  async add(nodePort: number): Promise<Door> {
    const door = await Door.open(nodePort, (what) => {
      this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    });
    this.#doors.push(door);
    return door;
  }

  /** The node's acknowledgments vanish for a while, then its connections. */
  async loseAcksOf(nodePort: number, forMs: number): Promise<void> {
    const doors = this.#doors.filter((door) => door.nodePort === nodePort);
    await Promise.all(doors.map((door) => door.loseAcks(forMs)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#doors.map((door) => door[Symbol.asyncDispose]()));
  }
}

type Count = (what: Parting | "connected" | "refused") => void;

/** What one agent dials. */
export class Door implements AsyncDisposable {
  readonly #server: Server;
  readonly #count: Count;
  readonly #routes = new Set<Route>();
  /** Nodes that still believe in a connection that its agent has left. */
  readonly #lingering = new Set<Socket>();
  #nodePort: number;
  #leftBehindCount = 0;
  /** Called when what the agent sends begins to be held back from a node that it will leave. */
  onHeld: () => void = () => {};

  private constructor(server: Server, nodePort: number, count: Count) {
    this.#server = server;
    this.#nodePort = nodePort;
    this.#count = count;
    server.on("connection", (client: Socket) => this.#lead(client));
  }

  static async open(nodePort: number, count: Count): Promise<Door> {
    const server = createServer({ noDelay: true }).listen(0, HOST);
    await once(server, "listening");
    return new Door(server, nodePort, count);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get nodePort(): number {
    return this.#nodePort;
  }

  /** How many connections were left to a node that believes in them. */
  get leftBehindCount(): number {
    return this.#leftBehindCount;
  }

  /** From now on the agent is led to `nodePort`; what it has leaves as `parting` says. */
  async moveTo(nodePort: number, parting: Parting): Promise<void> {
    this.#nodePort = nodePort;
    this.#count(parting);
    const routes = [...this.#routes].filter(({ isParted }) => !isParted);
    for (const route of routes) route.isParted = true;
    await Promise.all(routes.map((route) => this.#part(route, parting)));
  }

  async loseAcks(forMs: number): Promise<void> {
    const routes = [...this.#routes];
    for (const route of routes) route.dropsDown = true;
    await pause(forMs);
    for (const route of routes) this.#destroy(route);
  }

  #lead(client: Socket): void {
    const node = connect({ port: this.#nodePort, host: HOST, noDelay: true });
    const as = { held: undefined, dropsDown: false, cutsNext: false, isParted: false };
    const route: Route = { client, node, ...as };
    this.#routes.add(route);
    let isConnected = false;
    node.on("connect", () => {
      isConnected = true;
      this.#count("connected");
    });
    node.on("error", () => {
      if (!isConnected) this.#count("refused");
    });
    client.on("error", () => {});
    client.on("data", (bytes: Buffer) => this.#up(route, bytes));
    node.on("data", (bytes: Buffer) => {
      if (route.dropsDown || client.destroyed || client.write(bytes)) return;
      node.pause();
      client.once("drain", () => node.resume());
    });
    client.on("end", () => node.end());
    node.on("end", () => client.end());
    client.on("close", () => {
      if (!this.#lingering.has(node)) this.#destroy(route);
    });
    node.on("close", () => this.#destroy(route));
  }

  #up(route: Route, bytes: Buffer): void {
    const { client, node } = route;
    if (route.held !== undefined) {
      route.held.push(bytes);
      return;
    }
    if (route.cutsNext) {
      node.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => this.#reset(route));
      return;
    }
    if (node.write(bytes)) return;
    client.pause();
    node.once("drain", () => client.resume());
  }

  async #part(route: Route, parting: Parting): Promise<void> {
    switch (parting) {
      case "closed":
        this.#destroy(route);
        break;
      case "reset":
        route.cutsNext = true;
        await pause(CUT_WAIT_MS);
        this.#reset(route);
        break;
      case "acksLost":
        route.dropsDown = true;
        await pause(ACKS_LOST_MS);
        this.#destroy(route);
        break;
      case "leftBehind":
        await this.#leaveBehind(route);
        break;
    }
  }

  /** The agent is gone; the node learns of it last, after it was given what the agent had still sent. */
  async #leaveBehind(route: Route): Promise<void> {
    const held: Buffer[] = [];
    route.held = held;
    this.onHeld();
    await pause(HELD_MS);
    const { client, node } = route;
    if (node.destroyed) return;
    this.#leftBehindCount += 1;
    this.#lingering.add(node);
    route.dropsDown = true;
    client.destroy();
    await pause(LATE_MS);
    if (node.writable) node.write(Buffer.concat(held));
    await pause(LINGER_MS);
    this.#lingering.delete(node);
    this.#destroy(route);
  }

  #reset(route: Route): void {
    this.#routes.delete(route);
    resetSocket(route.client);
    resetSocket(route.node);
  }

  #destroy(route: Route): void {
    this.#routes.delete(route);
    route.client.destroy();
    route.node.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const route of this.#routes) this.#destroy(route);
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Where a FIN is still being sent, libuv refuses to reset, and would leak the socket. */
function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
