/** What a source has sent, and whether the credit it was given allows more (TP20). @module */
import type { Frame } from "#protocol/frame.ts";
import { FRAME_HEADER_BYTES } from "#protocol/limits.ts";

export class SentBytes {
  readonly #ofStream = new Map<number, number>();
  #all = 0;

  /** @param bytes of the whole frame; only DATA bodies count, of a stream from its OPEN on */
  note(frame: Frame, bytes: number): void {
    if (frame.type === "open") this.#ofStream.set(frame.stream, 0);
    if (frame.type !== "data") return;
    const body = bytes - FRAME_HEADER_BYTES;
    this.#all += body;
    this.#ofStream.set(frame.stream, (this.#ofStream.get(frame.stream) ?? 0) + body);
  }

  /** @param history what the sink has said so far */
  mayGo(frame: Frame, bytes: number, history: readonly Frame[]): boolean {
    if (frame.type !== "data") return true;
    const body = bytes - FRAME_HEADER_BYTES;
    let connection = 0;
    let stream = 0;
    for (const said of history) {
      if (said.type === "welcome") connection = Math.max(connection, said.upstreamCredit);
      if (said.type === "opened" && said.stream === frame.stream) stream = 0;
      if (said.type !== "opened" && said.type !== "ack" && said.type !== "credit") continue;
      const { streamLimit = 0, connectionLimit = 0 } = said.credit;
      connection = Math.max(connection, connectionLimit);
      if (said.stream === frame.stream) stream = Math.max(stream, streamLimit);
    }
    const isWithinStream = (this.#ofStream.get(frame.stream) ?? 0) + body <= stream;
    return isWithinStream && this.#all + body <= connection;
  }
}
