/** The agent that is checked, and a receiver for it to call. @module */
import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocketServer } from "ws";
import type { Identity } from "#certs/identity.ts";
import { FRAME_MAX_NEGOTIABLE_BYTES, SUBPROTOCOL } from "#protocol/limits.ts";
import { hex, sha256 } from "../messages.ts";
import { expect, Failed } from "../scenario.ts";
import { Book } from "./book.ts";
import { Sender } from "./mllp.ts";
import { type Manner, Visit } from "./visit.ts";

export interface AgentSubjectOptions {
  readonly port: number;
  readonly identity: Identity;
  /** `HOST:PORT` of an MLLP listener of the agent. */
  readonly mllp: string;
  /** The agent's clock goes so many times as fast: its waits are as much shorter. */
  readonly clockRate: number;
  /** All vectors that are no frame, instead of a few: each costs a reconnect. */
  readonly everyVector: boolean;
}

/** An answer in place of the upgrade: status and headers. */
export interface UpgradeRefusal {
  readonly status: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called when it was given. */
  readonly heard?: () => void;
}

/** TP27: the longest wait between two tries. */
const BACKOFF_MAX_MS = 60_000;
const HEARTBEAT_MS = 10_000;
/** On top of every limit: a loaded machine is no violation. */
export const SLACK_MS = 15_000;
const OBLIGING: Manner = () => false;

export class AgentSubject implements AsyncDisposable {
  readonly options: AgentSubjectOptions;
  /** What is done instead of obliging, from the next frame on. */
  manner: Manner = OBLIGING;
  readonly visits: Visit[] = [];
  readonly books = new Map<string, Book>();
  /** Of every message that was acknowledged by MLLP, in order. */
  readonly accepted: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #sender: Sender | undefined;
  #session = 0;
  #refusal: UpgradeRefusal | undefined;

