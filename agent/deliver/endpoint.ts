/**
 * The connection to one hospital system: opened, checked before each write, read, closed (03 O2, O8, O9).
 *
 * It says what came and that it ended; what that means is decided elsewhere. Once closed by us it says
 * nothing any more: whatever is still on its way belongs to no message (03 O3).
 *
 * @module
 */
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { codeOf, type Identifier, identifierFrom } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";
import { framed } from "../ingest/mllp/framed.ts";
import { handshakeFault } from "../ingest/mllp/tls-server.ts";
import type { OutgoingBody } from "./outgoing-body.ts";
import { slicesOf } from "./outgoing-body.ts";
import type { DeliveryQueue } from "./queue.ts";
import { type ReplyEvent, ReplyReader } from "./reply-reader.ts";
import type { EndpointSettings } from "./sender-settings.ts";

/** What the peer may take to close its side. */
const CLOSE_WAIT_MS = 2_000;

const VT = Uint8Array.of(0x0b);
const BLOCK_END = Uint8Array.of(0x1c, 0x0d);

export interface EndpointListeners {
  /** Something came. */
  heard(event: ReplyEvent): void;
  /** The connection is over, not by us. @param reason `peerClosed`, or the operating system's code */
  lost(reason: Identifier): void;
}

export class Endpoint implements Disposable {
  readonly #socket: Socket;
  readonly #settings: EndpointSettings;
  readonly #clock: Clock;
  readonly #listeners: EndpointListeners;
  readonly #reader: ReplyReader;
  #silence: Timer | undefined;
  #blockIdle: Timer | undefined;
  #block: Timer | undefined;
  /** Which block of the reader `#block` is for. */
  #timedBlock = 0;
  #over = false;

  /** Takes over a connected socket that has not been read from. */
  constructor(
    socket: Socket,
    settings: EndpointSettings,
    clock: Clock,
    listeners: EndpointListeners,
  ) {
    this.#socket = socket;
    this.#settings = settings;
    this.#clock = clock;
    this.#listeners = listeners;
    this.#reader = new ReplyReader(settings);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, settings.keepAliveMs);
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("end", () => this.#ended());
    // With TLS 1.3 a server says only now that it does not accept our certificate.
    socket.on("error", (error) => this.#lose(settings.tls ? handshakeFault(error) : codeOf(error)));
    socket.on("close", () => this.#lose(identifierFrom("peerClosed")));
  }

  /** Whether it can be written to: no FIN and no error has come, as far as is known by now (03 O8). */
  async isUsable(): Promise<boolean> {
    // Two turns: what the kernel already holds, a FIN or an RST, has been read in the second.
    await turn();
    await turn();
    return this.#isOpen;
  }

  get #isOpen(): boolean {
    return !this.#over && this.#socket.writable && !this.#socket.readableEnded;
  }

  /**
   * Writes a message in its block, with back-pressure.
   *
   * @param progress called each time TCP has taken some of it
   * @returns whether TCP has taken every byte; if not, the connection is or will be over
   * @throws {AgentError} `STORE_BODY_DAMAGED` before the block is complete: close the connection
   */
  async write(
    body: OutgoingBody,
    queue: Pick<DeliveryQueue, "body">,
    progress: () => void,
  ): Promise<boolean> {
    if (body.whole !== undefined) return await this.#taken(framed(body.whole), progress);
    if (!(await this.#taken(VT, progress))) return false;
    for await (const { part, last } of slicesOf(queue, body.id, body.bytes)) {
      const bytes = last ? Buffer.concat([part, BLOCK_END]) : part;
      if (!(await this.#taken(bytes, progress))) return false;
    }
    return true;
  }

  #taken(bytes: Uint8Array, progress: () => void): Promise<boolean> {
    if (!this.#isOpen) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#socket.write(bytes, (error) => {
        if (!error) progress();
        resolve(!error);
      });
    });
  }

  /** Closes once every byte that was written has left; what comes meanwhile is discarded. */
  finish(): void {
    this.#end();
    // Closed with bytes unread it would be an RST, which may take what was written along (RFC 1122 §4.2.2.13).
    const timer = this.#clock.after(CLOSE_WAIT_MS, () => this.#socket.destroy());
    this.#socket.once("close", () => timer[Symbol.dispose]());
    this.#socket.end();
  }

  /** Closes now; what comes afterwards is discarded. */
  [Symbol.dispose](): void {
    this.#end();
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    if (this.#over) return;
    this.#hear(this.#reader.push(chunk));
    this.#armTimers();
  }

  /** FIN, perhaps in the place of the last CR. */
  #ended(): void {
    if (this.#over) return;
    this.#hear(this.#reader.end());
    this.#lose(identifierFrom("peerClosed"));
    this.#socket.destroy();
  }

  #hear(events: readonly ReplyEvent[]): void {
    for (const event of events) {
      // The first of them may have ended the connection.
      if (this.#over) return;
      this.#listeners.heard(event);
    }
  }

  #lose(reason: Identifier): void {
    if (this.#over) return;
    this.#end();
    this.#listeners.lost(reason);
  }

  #end(): void {
    this.#over = true;
    this.#stopTimers();
  }

  #armTimers(): void {
    this.#silence?.[Symbol.dispose]();
    this.#blockIdle?.[Symbol.dispose]();
    if (this.#over) return;
    const { insideBlock, awaitsEnd, begunCount } = this.#reader;
    if (!insideBlock || begunCount !== this.#timedBlock) this.#block?.[Symbol.dispose]();
    if (!insideBlock) return;
    const { endOfBlockWaitMs, blockIdleTimeoutMs, blockMaxMs } = this.#settings;
    if (begunCount !== this.#timedBlock) {
      this.#timedBlock = begunCount;
      this.#block = this.#clock.after(blockMaxMs, () => this.#tooSlow("blockTooSlow"));
    }
    if (awaitsEnd) {
      this.#silence = this.#clock.after(endOfBlockWaitMs, () => {
        this.#hear(this.#reader.silence());
        this.#armTimers();
      });
    } else {
      this.#blockIdle = this.#clock.after(blockIdleTimeoutMs, () => this.#tooSlow("blockIdle"));
    }
  }

  /** 03 F5. */
  #tooSlow(reason: string): void {
    this.#socket.destroy();
    this.#lose(identifierFrom(reason));
  }

  #stopTimers(): void {
    this.#silence?.[Symbol.dispose]();
    this.#blockIdle?.[Symbol.dispose]();
    this.#block?.[Symbol.dispose]();
  }
}
