/**
 * What the agent runs, and whether it may be changed, when it starts: the table of 07 2.12, row by row. Pure.
 *
 * ```
 * store                 marks      then
 * good, not behind      any        normal; marks rewritten
 * good, behind          good       runs last-good; frozen (a copy was put back)
 * good, frozen before   any        as when it was frozen
 * damaged or absent     good       runs last-good if its digest is the mark's; the marks are the floor; frozen
 * damaged or absent     damaged    runs last-good if it verifies from the anchor; frozen until a higher epoch, or enrolment
 * any of the last three, last-good unusable: no listener opens (of the last one: unless this machine was enrolled anew)
 * ```
 *
 * @module
 */
import { highestOf, isBehind, type Marks, NO_MARKS } from "./marks.ts";

/** The trust state of the store. `absent`: this program has never kept any in it. */
export type StoreState =
  | {
      readonly kind: "good";
      readonly marks: Marks;
      /** A former start has frozen it, and nobody has repaired it since. */
      readonly frozen?: FrozenCause | undefined;
    }
  | { readonly kind: "damaged" }
  | { readonly kind: "absent" };

export type MarksState =
  | { readonly kind: "good"; readonly marks: Marks }
  | { readonly kind: "damaged" }
  | { readonly kind: "absent" };

/** `trust/last-good`, looked at. */
export type LastGoodState =
  /** A bundle whose trust chain verifies from the anchor, and whose configuration is signed by its keys. */
  | { readonly kind: "verified"; readonly digest: string }
  | { readonly kind: "unusable" }
  | { readonly kind: "absent" };

export interface TrustQuestion {
  readonly store: StoreState;
  readonly marks: MarksState;
  readonly lastGood: LastGoodState;
  readonly configSource: "local" | "signed";
  /** This machine was enrolled anew, and nothing has been made of it yet. */
  readonly isNewlyEnrolled?: boolean;
}

export type FrozenCause = "storeBehind" | "storeDamaged" | "allDamaged";

export type TrustVerdict =
  /** Runs what the store says. A new installation is one of them: nothing was ever there. */
  | { readonly kind: "normal"; readonly isNew: boolean; readonly floor: Marks }
  /** Runs `runs`; no change is accepted until a person runs `config repair`, or what `endedBy` says comes. */
  | {
      readonly kind: "frozen";
      readonly cause: FrozenCause;
      readonly runs: "lastGood" | "local" | "nothing";
      readonly endedBy: "repair" | "higherEpoch";
      readonly floor: Marks;
    }
  /** No listener opens; exit 78. */
  | { readonly kind: "unusable"; readonly cause: FrozenCause };

export function judgeTrustState(question: TrustQuestion): TrustVerdict {
  const { store, marks, lastGood } = question;
  const known = marks.kind === "good" ? marks.marks : undefined;
  if (store.kind === "good") {
    // Marks that say nothing cannot speak against a store that is whole.
    const isStoreBehind = known !== undefined && isBehind(store.marks, known);
    const floor = known === undefined ? store.marks : highestOf(known, store.marks);
    // A start alone ends nothing: what froze it may not show any more.
    if (store.frozen !== undefined) return frozen(question, store.frozen, floor);
    if (isStoreBehind) return frozen(question, "storeBehind", floor);
    return { kind: "normal", isNew: false, floor: store.marks };
  }
  if (known !== undefined) return frozen(question, "storeDamaged", known);
  const isNew = store.kind === "absent" && marks.kind === "absent" && lastGood.kind === "absent";
  if (isNew) return { kind: "normal", isNew: true, floor: NO_MARKS };
  return frozen(question, "allDamaged", NO_MARKS);
}

function frozen(
  { lastGood, configSource, isNewlyEnrolled }: TrustQuestion,
  cause: FrozenCause,
  floor: Marks,
): TrustVerdict {
  const endedBy = cause === "allDamaged" ? "higherEpoch" : "repair";
  const common = { kind: "frozen", cause, endedBy, floor } as const;
  // Its channels are the hospital's own: the table governs trust and commands only.
  if (configSource === "local") return { ...common, runs: "local" };
  // Nothing signed was ever in force: there is nothing that could run.
  const isNothingKnown = cause !== "allDamaged" && floor.effectiveDigest === undefined;
  if (isNothingKnown) return { ...common, runs: "nothing" };
  if (lastGood.kind !== "verified") {
    // The enrolment ends this one: there is nothing to be kept from being undone.
    const isEnded = cause === "allDamaged" && isNewlyEnrolled === true;
    return isEnded ? { ...common, runs: "nothing" } : { kind: "unusable", cause };
  }
  // From a store that was put back last-good is not told apart by its digest: it may be newer than that store.
  const isOfMark = lastGood.digest === floor.effectiveDigest;
  if (cause === "storeDamaged" && !isOfMark) return { kind: "unusable", cause };
  return { ...common, runs: "lastGood" };
}
