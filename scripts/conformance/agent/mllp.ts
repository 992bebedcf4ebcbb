/** A sending system in the hospital: one HL7 message at a time, the next one only after AA. @module */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Failed } from "../scenario.ts";

const VT = "\x0b";
const FS_CR = "\x1c\r";
const REPLY_MS = 30_000;

export class Sender implements Disposable {
  readonly #socket: Socket;
  readonly #run = randomBytes(4).toString("hex");
  #count = 0;
  #received = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#received += text;
    });
    socket.on("error", () => {});
  }

  /** @param address `HOST:PORT` of an MLLP listener of the agent */
  static async open(address: string): Promise<Sender> {
    const at = address.lastIndexOf(":");
    const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)) });
    await once(socket, "connect");
    return new Sender(socket);
  }

  /**
   * Sends one message and waits for its positive acknowledgment.
   *
   * @param bytes about how large it shall be
   * @returns its bytes, as they must arrive at the receiver
   */
  async send(bytes = 200): Promise<Uint8Array> {
    this.#count += 1;
    const id = `${this.#run}-${this.#count}`;
    const head = `MSH|^~\\&|CONFORMANCE|RUNNER|||20260101000000||ADT^A01|${id}|P|2.5\r`;
    const text = `${head}PID|1||${id}\rNTE|1||${".".repeat(Math.max(0, bytes - head.length))}\r`;
    this.#received = "";
    this.#socket.write(Buffer.from(`${VT}${text}${FS_CR}`, "latin1"));
    const timeout = AbortSignal.timeout(REPLY_MS);
    while (!this.#received.includes(FS_CR)) {
      await once(this.#socket, "data", { signal: timeout }).catch(() => {
        throw new Failed("an acknowledgment by MLLP", "none", "03");
      });
    }
    const [, code] = /\rMSA\|([A-Z]{2})/.exec(this.#received) ?? [];
    if (code !== "AA" && code !== "CA") throw new Failed("AA by MLLP", code ?? "no MSA", "03");
    return new Uint8Array(Buffer.from(text, "latin1"));
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
