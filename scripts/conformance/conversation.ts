/**
 * One websocket of the tunnel, either end of it, as frames by hand. Knows no rule of who may say
 * what: that is the matter of the scenarios.
 *
 * @module
 */
import { WebSocket } from "ws";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import type { ErrorFrame, Frame, GoawayFrame } from "#protocol/frame.ts";
import { Failed } from "./scenario.ts";
import { SentBytes } from "./sent-bytes.ts";
import { framesInWords } from "./words.ts";

export type FrameOf<Type extends Frame["type"]> = Extract<Frame, { type: Type }>;

/** For an answer that has no limit of its own in 06: none may be so slow. */
export const ANSWER_MS = 15_000;

/** How a conversation ended. */
export interface Ending {
  /** Of the close frame; 1006 if there was none. */
  readonly code: number;
  readonly error: ErrorFrame | undefined;
  readonly goaway: GoawayFrame | undefined;
}

export class Conversation implements AsyncDisposable {
  readonly socket: WebSocket;
  /** Every frame that came, oldest first. */
  readonly history: Frame[] = [];
  /** Called for each frame as it comes. */
  heard: (frame: Frame, bytes: number) => void = () => {};
  /** Why something that came is no frame. */
  unreadable: string | undefined;
  #closeCode: number | undefined;
  #taken = 0;
  readonly #sent = new SentBytes();
  #happened = Promise.withResolvers<void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("message", (data: Buffer, isBinary) => this.#hear(data, isBinary));
    socket.on("close", (code) => {
      this.#closeCode = code;
      this.#notify();
    });
  }

  get isClosed(): boolean {
    return this.#closeCode !== undefined;
  }

  send(...frames: readonly Frame[]): void {
    for (const frame of frames) {
      const bytes = encodeFrame(frame);
      this.#sent.note(frame, bytes.length);
      this.sendRaw(bytes);
    }
  }

  /** Sends as a source does that keeps to the credit it was given (TP20). @throws {Failed} if that ends */
  async sendWithin(...frames: readonly Frame[]): Promise<void> {
    for (const frame of frames) {
      const bytes = encodeFrame(frame).length;
      const from = this.#taken;
      const mayGo = (): boolean => this.#sent.mayGo(frame, bytes, this.history);
      await this.until(() => mayGo() || this.#find("reject") !== undefined);
      if (this.isClosed) return;
      if (!mayGo() && this.#find("reject") === undefined) {
        throw new Failed("credit for a full frame", this.inWords(from), "TP20");
      }
      this.send(frame);
    }
  }

  /** Sends bytes as they are, or a text message. Nothing happens if the other end is gone. */
  sendRaw(bytes: Uint8Array | string): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(bytes, () => {});
  }

  /** Takes the next frame of `type`, which the other end owes; those before it are dropped. */
  async next<Type extends Frame["type"]>(type: Type, limitMs = ANSWER_MS): Promise<FrameOf<Type>> {
    const from = this.#taken;
    const isType = (frame: Frame): frame is FrameOf<Type> => frame.type === type;
    const found = await this.#within(limitMs, () => {
      for (; this.#taken < this.history.length; ) {
        const frame = this.history[this.#taken];
        this.#taken += 1;
        if (frame !== undefined && isType(frame)) return frame;
      }
      return undefined;
    });
    if (found === undefined) throw new Failed(type.toUpperCase(), this.inWords(from));
    return found;
  }

  /** Takes the next frame of one of these types. */
  async nextOf<Type extends Frame["type"]>(
    types: readonly Type[],
    limitMs = ANSWER_MS,
  ): Promise<FrameOf<Type>> {
    const from = this.#taken;
    const names: readonly string[] = types;
    const found = await this.#within(limitMs, () => {
      for (; this.#taken < this.history.length; ) {
        const frame = this.history[this.#taken];
        this.#taken += 1;
        if (frame !== undefined && names.includes(frame.type)) return frame as FrameOf<Type>;
      }
      return undefined;
    });
    if (found === undefined) {
      throw new Failed(names.map((name) => name.toUpperCase()).join(" or "), this.inWords(from));
    }
    return found;
  }

  /** Waits until `holds`, or the end of the connection. @returns whether it holds */
  async until(holds: () => boolean, limitMs = ANSWER_MS): Promise<boolean> {
    return (await this.#within(limitMs, () => (holds() ? true : undefined))) === true;
  }

  /** Waits for the other end to close. @throws {Failed} if it does not */
  async ended(limitMs = ANSWER_MS): Promise<Ending> {
    const from = this.#taken;
    await this.#within(limitMs, () => this.#closeCode);
    if (this.#closeCode === undefined) {
      throw new Failed("the connection closed by the other end", `${this.inWords(from)}`);
    }
    return { code: this.#closeCode, error: this.#find("error"), goaway: this.#find("goaway") };
  }

  /** What came since a moment, and whether the connection is still there. */
  inWords(from = 0): string {
    const said = this.unreadable ?? framesInWords(this.history.slice(from));
    return this.isClosed ? `${said}, then the end (${this.#closeCode})` : `${said}, and no more`;
  }

  /** Hangs up without a word, as a broken line does. */
  async cut(): Promise<void> {
    this.socket.terminate();
    await this.#within(ANSWER_MS, () => this.#closeCode);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }

  #find<Type extends Frame["type"]>(type: Type): FrameOf<Type> | undefined {
    return this.history.find((frame): frame is FrameOf<Type> => frame.type === type);
  }

  #hear(data: Buffer, isBinary: boolean): void {
    try {
      if (!isBinary) throw new TypeError("a text message");
      const frame = decodeFrame(data);
      if (frame !== undefined) {
        this.history.push(frame);
        this.heard(frame, data.length);
      }
    } catch (error) {
      if (error instanceof Failed) throw error;
      this.unreadable ??= `something that is no frame (${error instanceof Error ? error.message : error})`;
    }
    this.#notify();
  }

  #notify(): void {
    this.#happened.resolve();
    this.#happened = Promise.withResolvers();
  }

  async #within<T>(limitMs: number, look: () => T | undefined): Promise<T | undefined> {
    const timer = Promise.withResolvers<void>();
    const timeout = setTimeout(timer.resolve, limitMs);
    let isLate = false;
    void timer.promise.then(() => {
      isLate = true;
    });
    try {
      while (true) {
        const found = look();
        if (found !== undefined || isLate || this.isClosed) return found;
        await Promise.race([this.#happened.promise, timer.promise]);
      }
    } finally {
      clearTimeout(timeout);
    }
  }
}