  private constructor(options: AgentSubjectOptions) {
    this.options = options;
    const { identity } = options;
    this.#server = createServer({
      ...{ cert: identity.certificatePem, key: identity.privateKeyPem, ca: identity.receiverCaPem },
      ...{ requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" },
    });
    const webSockets = new WebSocketServer({
      ...{ noServer: true, perMessageDeflate: false, maxPayload: FRAME_MAX_NEGOTIABLE_BYTES },
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("tlsClientError", () => {});
    this.#server.on("upgrade", (request, socket: Duplex, head) => {
      socket.on("error", () => {});
      const refusal = this.#refusal;
      if (refusal !== undefined) {
        this.#refusal = undefined;
        socket.end(refusalText(refusal));
        refusal.heard?.();
        return;
      }
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        this.visits.push(new Visit(webSocket, request, this.#host()));
      });
    });
  }

  static async open(options: AgentSubjectOptions): Promise<AgentSubject> {
    const subject = new AgentSubject(options);
    subject.#server.listen(options.port);
    await once(subject.#server, "listening");
    return subject;
  }

  /** A time of 06, on the agent's clock, and some more. */
  within(ms: number): number {
    return ms / this.options.clockRate + SLACK_MS;
  }

  get last(): Visit | undefined {
    return this.visits.at(-1);
  }

  /** Waits for the next connection. @param limitMs on the agent's clock */
  async nextVisit(limitMs = BACKOFF_MAX_MS): Promise<Visit> {
    const count = this.visits.length;
    await until(() => this.visits.length > count, this.within(limitMs));
    const visit = this.visits[count];
    if (visit === undefined) throw new Failed("the agent connects again", "it did not", "TP27");
    return visit;
  }

  /** The connection that is there and where channels are open; waits for one if there is none. */
  async streaming(): Promise<Visit> {
    const isStreaming = (): boolean =>
      this.last?.isClosed === false && [...this.last.streams.values()].some(({ isOpen }) => isOpen);
    const limitMs = this.within(BACKOFF_MAX_MS);
    if (!(await until(isStreaming, limitMs)) || this.last === undefined) {
      throw new Failed("the agent connects and opens a channel", this.last?.inWords() ?? "nobody");
    }
    return this.last;
  }

  /** Hangs up on the agent, where it is there, and does otherwise from the next connection on. */
  async cutAnd(manner: Manner): Promise<Visit> {
    const visit = await this.streaming();
    this.manner = manner;
    const next = this.nextVisit();
    await visit.cut();
    return await next;
  }

  /** Between two scenarios: whatever the last one left behind is forgotten. */
  async startAfresh(): Promise<void> {
    this.manner = OBLIGING;
    this.#refusal = undefined;
    for (const visit of this.visits) visit.faults.length = 0;
    await this.last?.cut();
  }

  /** Answers the next upgrade so. */
  refuse(refusal: UpgradeRefusal): void {
    this.#refusal = refusal;
  }

  /** One message from the hospital. */
  async send(bytes?: number): Promise<string> {
    this.#sender ??= await Sender.open(this.options.mllp);
    const hash = hex(sha256(await this.#sender.send(bytes)));
    this.accepted.push(hash);
    return hash;
  }

  /** One message, to its end: from then on it is known on which channel they come. */
  async arrived(): Promise<Visit> {
    await this.streaming();
    await this.send();
    await this.settle();
    return await this.streaming();
  }

  /** The channel that the messages of the hospital come on: known once the first is here. */
  get channel(): Book | undefined {
    const own = new Set(this.accepted);
    return [...this.books.values()].find(({ messages }) =>
      messages.some(({ sha256: hash }) => own.has(hash)),
    );
  }

  /**
   * Obliges again, and waits until everything that was acknowledged by MLLP is here: once, in order.
   *
   * @throws {Failed} if it is not, or if the agent did what no agent may do
   */
  async settle(): Promise<void> {
    this.manner = OBLIGING;
    const isHere = (): boolean => this.accepted.every((hash) => this.#arrived().includes(hash));
    await until(isHere, this.within(BACKOFF_MAX_MS));
    const arrived = this.#arrived();
    const missing = this.accepted.filter((hash) => !arrived.includes(hash)).length;
    expect(missing === 0, "every message that was acknowledged", `${missing} did not come`, "TP19");
    const count = arrived.length;
    expect(new Set(arrived).size === count, "every message once", "one came twice", "TP19");
    const isInOrder = arrived.every((hash, index) => hash === this.accepted[index]);
    expect(isInOrder, "messages in the order of sending", "another order", "TP14");
    this.judge();
  }

  /** As `settle`, once `hasHappened`. */
  async settleAfter(hasHappened: () => boolean): Promise<void> {
    const isIt = await until(hasHappened, this.within(BACKOFF_MAX_MS));
    expect(isIt, "the agent to come so far", this.last?.inWords() ?? "nobody");
    await this.settle();
  }

  /** @throws {Failed} with the first thing that no agent may do and this one did since last time */
  judge(): void {
    const found = this.visits.flatMap((visit) => {
      const { unreadable } = visit;
      visit.unreadable = undefined;
      return [...visit.faults.splice(0), ...(unreadable === undefined ? [] : [unreadable])];
    });
    const [fault] = found;
    expect(fault === undefined, "what 06 allows an agent", fault ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sender?.[Symbol.dispose]();
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Of the hospital's messages, what is here, in order of epoch and seq. */
  #arrived(): readonly string[] {
    const own = new Set(this.accepted);
    const messages = this.channel?.messages ?? [];
    return messages
      .filter(({ sha256: hash, isRepeat }) => own.has(hash) && !isRepeat)
      .map(({ sha256: hash }) => hash);
  }

  #host() {
    return {
      heartbeatMs: HEARTBEAT_MS,
      manner: () => this.manner,
      session: () => {
        this.#session += 1;
        return this.#session;
      },
      book: (channel: string, epoch: bigint) => {
        const book = this.books.get(channel) ?? new Book(channel, epoch);
        this.books.set(channel, book);
        return book;
      },
    };
  }
}

export async function until(holds: () => boolean, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!holds() && performance.now() < end) await pause(5);
  return holds();
}

function refusalText({ status, headers = {} }: UpgradeRefusal): string {
  const lines = Object.entries({ ...headers, Connection: "close", "Content-Length": "0" });
  return `HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}
