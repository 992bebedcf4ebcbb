/**
 * The sender that hospitals have: one message, then its reply; the same bytes again on a new connection
 * when there is none.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const VT = Buffer.of(0x0b);
const END = Buffer.of(0x1c, 0x0d);
const RECONNECT_MS = 30;

/** MSA-1 and MSA-2 of a reply. */
export interface Reply {
  readonly code: string;
  readonly controlId: string;
}

export class StopAndWait implements Disposable {
  readonly #port: number;
  readonly #patienceMs: number;
  #socket: Socket | undefined;
  /** The last one that came to be: an attempt that was refused is no resend. */
  #connected: Socket | undefined;
  /** Whether the message went out on the connection that it was last tried on. */
  #wentOut = false;
  #resends = 0;

  constructor(port: number, patienceMs = 5_000) {
    this.#port = port;
    this.#patienceMs = patienceMs;
  }

  /** How often a message went out again that had gone out before. */
  get resends(): number {
    return this.#resends;
  }

  /** Sends until a reply comes. @returns `undefined` only if `signal` fired before one came */
  async send(message: Uint8Array, signal?: AbortSignal): Promise<Reply | undefined> {
    const block = Buffer.concat([VT, message, END]);
    this.#wentOut = false;
    while (signal?.aborted !== true) {
      if (this.#wentOut) this.#resends += 1;
      const reply = await this.#once(block);
      if (reply !== undefined) return reply;
      await pause(RECONNECT_MS);
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#socket?.destroy();
  }

  async #once(block: Buffer): Promise<Reply | undefined> {
    const socket = this.#socket?.writable === true ? this.#socket : this.#open();
    this.#socket = socket;
    const reply = await replyOn(socket, block, this.#patienceMs);
    this.#wentOut = this.#connected === socket;
    if (reply === undefined) socket.destroy();
    return reply;
  }

  #open(): Socket {
    const socket = connect(this.#port, "127.0.0.1").setNoDelay(true).setEncoding("latin1");
    socket.on("connect", () => {
      this.#connected = socket;
    });
    // What went wrong shows as the end of the connection.
    return socket.on("error", () => {});
  }
}

function replyOn(socket: Socket, block: Buffer, patienceMs: number): Promise<Reply | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const finish = (reply: Reply | undefined): void => {
      clearTimeout(timer);
      socket.off("data", hear).off("close", close);
      resolve(reply);
    };
    const close = (): void => finish(undefined);
    const hear = (part: string): void => {
      text += part;
      if (!text.endsWith("\x1c\r")) return;
      const [, code = "", controlId = ""] = /\rMSA\|([A-Z]{2})\|([^|\r]*)/.exec(text) ?? [];
      finish({ code, controlId });
    };
    const timer = setTimeout(close, patienceMs);
    socket.on("data", hear).on("close", close);
    socket.write(block);
  });
}
