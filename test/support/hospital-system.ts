/** A hospital system at the far end of delivery: a real port that takes blocks and answers as a test says. @module */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { framed, latin1 } from "./messages.ts";
import { until } from "./processes.ts";

/** One block as it came. */
export interface ReceivedBlock {
  /** Content, latin1. */
  readonly text: string;
  /** MSH-10. */
  readonly controlId: string;
  /** From 0, in the order in which they were accepted. */
  readonly connection: number;
  readonly socket: Socket;
}

/** @returns the bytes to write, framing included; nothing where there is no reply */
export type Answer = (block: ReceivedBlock, count: number) => string | Uint8Array | undefined;

/** An acknowledgment in its block. */
export const ack = (code: string, controlId: string, more = ""): string =>
  framed(
    `MSH|^~\\&|RIS|H|GATE|CLOUD|20250101120000||ACK|A${controlId}|P|2.5\rMSA|${code}|${controlId}${more}\r`,
  );

export const alwaysAA: Answer = ({ controlId }) => ack("AA", controlId);

export class HospitalSystem implements AsyncDisposable {
  readonly blocks: ReceivedBlock[] = [];
  readonly connections: Socket[] = [];
  /** Bytes of each connection that are no whole block. */
  readonly rests: string[] = [];
  answer: Answer;
  readonly #server: Server;

  private constructor(answer: Answer, tls: TlsOptions | undefined) {
    this.answer = answer;
    const accept = (socket: Socket): void => this.#accept(socket);
    this.#server =
      tls === undefined
        ? createServer({ allowHalfOpen: true }, accept)
        : createTlsServer({ ...tls, allowHalfOpen: true }, accept);
    this.#server.on("tlsClientError", () => {});
  }

  static async open(
    answer: Answer = alwaysAA,
    tls?: TlsOptions,
    port = 0,
  ): Promise<HospitalSystem> {
    const system = new HospitalSystem(answer, tls);
    system.#server.listen(port, "127.0.0.1");
    await once(system.#server, "listening");
    return system;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** MSH-10 of every block, in the order in which they came. */
  get controlIds(): string[] {
    return this.blocks.map(({ controlId }) => controlId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.connections) socket.destroy();
    await until("every connection is over", () => this.connections.every(({ closed }) => closed));
  }

  #accept(socket: Socket): void {
    const connection = this.connections.push(socket) - 1;
    this.rests[connection] = "";
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("data", (part: Buffer) => {
      const parts = ((this.rests[connection] ?? "") + part.toString("latin1")).split("\x1c\r");
      this.rests[connection] = parts.pop() ?? "";
      for (const text of parts) this.#take(text.slice(1), connection, socket);
    });
  }

  #take(text: string, connection: number, socket: Socket): void {
    const header = /MSH[^\r]*/.exec(text)?.[0] ?? "";
    const controlId = header.split(header[3] ?? "|")[9] ?? "";
    const block = { text, controlId, connection, socket };
    this.blocks.push(block);
    const reply = this.answer(block, this.blocks.length);
    if (reply !== undefined) socket.write(typeof reply === "string" ? latin1(reply) : reply);
  }
}
