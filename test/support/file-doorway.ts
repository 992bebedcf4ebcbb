/** Files at the real doorway of a real store, without a folder: what a driver hands over, and what is kept of it. @module */
import assert from "node:assert/strict";
import type { AgentError, Facts } from "#agent/errors.ts";
import { ChannelRecord } from "#agent/health/channel-record.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemClock } from "#agent/host/clock.ts";
import type { Log, LogEvent } from "#agent/host/log.ts";
import { Doorway } from "#agent/ingest/accept.ts";
import type {
  AcceptingChannel,
  ChannelRules,
  FileArrival,
  FileVerdict,
} from "#agent/ingest/channel.ts";
import type { ClaimedContent, FileClaims } from "#agent/ingest/file-drop/claims.ts";
import type { LargeBody } from "#agent/ingest/large-body.ts";
import { StoreGate } from "#agent/ingest/store-gate.ts";
import type { OutboxOptions } from "#agent/outbox/outbox-options.ts";
import { DEFAULT_RULES } from "./default-channel.ts";
import { latin1, sha256Of, textOf } from "./messages.ts";
import { sha256, TestOutbox } from "./test-outbox.ts";

export interface FileFields extends Partial<Omit<FileArrival, "bytes" | "channel" | "large">> {
  /** Handed over in slices of so many bytes; whole where it is not given. */
  readonly sliceBytes?: number;
}

/** A message as the store gives it to the relay. */
export interface KeptOfFile {
  readonly text: string;
  readonly controlId: string;
  readonly source: string;
  readonly duplicate: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface AsideOfFile {
  readonly reason: string;
  /** What is kept of it. */
  readonly text: string;
  readonly length: number;
  readonly controlId: string;
  readonly repeatCount: number;
  readonly attributes: Readonly<Record<string, string>>;
}

interface Logged {
  readonly event: LogEvent;
  readonly facts: Facts;
}

const CLAIM = "00c0ffee00c0ffee";

export class FileDoorwayBench implements AsyncDisposable {
  readonly logged: Logged[] = [];
  readonly faults: AgentError[] = [];
  readonly conditions = new Conditions();
  readonly store: TestOutbox;
  readonly record: ChannelRecord;
  readonly channel: AcceptingChannel;
  doorway: Doorway;
  #gate: StoreGate;
  readonly #log: Log = {
    write: (event, facts) => void this.logged.push({ event, facts }),
    fault: (event, error) => {
      this.faults.push(error);
      this.logged.push({ event, facts: error.facts });
    },
  };
  #claims = 0;

