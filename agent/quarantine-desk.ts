/**
 * What an operator sees of quarantine, and decides (03 E7): list, show, release, discard.
 *
 * Answers go to commands on this machine alone. Content leaves the store only here, and only where a
 * person asked for it.
 *
 * @module
 */
import { AgentError, controlIdFact, identifierFrom } from "./errors.ts";
import type { Log } from "./host/log.ts";
import { declaredCharset, textView } from "./ingest/hl7/charset.ts";
import { readMsh } from "./ingest/hl7/msh.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { SetAsideRow } from "./outbox/quarantine-reader.ts";
import type { QuarantineReason } from "./outbox/writing/append-batch.ts";
import type { Released } from "./outbox/writing/writer-messages.ts";
import type { ChannelSet } from "./running/channel-set.ts";

/** One block as `quarantine list` prints it. Times are RFC 3339. */
export interface QuarantineEntry {
  readonly id: number;
  readonly channel: string;
  readonly reason: QuarantineReason;
  /** What the reason means and what to do about the sender. */
  readonly text: string;
  readonly receivedAt: string;
  readonly lastAt: string | undefined;
  /** How often the same bytes came, the first time included. */
  readonly count: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly source: string;
  /** Where it may be shown (08 PL4). */
  readonly controlId: string | undefined;
  readonly releasable: boolean;
}

/** What is kept of one block, from an offset on. */
export interface QuarantineContent {
  readonly entry: QuarantineEntry;
  readonly base64: string;
  /** As text, for eyes only (03 X2). */
  readonly text: string;
  readonly encoding: string;
}

const REASON_TEXTS: Readonly<Record<QuarantineReason, string>> = {
  noHeader: "No MSH, FHS or BHS at its beginning: not an HL7 message, or cut off in front",
  headerTooShort: "MSH has fewer than 8 bytes: cut off",
  noMessageType: "MSH-9 is empty",
  noControlId: "MSH-10 is empty: let the sender number its messages, or set allowEmptyControlId",
  notAllowed: "MSH-11 or MSH-12 is not among allowedProcessingIds or allowedVersions",
  embeddedFraming: "VT or FS inside the message: the sender must escape or encode binary content",
  wideCharacters: "UTF-16 or UTF-32: the sender must use UTF-8 or another 8-bit character set",
  abandoned: "A new message began before this one ended: never acknowledged, a fragment",
  partial:
    "The connection ended, or nothing came any more, inside it: never acknowledged, a fragment",
  tooLarge: "Larger than maxBlockBytes: only its beginning is kept",
  junk: "Bytes between blocks that belong to none: a sample",
  batchUnsupported:
    "A batch, from a version that did not split them: release it to have it sent whole",
  damaged: "Its bytes no longer have the digest they came with",
  batchTooLarge: "A batch with more messages, or a longer envelope, than a block may have",
  leftover: "Bytes in a batch that belong to no message",
  refused:
    "The receiver will never take it: too large for it, or against its rules; its sender has its reply",
};

const LIST_PAGE = 500;
/** Base64 of it stays far below what the local socket carries. */
const CONTENT_MAX_BYTES = 1_048_576;

export interface DeskParts {
  readonly outbox: Outbox;
  readonly log: Log;
  readonly running: { readonly set: Pick<ChannelSet, "channels"> };
}

export class QuarantineDesk {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** At most 500 blocks before `beforeId`, newest first; `nextId` goes on, 0 where there are no more. */
  async list(beforeId: number): Promise<{ entries: QuarantineEntry[]; nextId: number }> {
    const rows = await this.#parts.outbox.quarantined(beforeId, LIST_PAGE);
    const nextId = rows.length < LIST_PAGE ? 0 : (rows.at(-1)?.id ?? 0);
    return { entries: rows.map((row) => this.#entry(row)), nextId };
  }

  /** @throws {AgentError} `QUARANTINE_UNKNOWN` */
  async show(id: number, from: number, maxBytes: number): Promise<QuarantineContent> {
    const most = Math.min(maxBytes, CONTENT_MAX_BYTES);
    const found = await this.#parts.outbox.quarantinedBlock(id, from, most);
    if (found === undefined) throw new AgentError("QUARANTINE_UNKNOWN", { id });
    const { row, bytes } = found;
    const reading = readMsh(bytes);
    const msh = reading.kind === "batch" ? undefined : reading.msh;
    const declared = declaredCharset(msh?.field(18) ?? new Uint8Array(0), msh?.field(2)[1]);
    const channel = this.#configOf(row.channel);
    const { charset, fallbackCharset = "windows-1252" } = channel ?? {};
    const { text, encoding } = textView(bytes, { charset, declared, fallbackCharset });
    const base64 = Buffer.from(bytes).toString("base64");
    return { entry: this.#entry(row), base64, text, encoding };
  }

  /** @throws {AgentError} `QUARANTINE_UNKNOWN`, `QUARANTINE_NOT_WHOLE` */
  async release(id: number): Promise<Released> {
    const released = await this.#parts.outbox.release(id);
    if (released === undefined) throw new AgentError("QUARANTINE_UNKNOWN", { id });
    const channel = identifierFrom(this.#nameOf(released.channel));
    this.#parts.log.write("quarantineReleased", { channel, id, seq: released.seq });
    return released;
  }

  /** @returns how many of them were there */
  async discard(ids: readonly number[]): Promise<number> {
    const count = await this.#parts.outbox.discard(ids);
    this.#parts.log.write("quarantineDiscarded", { count });
    return count;
  }

  #entry(row: SetAsideRow): QuarantineEntry {
    const { id, reason, receivedAtMs, lastAtMs, repeatCount, length, source } = row;
    return {
      id,
      channel: this.#nameOf(row.channel),
      reason,
      text: REASON_TEXTS[reason],
      receivedAt: new Date(receivedAtMs).toISOString(),
      lastAt: lastAtMs === undefined ? undefined : new Date(lastAtMs).toISOString(),
      count: repeatCount + 1,
      bytes: length,
      sha256: Buffer.from(row.sha256).toString("hex"),
      source,
      controlId: controlIdFact(row.controlId).controlId,
      releasable: row.whole,
    };
  }

  #nameOf(channel: number): string {
    const tail = this.#parts.outbox.channels.find((one) => one.channel === channel);
    return tail?.name ?? String(channel);
  }

  #configOf(channel: number): ChannelSet["channels"][number] | undefined {
    const name = this.#nameOf(channel);
    return this.#parts.running.set.channels.find((one) => one.name === name);
  }
}
