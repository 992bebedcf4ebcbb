/** A sender made of bytes: it writes exactly what a test says, cut as the test says, and ends as rudely. @module */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { latin1, msaOf } from "./messages.ts";
import { until } from "./processes.ts";

export class MllpSocket implements AsyncDisposable {
  readonly socket: Socket;
  #received = "";
  #closed = false;
  #errored = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (part) => {
      this.#received += part.toString("latin1");
    });
    socket.on("error", (error) => {
      this.#errored = (error as NodeJS.ErrnoException).code ?? "unknown";
    });
    socket.on("close", () => {
      this.#closed = true;
    });
  }

  /** @param from the address of this machine that it comes from */
  static async open(port: number, host = "127.0.0.1", from?: string): Promise<MllpSocket> {
    const own = from === undefined ? {} : { localAddress: from };
    const socket = connect({ port, host, allowHalfOpen: true, ...own });
    const opened = new MllpSocket(socket);
    await once(socket, "connect");
    return opened;
  }

  /** Every byte that came, as latin1. */
  get received(): string {
    return this.#received;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The error code that the connection ended with, or empty. */
  get errored(): string {
    return this.#errored;
  }

  /** Writes each chunk in a turn of its own, so that a listener in this process reads it alone. */
  async send(...chunks: readonly (string | Uint8Array)[]): Promise<void> {
    for (const chunk of chunks) {
      this.socket.write(typeof chunk === "string" ? latin1(chunk) : chunk);
      await turn();
    }
  }

  /** Half-closes: FIN after what was sent. */
  finish(): void {
    this.socket.end();
  }

  /** RST, whatever is on its way. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** The first `count` replies without their framing, once that many came whole. */
  async replies(count: number, limitMs = 10_000): Promise<string[]> {
    const ended = (): boolean => this.#closed || this.socket.readableEnded;
    await until(`${count} replies`, () => this.#blocks().length >= count || ended(), limitMs);
    const blocks = this.#blocks();
    if (blocks.length < count) {
      throw new Error(`closed (${this.#errored}) after ${blocks.length} of ${count} replies`);
    }
    return blocks;
  }

  /** MSA-1 and MSA-2 of the first `count` replies. */
  async acknowledged(count: number, limitMs = 10_000): Promise<string[]> {
    return (await this.replies(count, limitMs)).map(msaOf);
  }

  /** Waits until the other side closed: FIN or RST; then this side closes, too. */
  async closed(limitMs = 10_000): Promise<void> {
    this.socket.on("end", () => this.socket.end());
    if (this.socket.readableEnded) this.socket.end();
    await until("the connection is closed", () => this.#closed, limitMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await until("the socket is gone", () => this.#closed);
  }

  /** What came, cut at VT and FS CR; bytes that belong to no block make it throw. */
  #blocks(): string[] {
    const parts = this.#received.split("\x1c\r");
    const rest = parts.pop() ?? "";
    for (const part of [...parts, ...(rest === "" ? [] : [rest])]) {
      if (part.lastIndexOf("\x0b") !== 0) throw new Error(`not a block: ${JSON.stringify(part)}`);
    }
    return parts.map((part) => part.slice(1));
  }
}
