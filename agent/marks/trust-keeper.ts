/**
 * Holds store and marks together while the agent runs (07 2.12): judges them when it starts, writes the marks after each
 * commit that changes them, and keeps changes out while trust state is frozen.
 *
 * @module
 */
import { AgentError, codeOf, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import {
  NOTE_PREFIX,
  type TrustChange,
  type TrustSnapshot,
} from "../outbox/trust/trust-messages.ts";
import {
  type FrozenCause,
  judgeTrustState,
  type LastGoodState,
  type StoreState,
  type TrustQuestion,
  type TrustVerdict,
} from "./judge-trust-state.ts";
import { highestOf, MARK_VALUES, type Marks, marksIn, NO_MARKS } from "./marks.ts";
import type { MarksFiles } from "./marks-files.ts";

/** Under this name the store remembers that changes are frozen, and why. */
export const FROZEN_VALUE = "trust.frozen";
const TENANTS_MARKS = ["trustVersion", "epoch", "seqHigh", "effectiveDigest"] as const;
const CAUSES: readonly FrozenCause[] = ["storeBehind", "storeDamaged", "allDamaged"];

export interface TrustKeeperOptions {
  readonly snapshot: TrustSnapshot;
  /** `undefined`: there is no device key that could sign any; the store is believed then. */
  readonly files: MarksFiles | undefined;
  readonly lastGood: LastGoodState;
  readonly configSource: TrustQuestion["configSource"];
  readonly isNewlyEnrolled?: boolean;
  readonly clock: Clock;
  readonly conditions: Conditions;
  readonly log: Log;
}

export class TrustKeeper {
  /** As it was found. */
  readonly verdict: TrustVerdict;
  readonly #options: TrustKeeperOptions;
  readonly #values: Map<string, Uint8Array>;
  #auditSeq: number;
  /** Nothing goes below it; only a repair may let `auditSeq` do so. */
  #floor: Marks;
  #frozen: FrozenCause | undefined;

  /** @throws {AgentError} `TRUST_UNUSABLE` where nothing can be run: no listener may open (exit 78) */
  constructor(options: TrustKeeperOptions) {
    const { snapshot, files, lastGood, configSource, clock, conditions, log } = options;
    const { isNewlyEnrolled = false } = options;
    this.#options = options;
    this.#values = new Map(snapshot.values);
    this.#auditSeq = snapshot.auditHead.seq;
    const store = storeState(snapshot);
    const marks = files?.found ?? { kind: "absent" };
    this.verdict = judgeTrustState({ store, marks, lastGood, configSource, isNewlyEnrolled });
    if (this.verdict.kind === "unusable") {
      throw new AgentError("TRUST_UNUSABLE", { cause: identifierFrom(this.verdict.cause) });
    }
    this.#floor = this.verdict.floor;
    // Without a device key there are no documents and no commands: nothing to keep out, and nobody who could end it.
    if (this.verdict.kind !== "frozen" || files === undefined) return;
    this.#frozen = this.verdict.cause;
    const facts = { cause: identifierFrom(this.verdict.cause) };
    conditions.open("trustRollback", "", facts, clock.nowMs());
    log.write("trustFrozen", facts);
  }

  /** Why no change is accepted (`FROZEN`); `undefined`: changes are. */
  get frozen(): FrozenCause | undefined {
    return this.#frozen;
  }

  /** What is in force, and what must not go back. */
  get marks(): Marks {
    return highestOf(this.#floor, this.#inStore());
  }

  /** What has to be recorded of a freeze that this start has found, for the next one; `undefined`: nothing. */
  get freezeValues(): ReadonlyMap<string, Uint8Array> | undefined {
    if (this.#frozen === undefined || this.#values.has(FROZEN_VALUE)) return undefined;
    return new Map([[FROZEN_VALUE, Buffer.from(this.#frozen)]]);
  }

  /**
   * Takes note of a commit, and writes the marks.
   *
   * @returns when they are flushed; one that could not be written is a condition, and never undoes the commit
   */
  async committed({ audit, values }: TrustChange): Promise<void> {
    for (const [name, value] of values ?? []) {
      if (value === null) this.#values.delete(name);
      else this.#values.set(name, value);
    }
    this.#auditSeq = audit.at(-1)?.seq ?? this.#auditSeq;
    await this.#write(this.marks);
  }

  /**
   * Changes are accepted again: a person has repaired it, or a higher epoch has come.
   *
   * To be called after the commit of {@link thawValues}. The marks are what the store says from now on: its audit
   * goes on behind entries that are gone, as the record of the repair says.
   */
  async thawed(): Promise<void> {
    this.#frozen = undefined;
    this.#values.delete(FROZEN_VALUE);
    this.#floor = { ...this.#floor, auditSeq: 0 };
    this.#options.conditions.close("trustRollback", "");
    await this.#write(this.marks);
  }

  /**
   * Another tenant's numbers count from now on: those of the one before are no floor for them. The time, the audit and
   * releases go on. To be called before the commit that says so.
   */
  async beginAnew(): Promise<void> {
    const { timeFloorMs, release } = this.marks;
    for (const name of TENANTS_MARKS) this.#values.delete(MARK_VALUES[name]);
    this.#floor = { ...NO_MARKS, timeFloorMs, release };
    this.#frozen = undefined;
    this.#values.delete(FROZEN_VALUE);
    this.#options.conditions.close("trustRollback", "");
    await this.#write(this.marks);
  }

  async #write(marks: Marks): Promise<void> {
    const { files, conditions, clock, log } = this.#options;
    if (files === undefined) return;
    try {
      await files.write(marks);
      conditions.close("marksUnwritable", "");
    } catch (error) {
      const facts = { sysCode: codeOf(error) };
      conditions.open("marksUnwritable", "", facts, clock.nowMs());
      log.write("marksFailed", facts);
    }
  }

  #inStore(): Marks {
    return marksIn(this.#values, this.#auditSeq) ?? NO_MARKS;
  }
}

/** Values that end a freeze in the store, with the floor that goes on. */
export function thawValues(floor: ReadonlyMap<string, Uint8Array | null>) {
  return new Map([...floor, [FROZEN_VALUE, null] as const]);
}

function storeState({ values, documents, auditHead, damaged }: TrustSnapshot): StoreState {
  const isOurs = (name: string): boolean => !name.startsWith(NOTE_PREFIX);
  if (damaged.some(isOurs)) return { kind: "damaged" };
  const marks = marksIn(values, auditHead.seq);
  if (marks === undefined) return { kind: "damaged" };
  const isEmpty =
    auditHead.seq === 0 &&
    ![...values.keys()].some(isOurs) &&
    !documents.some(({ kind }) => isOurs(kind));
  if (isEmpty) return { kind: "absent" };
  const word = values.get(FROZEN_VALUE);
  const said = word === undefined ? undefined : Buffer.from(word).toString("latin1");
  const frozen = CAUSES.find((cause) => cause === said);
  return { kind: "good", marks, frozen: said === undefined ? undefined : (frozen ?? "allDamaged") };
}

/** Whether a change concerns the marks, beyond the audit's own number. */
export const changesMarks = ({ values }: Pick<TrustChange, "values">): boolean =>
  Object.values(MARK_VALUES).some((name) => values?.has(name) === true);
