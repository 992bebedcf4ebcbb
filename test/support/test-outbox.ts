/** An outbox in a folder of its own: opened, closed, opened again, and gone afterwards. @module */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import type { AgentError } from "#agent/errors.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import type { OutboxOptions } from "#agent/outbox/outbox-options.ts";
import type { AppendEntry } from "#agent/outbox/writing/append-batch.ts";
import type { AppendOutcome } from "#agent/outbox/writing/ticket-queue.ts";
import type { StoreStanding } from "#agent/outbox/writing/writer-messages.ts";
import { latin1, textOf } from "./messages.ts";
import { TEST_KEK } from "./test-keys.ts";

const DAY_MS = 86_400_000;

export const sha256 = (bytes: Uint8Array): Uint8Array => hash("sha256", bytes, "buffer");

/** What a test says of one entry; the rest is that of a plain message on channel 1. */
export interface EntryFields extends Partial<Omit<AppendEntry, "body" | "controlId">> {
  readonly body?: string | Uint8Array;
  readonly controlId?: string;
}

/** One message: `controlId` is its body, too, where no body is given. */
export function entryOf({ controlId = "M1", body = controlId, ...more }: EntryFields): AppendEntry {
  const bytes = typeof body === "string" ? latin1(body) : body;
  const channel = more.channel ?? 1;
  return {
    channel,
    quarantine: undefined,
    ackOwed: true,
    duplicates: "replayAck",
    duplicateWindowMs: DAY_MS,
    receivedAtMs: 1_700_000_000_000,
    length: bytes.length,
    sha256: sha256(bytes),
    controlKey: sha256(latin1(`${channel}|${controlId}`)).subarray(0, 8),
    controlId: latin1(controlId),
    source: "127.0.0.1",
    body: bytes,
    upload: 0,
    uploadAt: 0,
    uploadBytes: more.length ?? bytes.length,
    attributes: "",
    claim: undefined,
    ...more,
  };
}

/** An entry whose body is staged in slices of `sliceBytes` before it is returned. */
export function stagedEntry(
  outbox: Outbox,
  controlId: string,
  body: Uint8Array,
  sliceBytes = 128 * 1024,
): AppendEntry {
  const upload = outbox.newUpload();
  for (let ordinal = 0; ordinal * sliceBytes < body.length; ordinal++) {
    const slice = body.subarray(ordinal * sliceBytes, (ordinal + 1) * sliceBytes);
    outbox.stage(upload, ordinal, new Uint8Array(slice));
  }
  const whole = { length: body.length, uploadBytes: body.length, sha256: sha256(body) };
  return entryOf({ controlId, body: new Uint8Array(0), ...whole, upload });
}

/** Appends one entry, as `Outbox.append` does several. */
export function appendTo(
  outbox: Outbox,
  entry: AppendEntry,
  deadlineMs = 3_000,
): Promise<AppendOutcome> {
  return new Promise((resolve, reject) => {
    outbox.append([entry], deadlineMs, ([outcome]) => {
      if (outcome === undefined) reject(new Error("an append came to nothing"));
      else resolve(outcome);
    });
  });
}

export class TestOutbox implements AsyncDisposable {
  readonly stateDir = mkdtempSync(join(tmpdir(), "holdfast-outbox-"));
  /** What `onFatal` was told; a test that expects none leaves it alone. */
  readonly fatals: AgentError[] = [];
  readonly #options: Partial<OutboxOptions>;
  #outbox: Outbox | undefined;
  #worker: Worker | undefined;

  private constructor(options: Partial<OutboxOptions>) {
    this.#options = options;
  }

  static async open(options: Partial<OutboxOptions> = {}): Promise<TestOutbox> {
    const made = new TestOutbox(options);
    await made.reopen();
    return made;
  }

  get outbox(): Outbox {
    assert.ok(this.#outbox !== undefined, "the outbox is closed");
    return this.#outbox;
  }

  /** The thread that owns the store: to let it die. */
  get worker(): Worker {
    assert.ok(this.#worker !== undefined, "the outbox is closed");
    return this.#worker;
  }

  get walFile(): string {
    return join(this.stateDir, "outbox/holdfast.db-wal");
  }

  get databaseFile(): string {
    return join(this.stateDir, "outbox/holdfast.db");
  }

  /** Closes it if it is open, and opens it as it was left. */
  async reopen(more: Partial<OutboxOptions> = {}): Promise<Outbox> {
    await this.close();
    const taken = (worker: Worker): void => {
      this.#worker = worker;
    };
    process.once("worker", taken);
    try {
      this.#outbox = await Outbox.open({
        stateDir: this.stateDir,
        allowVolatileState: true,
        channels: [{ name: "adt" }, { name: "oru" }],
        clock: systemClock,
        chance: systemChance,
        kek: TEST_KEK,
        onFatal: (error) => this.fatals.push(error),
        ...this.#options,
        ...more,
      });
    } finally {
      process.removeListener("worker", taken);
    }
    return this.#outbox;
  }

  async close(): Promise<void> {
    const open = this.#outbox;
    this.#outbox = undefined;
    await open?.[Symbol.asyncDispose]();
  }

  /** Ends the writer thread without a word, as a crash would; the store stays as the disk has it. */
  async kill(): Promise<void> {
    const before = this.fatals.length;
    await this.worker.terminate();
    await this.close();
    // It may have been heard of before the close.
    for (const { code } of this.fatals.splice(before)) assert.equal(code, "WRITER_DIED");
  }

  /** Every body of a channel in order, each read back whole; stops at a damaged one. */
  async bodies(channel = 1): Promise<string[]> {
    const found: string[] = [];
    for (let afterSeq = 0n; ; ) {
      const range = { channel, epoch: 1n, afterSeq, maxBytes: 1 << 20, maxCount: 500 };
      const { messages, damagedSeq } = await this.outbox.read(range);
      for (const { seq, body, upload } of messages) {
        assert.equal(seq, afterSeq + 1n, "seqs have no hole");
        afterSeq = seq;
        found.push(textOf(body ?? (await this.slices(upload))));
      }
      if (messages.length === 0 || damagedSeq !== undefined) return found;
    }
  }

  async slices(upload: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let from = 0; ; ) {
      const more = await this.outbox.slices(upload, from, 1 << 20);
      if (more.length === 0) return Buffer.concat(parts);
      parts.push(more);
      from += more.length;
    }
  }

  async tail(channel = 1): Promise<StoreStanding["channels"][number]> {
    const { channels } = await this.outbox.standing();
    const tail = channels.find((one) => one.channel === channel);
    assert.ok(tail !== undefined);
    return tail;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}
