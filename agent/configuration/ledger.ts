/**
 * What is known of signed configuration, and the only way in which it changes: a step of the life cycle, the documents
 * that led to it, the marks and the audit entries are one transaction (07 2.10, VT7, VC10).
 *
 * @module
 */

import { lifeCycleBytes, lifeCycleFrom } from "#config/life-cycle-record.ts";
import {
  effectiveOf,
  FIRST_LIFE_CYCLE,
  type LifeCycle,
  type Step,
} from "#config/life-cycle-state.ts";
import { readEnvelope } from "#documents/envelope.ts";
import { parsePayload } from "#documents/payload.ts";
import { raisedFloor, type TimeBase } from "#documents/time.ts";
import { readAcceptedTrust } from "#documents/trust-chain.ts";
import type { HeadDocument } from "#documents/types/head.ts";
import type { StatusDocument } from "#documents/types/status.ts";
import type { TrustDocument } from "#documents/types/trust.ts";
import type { Recipient } from "#documents/verify.ts";
import type { Audit, RecordedChange } from "../audit/audit.ts";
import type { AuditActor, AuditDraft } from "../audit/entry.ts";
import { AgentError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { type Marks, markValues } from "../marks/marks.ts";
import type { DocumentRow, TrustSnapshot } from "../outbox/trust/trust-messages.ts";
import type { TrustStore } from "../outbox/trust/trust-store.ts";
import { transitionDrafts } from "./transition-drafts.ts";

/** Under this name the store holds where the life cycle stands. */
export const LIFE_CYCLE_VALUE = "config.lifeCycle";

/** A head comes every few days: they tell since when a newer configuration is known of. */
const HEADS_MAX_COUNT = 64;

export type KeptKind = "trust" | "config" | "approval" | "head";

export interface LedgerOptions {
  readonly audit: Pick<Audit, "record" | "note">;
  readonly trust: TrustStore;
  readonly marks: () => Marks;
  /** Of the identity: what is another's is kept, and believed no more. */
  readonly recipient: Recipient;
  /** Of trust documents that are in force from now on, oldest first; never throws. */
  readonly trusted: (kept: readonly KeptDocument<TrustDocument>[]) => void;
  readonly clock: Clock;
}

/** What comes with a step. */
export interface Kept {
  readonly actor: AuditActor;
  /** Before those of the transitions. */
  readonly drafts?: readonly AuditDraft[];
  /** In order; the last one is in force from then on. */
  readonly trust?: readonly KeptDocument<TrustDocument>[];
  readonly head?: KeptDocument<HeadDocument>;
  /** A config or an approval. */
  readonly document?: {
    readonly kind: KeptKind;
    readonly digest: string;
    readonly envelope: Uint8Array;
  };
  /** 2.5: of the newest document that is accepted. */
  readonly issuedAtMs?: number;
  readonly values?: ReadonlyMap<string, Uint8Array | null>;
  /** What another tenant's documents came to counts no more: the mark of the trust version begins anew. */
  readonly isAnew?: boolean;
}

export interface KeptDocument<T> {
  readonly document: T;
  readonly digest: string;
  readonly envelope: Uint8Array;
}

interface Standing {
  readonly lifeCycle: LifeCycle;
  readonly trust: TrustDocument | undefined;
  readonly trustVersion: number;
  readonly floorMs: number;
  readonly heads: readonly HeadDocument[];
  readonly formerTenant: string | undefined;
}

export class Ledger {
  readonly #options: LedgerOptions;
  #standing: Standing;

  private constructor(options: LedgerOptions, standing: Standing) {
    this.#options = options;
    this.#standing = standing;
  }

  /** @throws {AgentError} `STORE_*` */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const { trust, marks, recipient } = options;
    const { tenant, agent } = recipient;
    const { values } = await trust.load();
    const [newest] = await trust.documents("trust", 1);
    const heads = await trust.documents("head", HEADS_MAX_COUNT);
    const { trustVersion, timeFloorMs: floorMs } = marks();
    const found = newest === undefined ? undefined : trustIn(newest.bytes);
    const isOurs = found?.tenant === tenant;
    return new Ledger(options, {
      lifeCycle: lifeCycleIn(values) ?? FIRST_LIFE_CYCLE,
      ...{ trust: isOurs ? found : undefined, trustVersion, floorMs },
      formerTenant: isOurs ? undefined : found?.tenant,
      heads: heads
        .flatMap(({ bytes }) => headIn(bytes) ?? [])
        .filter((head) => head.tenant === tenant && head.agent === agent)
        .reverse(),
    });
  }

  get lifeCycle(): LifeCycle {
    return this.#standing.lifeCycle;
  }

  /**
   * Whose trust document is the newest here, though the identity is another tenant's: this machine was enrolled for that
   * one since. None of them is in force then, and what is begins with the chain that came with the identity.
   */
  get formerTenant(): string | undefined {
    return this.#standing.formerTenant;
  }

  /** In force. */
  get trust(): TrustDocument | undefined {
    return this.#standing.trust;
  }

  /**
   * Whether nothing newer was ever in force here (07 2.12: the marks are the floor). A store that was put back, or made
   * anew from `last-good`, holds an older one: the chain goes on from it, and its keys sign nothing else.
   */
  get isTrustCurrent(): boolean {
    return (this.trust?.version ?? 0) >= this.#options.marks().trustVersion;
  }

  /** In force, as far as anything else is to be verified with its keys. */
  get currentTrust(): TrustDocument | undefined {
    return this.isTrustCurrent ? this.trust : undefined;
  }

  /** The last one that was accepted. */
  get head(): HeadDocument | undefined {
    return this.#standing.heads.at(-1);
  }

  /** The last ones, oldest first. */
  get heads(): readonly HeadDocument[] {
    return this.#standing.heads;
  }

  /** By what it says itself: whoever lies there is only not heard. */
  isKnownTrust(envelope: Uint8Array): boolean {
    const read = readEnvelope(envelope, "trust");
    const parsed = "kind" in read ? read : parsePayload("trust", read.payload);
    const { trust } = this;
    return (
      parsed.kind === "parsed" && trust !== undefined && parsed.document.version <= trust.version
    );
  }

  get time(): TimeBase {
    return { clockMs: this.#options.clock.nowMs(), floorMs: this.#standing.floorMs };
  }

  /** @returns the envelope as it came; `undefined` if it is not here, or damaged */
  async envelope(kind: KeptKind, digest: string): Promise<Uint8Array | undefined> {
    return (await this.#options.trust.document(kind, digest))?.bytes;
  }

  /** Envelopes of one kind, oldest first. */
  async envelopes(kind: KeptKind, limit: number): Promise<Uint8Array[]> {
    const rows = await this.#options.trust.documents(kind, limit);
    return rows.map(({ bytes }) => bytes).reverse();
  }

  /**
   * Makes a step, if there is one, and keeps what came with it.
   *
   * @throws {AgentError} `AUDIT_UNWRITABLE`: nothing has changed, neither there nor here
   */
  async keep(step: Step | undefined, kept: Kept): Promise<void> {
    const { actor, drafts = [], trust = [], head } = kept;
    const lifeCycle = step?.state ?? this.lifeCycle;
    const versionMark = kept.isAnew === true ? 0 : this.#standing.trustVersion;
    const next: Standing = {
      lifeCycle,
      trust: trust.at(-1)?.document ?? this.trust,
      trustVersion: Math.max(trust.at(-1)?.document.version ?? 0, versionMark),
      formerTenant: trust.length > 0 ? undefined : this.formerTenant,
      heads:
        head === undefined ? this.heads : [...this.heads, head.document].slice(-HEADS_MAX_COUNT),
      floorMs:
        kept.issuedAtMs === undefined
          ? this.#standing.floorMs
          : raisedFloor(this.time, kept.issuedAtMs),
    };
    const all = [...drafts, ...transitionDrafts(step?.transitions ?? [], actor)];
    const said = all.length > 0 ? all : [{ actor, action: "config.changed" }];
    await this.#options.audit.record(said, this.#change(next, kept));
    this.#standing = next;
    if (trust.length > 0) this.#options.trusted(trust);
  }

  /** Refusals: how many of them there are is up to others (08 A02). @throws {AgentError} `AUDIT_UNWRITABLE` */
  async note(draft: AuditDraft): Promise<void> {
    await this.#options.audit.note([draft]);
  }

  #change({ lifeCycle, trustVersion, floorMs }: Standing, kept: Kept): RecordedChange {
    const { epoch, seqHigh, lastGood } = lifeCycle;
    const atMs = this.#options.clock.nowMs();
    const rowOf = (kind: KeptKind, digest: string, bytes: Uint8Array): DocumentRow => ({
      ...{ kind, digest, atMs, bytes },
    });
    const documents = [
      ...(kept.trust ?? []).map(({ digest, envelope }) => rowOf("trust", digest, envelope)),
      ...(kept.document === undefined
        ? []
        : [rowOf(kept.document.kind, kept.document.digest, kept.document.envelope)]),
      ...(kept.head === undefined ? [] : [rowOf("head", kept.head.digest, kept.head.envelope)]),
    ];
    const values = new Map<string, Uint8Array | null>([
      [LIFE_CYCLE_VALUE, lifeCycleBytes(lifeCycle)],
      // What `trust/last-good` must be: one that is in probation runs, and is not known to be good.
      ...markValues({
        trustVersion,
        epoch,
        seqHigh,
        effectiveDigest: lastGood?.digest,
        timeFloorMs: floorMs,
      }),
      ...(kept.values ?? []),
    ]);
    return { values, ...(documents.length === 0 ? {} : { documents }) };
  }
}

/** Whether the store holds a life cycle that cannot be read: trust state is damaged then (2.12). */
export function isLifeCycleDamaged({ values }: Pick<TrustSnapshot, "values">): boolean {
  return values.has(LIFE_CYCLE_VALUE) && lifeCycleIn(values) === undefined;
}

function lifeCycleIn(values: ReadonlyMap<string, Uint8Array>): LifeCycle | undefined {
  const bytes = values.get(LIFE_CYCLE_VALUE);
  return bytes === undefined ? undefined : lifeCycleFrom(bytes);
}

/** @throws {AgentError} `AGENT_DEFECT`: it was accepted once */
function trustIn(envelope: Uint8Array): TrustDocument {
  const read = readEnvelope(envelope, "trust");
  const found = "kind" in read ? read : readAcceptedTrust(read.payload);
  if ("kind" in found) throw new AgentError("AGENT_DEFECT", {});
  return found;
}

function headIn(envelope: Uint8Array): HeadDocument | undefined {
  const read = readEnvelope(envelope, "head");
  if ("kind" in read) return undefined;
  const parsed = parsePayload("head", read.payload);
  return parsed.kind === "refused" ? undefined : parsed.document;
}

/** Of the newest document that was verified, for status documents. */
export const newestStateOf = ({ current, ended }: LifeCycle): StatusDocument["state"] =>
  (current ?? ended)?.state ?? null;

/** What is in effect, for status documents. */
export const effectiveDigestOf = (lifeCycle: LifeCycle): string | null =>
  effectiveOf(lifeCycle)?.digest ?? null;
