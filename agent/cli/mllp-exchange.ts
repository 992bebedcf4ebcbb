/** A test sender's connection: one message out, its reply back, one at a time. @module */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { AgentError, codeOf } from "../errors.ts";
import { BlockReader } from "../ingest/mllp/block-reader.ts";
import { framed } from "../ingest/mllp/framed.ts";
import { BLOCK_MAX_CEILING_BYTES } from "../limits.ts";

export class MllpExchange implements Disposable {
  readonly #socket: Socket;
  readonly #reader = new BlockReader({
    blockMaxBytes: BLOCK_MAX_CEILING_BYTES,
    lenientEnd: true,
    spoolThresholdBytes: BLOCK_MAX_CEILING_BYTES,
  });
  #waiting: ((reply: Uint8Array | undefined) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => this.#settle(undefined));
    socket.on("close", () => this.#settle(undefined));
    socket.on("data", (chunk: Buffer) => {
      for (const event of this.#reader.push(chunk)) {
        if (event.kind === "block") this.#settle(new Uint8Array(event.bytes));
      }
    });
  }

  /** @throws {AgentError} `ENDPOINT_UNREACHABLE` */
  static async open(host: string, port: number): Promise<MllpExchange> {
    const socket = connect({ host, port });
    try {
      await once(socket, "connect");
    } catch (error) {
      throw unreachable(error);
    }
    return new MllpExchange(socket);
  }

  /**
   * Sends one message and waits for its reply.
   *
   * @returns the reply's bytes, or `undefined` if the connection closed or `timeoutMs` passed without
   *   one: the message counts as not delivered
   */
  send(message: Uint8Array, timeoutMs: number): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) {
        resolve(undefined);
        return;
      }
      const patience = AbortSignal.timeout(timeoutMs);
      const expire = (): void => this.#settle(undefined);
      patience.addEventListener("abort", expire, { once: true });
      this.#waiting = (reply) => {
        patience.removeEventListener("abort", expire);
        resolve(reply);
      };
      this.#socket.write(framed(message));
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #settle(reply: Uint8Array | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(reply);
  }
}

function unreachable(cause: unknown): AgentError {
  return new AgentError("ENDPOINT_UNREACHABLE", { sysCode: codeOf(cause) }, { cause });
}