  private constructor(store: TestOutbox, rules: Partial<ChannelRules>) {
    this.store = store;
    this.record = new ChannelRecord({ channel: "adt", clock: systemClock, log: this.#log });
    this.channel = {
      ...{ name: "adt", id: 1, record: this.record },
      rules: { ...DEFAULT_RULES, ...rules },
    };
    [this.doorway, this.#gate] = this.#open();
  }

  static async open(
    rules: Partial<ChannelRules> = {},
    options: Partial<OutboxOptions> = {},
  ): Promise<FileDoorwayBench> {
    return new FileDoorwayBench(await TestOutbox.open(options), rules);
  }

  /** A new doorway on the store as it was left. */
  async reopen(): Promise<void> {
    this.#gate[Symbol.dispose]();
    await this.store.reopen();
    [this.doorway, this.#gate] = this.#open();
  }

  get gate(): StoreGate {
    return this.#gate;
  }

  /** One file. @param content one character a byte */
  async take(content: string | Uint8Array, fields: FileFields = {}): Promise<FileVerdict> {
    const mark = fields.mark ?? (await this.claim(content));
    return await this.offer(content, { ...fields, mark });
  }

  /** A row for a file that is about to come, and the mark that its messages carry. */
  async claim(content: string | Uint8Array): Promise<ClaimedContent> {
    const bytes = typeof content === "string" ? latin1(content) : content;
    this.#claims += 1;
    const inode = BigInt(this.#claims);
    const file = { part: "data", name: latin1("x.hl7"), size: bytes.length } as const;
    const claim = inode.toString(16).padStart(16, "0");
    const files = [{ ...file, modifiedNs: 0n, inode }];
    const [claimed] = await this.claims.claim([{ claim, files }]);
    assert.ok(claimed !== undefined);
    return { id: claimed.id, sha256: sha256(bytes), contentKey: sha256(bytes) };
  }

  get claims(): FileClaims {
    return this.store.outbox.files.of("adt");
  }

  /** `acceptFile` with a mark that is there. */
  offer(
    content: string | Uint8Array,
    fields: FileFields & { readonly mark: ClaimedContent },
  ): Promise<FileVerdict> {
    const bytes = typeof content === "string" ? latin1(content) : content;
    const { sliceBytes, ...more } = fields;
    const kind = more.content ?? "hl7";
    const sliced = sliceBytes === undefined ? undefined : this.inSlices(bytes, sliceBytes, kind);
    // The driver's memory, which it uses again.
    const rest = Buffer.from(sliced?.rest ?? bytes);
    return new Promise((resolve) => {
      this.doorway.acceptFile(
        {
          ...{ channel: this.channel, claim: CLAIM, content: "hl7", repeated: false },
          ...{ attributes: { "file.name": "x.hl7" }, totalBytes: bytes.length },
          ...more,
          ...{ bytes: rest, large: sliced?.large },
        },
        resolve,
      );
      rest.fill(0x4d);
    });
  }

  inSlices(
    bytes: Uint8Array,
    sliceBytes: number,
    content: FileArrival["content"] = "hl7",
  ): { readonly large: LargeBody; readonly rest: Uint8Array } {
    const large = this.doorway.newFileBody(this.channel, content);
    let at = 0;
    for (; at + sliceBytes <= bytes.length; at += sliceBytes) {
      large.add(new Uint8Array(bytes.subarray(at, at + sliceBytes)));
    }
    return { large, rest: bytes.subarray(at) };
  }

  /** Every message in order, but for the first ones, read back whole and checked against its digest. */
  async kept(without = 0): Promise<KeptOfFile[]> {
    const kept: KeptOfFile[] = [];
    const { outbox } = this.store;
    for (let afterSeq = BigInt(without); ; ) {
      const range = { channel: 1, epoch: 1n, afterSeq, maxBytes: 1 << 20, maxCount: 500 };
      const { messages } = await outbox.read(range);
      if (messages.length === 0) return kept;
      for (const message of messages) {
        const { upload, uploadAt, length, sha256: digest, duplicate, source } = message;
        const text = textOf(message.body ?? (await this.#slices(upload, uploadAt, length)));
        assert.equal(sha256Of(latin1(text)), Buffer.from(digest).toString("hex"));
        const attributes = message.attributes === "" ? {} : JSON.parse(message.attributes);
        const controlId = textOf(message.controlId);
        kept.push({ text, controlId, source, duplicate, attributes });
        afterSeq = message.seq;
      }
    }
  }

  /** Everything in quarantine, oldest first, but for the first ones. */
  async aside(without = 0): Promise<AsideOfFile[]> {
    const { outbox } = this.store;
    const rows = await outbox.quarantined(Number.MAX_SAFE_INTEGER, 100_000);
    const found: AsideOfFile[] = [];
    const wanted = rows.toReversed().slice(without);
    for (const { id, reason, length, controlId, repeatCount, ...row } of wanted) {
      const parts: Uint8Array[] = [];
      for (let from = 0; from < length; ) {
        const block = await outbox.quarantinedBlock(id, from, 1 << 20);
        if (block === undefined || block.bytes.length === 0) break;
        parts.push(block.bytes);
        from += block.bytes.length;
      }
      const text = textOf(Buffer.concat(parts));
      const attributes = row.attributes === "" ? {} : JSON.parse(row.attributes);
      found.push({ reason, text, length, controlId: textOf(controlId), repeatCount, attributes });
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gate[Symbol.dispose]();
    await this.store[Symbol.asyncDispose]();
  }

  async #slices(upload: number, uploadAt: number, length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let done = 0; done < length; ) {
      const from = uploadAt + done;
      const more = await this.store.outbox.slices(upload, from, Math.min(1 << 20, length - done));
      assert.notEqual(more.length, 0);
      parts.push(more);
      done += more.length;
    }
    return Buffer.concat(parts);
  }

  #open(): [Doorway, StoreGate] {
    const { outbox } = this.store;
    const common = { clock: systemClock, log: this.#log, conditions: this.conditions };
    const gate = new StoreGate({ ...common, probe: () => outbox.probe() });
    return [new Doorway({ ...common, outbox, gate }), gate];
  }
}
