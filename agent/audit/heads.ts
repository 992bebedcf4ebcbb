/**
 * Heads of the audit, signed, on their way out (08 6): what the chain cannot show by itself shows against them.
 *
 * A head stands in a `status` document (07 2.2). One is made after 50 entries, or 60 s after the first that no head
 * knows yet, and once a day whatever happens. It is kept first, with its counter, and then sent: the counter never
 * comes twice, not even after a crash.
 *
 * @module
 */

import { writeEnvelope } from "#documents/envelope.ts";
import { bytesToSign, encodePayload, withAttached } from "#documents/sign.ts";
import { formatTime } from "#documents/time.ts";
import type { StatusDocument } from "#documents/types/status.ts";
import { AgentError } from "../errors.ts";
import type { Chance, Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { TrustStore } from "../outbox/trust/trust-store.ts";
import type { Audit } from "./audit.ts";
import type { DeviceKey } from "./device-key.ts";

/** What a head says besides the audit: where the agent stands. */
export type HeadStanding = Pick<
  StatusDocument,
  "trustVersion" | "epoch" | "seqHigh" | "effectiveDigest" | "state" | "generation" | "clockSkewMs"
>;

/** One that was made. */
export interface MadeHead {
  readonly counter: number;
  readonly auditSeq: number;
  readonly auditHead: string;
  readonly atMs: number;
  readonly envelope: Uint8Array;
}

export interface HeadsOptions {
  readonly audit: Audit;
  readonly trust: TrustStore;
  readonly key: DeviceKey;
  readonly tenant: string;
  readonly agent: string;
  readonly version: string;
  readonly standing: () => HeadStanding;
  /** To the receiver; durable when it resolves. One that is refused is followed by the next. */
  readonly send: (head: MadeHead) => Promise<void>;
  readonly onMade?: () => void;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
}

export const HEAD_KIND = "note.head";
const COUNTER_VALUE = "note.headCounter";
const ENTRIES_MAX_COUNT = 50;
const AGE_MAX_MS = 60_000;
const DAY_MS = 86_400_000;

export class Heads implements AsyncDisposable {
  readonly #options: HeadsOptions;
  readonly #bootId: string;
  #counter: number;
  /** The last entry that a head knows. */
  #knownSeq: number;
  #timer: Timer | undefined;
  #daily: Timer | undefined;
  #making: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(options: HeadsOptions, counter: number) {
    this.#options = options;
    this.#bootId = Buffer.from(options.chance.bytes(16)).toString("hex");
    this.#counter = counter;
    this.#knownSeq = 0;
    options.audit.onRecorded(() => this.#grown());
    this.#armDaily();
  }

  /** The first head is made a minute from now: a start is an entry. */
  static async open(options: HeadsOptions): Promise<Heads> {
    const { values } = await options.trust.load();
    const heads = new Heads(options, counterIn(values.get(COUNTER_VALUE)));
    if (options.audit.head.seq > 0) heads.#grown();
    return heads;
  }

  /** Makes one now, whether or not there is something new (07 2.13, `status --signed`). @throws {AgentError} `STORE_*` */
  async make(): Promise<MadeHead> {
    const { promise, resolve, reject } = Promise.withResolvers<MadeHead>();
    this.#making = this.#making.then(() => this.#make().then(resolve, reject));
    return await promise;
  }

  /** Makes a last one, if there is something new. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.[Symbol.dispose]();
    this.#daily?.[Symbol.dispose]();
    await this.#making;
    if (this.#options.audit.head.seq > this.#knownSeq) await this.#make().catch(() => {});
  }

  #grown(): void {
    if (this.#isClosed) return;
    const count = this.#options.audit.head.seq - this.#knownSeq;
    if (count >= ENTRIES_MAX_COUNT) this.#makeSoon();
    else this.#timer ??= this.#options.clock.after(AGE_MAX_MS, () => this.#makeSoon());
  }

  #armDaily(): void {
    this.#daily = this.#options.clock.after(DAY_MS, () => {
      this.#makeSoon();
      this.#armDaily();
    });
  }

  #makeSoon(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    // At once, so that those which come meanwhile do not ask for one each.
    this.#knownSeq = this.#options.audit.head.seq;
    void this.make().catch((error: unknown) => this.#failed(error));
  }

  async #make(): Promise<MadeHead> {
    const { audit, trust, key, clock, send, onMade } = this.#options;
    const { seq, hash } = audit.head;
    const atMs = clock.nowMs();
    const counter = this.#counter + 1;
    const auditHead = Buffer.from(hash).toString("hex");
    const payload = encodePayload("status", this.#document(counter, atMs, seq, auditHead));
    const unsigned = { type: "status", payload, signatures: [] } as const;
    const signed = withAttached(unsigned, key.raw, key.sign(bytesToSign(unsigned)));
    const envelope = writeEnvelope(signed);
    const row = { kind: HEAD_KIND, digest: headDigest(counter), atMs, bytes: envelope };
    const values = new Map([[COUNTER_VALUE, Buffer.from(String(counter))]]);
    await trust.note({ values, documents: [row] });
    this.#counter = counter;
    this.#knownSeq = Math.max(this.#knownSeq, seq);
    onMade?.();
    const made = { counter, auditSeq: seq, auditHead, atMs, envelope };
    await send(made);
    return made;
  }

  #document(counter: number, atMs: number, seq: number, auditHead: string): StatusDocument {
    const { tenant, agent, version, standing } = this.#options;
    return {
      ...{ tenant, agent, counter, bootId: this.#bootId, issuedAt: formatTime(atMs) },
      ...{ agentVersion: plainVersion(version), ...standing() },
      ...{ auditSeq: seq, auditHead: seq === 0 ? null : auditHead },
    };
  }

  #failed(error: unknown): void {
    const { log, clock } = this.#options;
    const fault =
      error instanceof AgentError ? error : new AgentError("AGENT_DEFECT", {}, { cause: error });
    log.fault("auditFailed", fault);
    if (this.#isClosed) return;
    this.#timer ??= clock.after(AGE_MAX_MS, () => this.#makeSoon());
  }
}

/** A counter as a digest of one length, so that heads lie in order. */
export const headDigest = (counter: number): string => counter.toString(16).padStart(16, "0");

export const counterOfDigest = (digest: string): number => Number.parseInt(digest, 16);

function counterIn(bytes: Uint8Array | undefined): number {
  const counter = bytes === undefined ? 0 : Number(Buffer.from(bytes).toString("latin1"));
  return Number.isSafeInteger(counter) && counter >= 0 ? counter : 0;
}

/** Documents know three numbers; what a build adds to them is left out. */
const plainVersion = (version: string): string => /^\d+\.\d+\.\d+/.exec(version)?.[0] ?? "0.0.0";
