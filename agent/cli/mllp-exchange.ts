/** A test sender's connection: one message out, its reply back, one at a time. @module */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AgentError, codeOf } from "../errors.ts";
import { BlockReader } from "../ingest/mllp/block-reader.ts";
import { framed } from "../ingest/mllp/framed.ts";
import { BLOCK_MAX_CEILING_BYTES } from "../limits.ts";

/** The connection was closed, or nothing came in time. */
export type NoReply = "closed" | "timeout";

/** How to speak TLS: paths of PEM files. */
export interface ExchangeTls {
  /** Whose server certificate is trusted. */
  readonly ca: string;
  /** The client certificate and its key, where the listener asks for one. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export class MllpExchange implements Disposable {
  readonly #socket: Socket;
  readonly #reader = new BlockReader({
    blockMaxBytes: BLOCK_MAX_CEILING_BYTES,
    lenientEnd: true,
    spoolThresholdBytes: BLOCK_MAX_CEILING_BYTES,
  });
  #waiting: ((reply: Uint8Array | NoReply) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => this.#settle("closed"));
    socket.on("close", () => this.#settle("closed"));
    socket.on("data", (chunk: Buffer) => {
      for (const event of this.#reader.push(chunk)) {
        if (event.kind === "block") this.#settle(new Uint8Array(event.bytes));
      }
    });
  }

  /** @throws {AgentError} `ENDPOINT_UNREACHABLE`, `FILE_NOT_READABLE` */
  static async open(host: string, port: number, tls?: ExchangeTls): Promise<MllpExchange> {
    const socket = tls === undefined ? connect({ host, port }) : secured(host, port, tls);
    try {
      await once(socket, tls === undefined ? "connect" : "secureConnect");
    } catch (error) {
      throw unreachable(error);
    }
    return new MllpExchange(socket);
  }

  /**
   * Sends one message and waits for its reply.
   *
   * @returns the reply's bytes, or why there is none: the message counts as not delivered
   */
  send(message: Uint8Array, timeoutMs: number): Promise<Uint8Array | NoReply> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) {
        resolve("closed");
        return;
      }
      const patience = AbortSignal.timeout(timeoutMs);
      const expire = (): void => this.#settle("timeout");
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

  #settle(reply: Uint8Array | NoReply): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(reply);
  }
}

function unreachable(cause: unknown): AgentError {
  return new AgentError("ENDPOINT_UNREACHABLE", { sysCode: codeOf(cause) }, { cause });
}

function secured(host: string, port: number, { ca, certificate, key }: ExchangeTls): Socket {
  const own = certificate === undefined ? {} : { cert: pem(certificate) };
  const secret = key === undefined ? {} : { key: pem(key) };
  // An address is no name that SNI may carry (RFC 6066 section 3).
  const named = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ host, port, ca: pem(ca), ...own, ...secret, ...named });
}

function pem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw notReadable(error);
  }
}

function notReadable(cause: unknown): AgentError {
  return new AgentError("FILE_NOT_READABLE", { sysCode: codeOf(cause) }, { cause });
}
