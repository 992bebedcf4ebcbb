/** What support asked, and the exact bytes that left: main-thread face of its part of the store (08 4.1, 5.4). @module */
import {
  COPY_SLICE_BYTES,
  type CopyPart,
  type CopyState,
  type SupportCopy,
  type SupportWriter,
} from "./support-messages.ts";

export class SupportStore {
  readonly #writer: SupportWriter;

  constructor(writer: SupportWriter) {
    this.#writer = writer;
  }

  /**
   * A row for a question that was accepted, or for a bundle that a person makes.
   *
   * @param nonce 16 bytes
   * @param head what is known of it, as JSON
   * @returns its number, from 1; never used twice
   * @throws {AgentError} `SUPPORT_COPIES_FULL`, `NONCE_SEEN`, `STORE_*`
   */
  begin(nonce: Uint8Array, atMs: number, head: string): Promise<number> {
    return this.#writer.ask("supportBegin", { nonce: new Uint8Array(nonce), atMs, head });
  }

  /** Stores a part, slice by slice: other commits come between them. Once a copy and part. @throws {AgentError} `STORE_*` */
  async write(id: number, part: CopyPart, bytes: Uint8Array): Promise<void> {
    for (let at = 0, ordinal = 0; at < bytes.length; at += COPY_SLICE_BYTES, ordinal++) {
      const slice = new Uint8Array(bytes.subarray(at, at + COPY_SLICE_BYTES));
      await this.#writer.ask("supportSlice", { id, part, ordinal, bytes: slice });
    }
  }

  /** What became of it. Its parts are stored before. */
  async keep(id: number, state: CopyState, head: string): Promise<void> {
    await this.#writer.ask("supportKeep", { id, state, head });
  }

  async move(id: number, state: CopyState): Promise<void> {
    await this.#writer.ask("supportMove", { id, state });
  }

  find(nonce: Uint8Array): Promise<SupportCopy | undefined> {
    return this.#writer.ask("supportFind", { nonce: new Uint8Array(nonce) });
  }

  /** Newest first. */
  list(beforeId: number, limit: number): Promise<SupportCopy[]> {
    return this.#writer.ask("supportList", { beforeId, limit });
  }

  /** Those without an answer, and those whose answer the receiver may not have, oldest first. */
  owed(limit: number): Promise<SupportCopy[]> {
    return this.#writer.ask("supportOwed", { limit });
  }

  /** The whole of a part; empty if it has none, or cannot be read. */
  async read(id: number, part: CopyPart): Promise<Uint8Array> {
    const slices: Uint8Array[] = [];
    for (let ordinal = 0; ; ordinal++) {
      const slice = await this.#writer.ask("supportRead", { id, part, ordinal });
      if (slice === undefined) break;
      slices.push(slice);
    }
    return new Uint8Array(Buffer.concat(slices));
  }

  async forget(ids: readonly number[]): Promise<void> {
    if (ids.length > 0) await this.#writer.ask("supportForget", { ids });
  }

  /** Forgets what is from before a time, in steps. */
  async forgetBefore(beforeMs: number): Promise<void> {
    for (;;) {
      const ids = await this.#writer.ask("supportOld", { beforeMs, limit: FORGOTTEN_AT_ONCE });
      await this.forget(ids);
      if (ids.length < FORGOTTEN_AT_ONCE) return;
    }
  }
}

/** A few milliseconds. */
const FORGOTTEN_AT_ONCE = 20;
