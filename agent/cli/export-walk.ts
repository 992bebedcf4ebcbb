/**
 * An export as pages that the agent can be asked about: each says everything that the receiver holds of a run of numbers.
 * Pure; lines come in the order of the export: channel, epoch, seq.
 *
 * @module
 */
import { AgentError } from "../errors.ts";

export interface HeldPage {
  readonly channel: string;
  readonly epoch: bigint;
  /** Exclusive, and inclusive. */
  readonly afterSeq: bigint;
  readonly throughSeq: bigint;
  readonly rows: readonly HeldLine[];
}

export interface HeldLine {
  readonly seq: bigint;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly controlId: string | null;
  readonly receivedAtMs: number;
}

/** Numbers and rows of one page at most: as many as one question has. */
const PAGE_MAX_COUNT = 1_000;

export class ExportWalk {
  /** The last page of each channel and epoch. */
  readonly ended: HeldPage[] = [];
  #channel = "";
  #epoch = 0n;
  #afterSeq = 0n;
  #lastSeq = 0n;
  #rows: HeldLine[] = [];
  #isEmpty = true;

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** @returns pages that are complete @throws {AgentError} `REPORT_FILE` if it is no line of an export */
  take(row: Readonly<Record<string, unknown>>): HeldPage[] {
    const { channel, epoch, seq, line } = lineOf(row);
    const pages: HeldPage[] = [];
    if (this.#isEmpty || channel !== this.#channel || epoch !== this.#epoch) {
      pages.push(...this.end());
      this.#begin(channel, epoch);
    }
    if (seq <= this.#lastSeq) throw new AgentError("REPORT_FILE", { seq });
    // Where many are missing, each thousand of them is a question of its own.
    while (seq - this.#afterSeq > BigInt(PAGE_MAX_COUNT))
      pages.push(this.#page(this.#afterSeq + BigInt(PAGE_MAX_COUNT)));
    this.#rows.push(line);
    this.#lastSeq = seq;
    return pages;
  }

  /** Of the channel and epoch at hand nothing more comes. */
  end(): HeldPage[] {
    if (this.#isEmpty) return [];
    const page = this.#page(this.#lastSeq);
    this.ended.push({ ...page, rows: [] });
    return [page];
  }

  #begin(channel: string, epoch: bigint): void {
    this.#isEmpty = false;
    this.#channel = channel;
    this.#epoch = epoch;
    this.#afterSeq = 0n;
    this.#lastSeq = 0n;
    this.#rows = [];
  }

  #page(throughSeq: bigint): HeldPage {
    const rows = this.#rows.filter(({ seq }) => seq <= throughSeq);
    const afterSeq = this.#afterSeq;
    this.#rows = this.#rows.slice(rows.length);
    this.#afterSeq = throughSeq;
    return { channel: this.#channel, epoch: this.#epoch, afterSeq, throughSeq, rows };
  }
}

function lineOf(row: Readonly<Record<string, unknown>>) {
  const { channel, epoch, seq, sha256, controlId, receivedAt } = row;
  const isDigest = typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256);
  const receivedAtMs = typeof receivedAt === "string" ? Date.parse(receivedAt) : Number.NaN;
  const isWhole = typeof channel === "string" && isDigest && !Number.isNaN(receivedAtMs);
  if (!isWhole) throw new AgentError("REPORT_FILE", {});
  const number = numberOf(seq);
  // PL4: what does not fit is not shown.
  const shown = typeof controlId === "string" && /^[A-Za-z0-9._-]{1,64}$/.test(controlId);
  const line = { seq: number, sha256, controlId: shown ? controlId : null, receivedAtMs };
  return { channel, epoch: numberOf(epoch), seq: number, line };
}

function numberOf(value: unknown): bigint {
  const text = String(value);
  if (!/^\d{1,19}$/.test(text)) throw new AgentError("REPORT_FILE", {});
  return BigInt(text);
}
