/**
 * Bytes of delivered messages go after retention, as upstream (05 S14, 06 TP38); what was set aside stays until a
 * person discards it. The row stays as the ledger: identity, keyed digest, sizes, times, outcome. It goes after
 * `ledgerDays`; then a repeat of it is accepted unseen (06 RI5).
 *
 * @module
 */
import type { Clock } from "../../host/clock.ts";
import {
  PRUNE_RANGE_BYTES,
  PRUNE_RANGE_ROWS,
  SLICE_BYTES,
  UPLOAD_STEP_SLICES,
} from "../../limits.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { dropBody, SLICES_MAX_COUNT } from "./inbox-bodies.ts";
import { INBOX_STATE } from "./row-states.ts";

/** One small look-up. */
const LOOK_MS = 1_000;
/** Rows are days too old, or not. */
const LEDGER_LOOK_MS = 3_600_000;
/** A row costs a few deletions besides its bytes. */
const ROW_BYTES = 8_192;

export interface InboxPruneOptions {
  readonly store: GroupCommit;
  readonly clock: Pick<Clock, "nowMs">;
  /** How long bytes stay after the message was delivered. */
  readonly retainMs: number;
  /** Whether room is short: delivered bytes then go before their time. */
  readonly isPressed: () => boolean;
  /** How long rows stay after their message came. */
  readonly ledgerMs: number;
}

export const inboxChores = (options: InboxPruneOptions): Chore[] => [
  new InboxPrune(options),
  new InboxDoomed(options.store),
  { name: "inboxLedger", step: () => forgetLedger(options) },
];

class InboxPrune implements Chore {
  readonly name = "inboxPrune";
  readonly #options: InboxPruneOptions;

  constructor(options: InboxPruneOptions) {
    this.#options = options;
  }

  step(): number {
    const { store, clock, retainMs, isPressed } = this.#options;
    const { prepared } = store;
    const beforeMs = isPressed() ? Number.MAX_SAFE_INTEGER : clock.nowMs() - retainMs;
    const rows = prepared.inboxPrunable.all(beforeMs, PRUNE_RANGE_ROWS) as [number, number][];
    const going: [number, number][] = [];
    let bytes = 0;
    for (const [id, length] of rows) {
      if (bytes >= PRUNE_RANGE_BYTES) break;
      bytes += Math.min(length, UPLOAD_STEP_SLICES * SLICE_BYTES) + ROW_BYTES;
      going.push([id, length]);
    }
    if (going.length === 0) return LOOK_MS;
    store.inTransaction(() => {
      for (const [id, length] of going) {
        prepared.inboxPrune.run(INBOX_STATE.accepted, id);
        dropBody(prepared, id, length);
      }
    });
    return 0;
  }
}

/** Slices of large bodies go in steps: 256 MiB are two thousand of them (05 S11). */
class InboxDoomed implements Chore {
  readonly name = "inboxDoomed";
  readonly #store: GroupCommit;
  /** Of the body that is going: its slices from here on are gone, or cannot be deleted. */
  #at = { body: 0, below: SLICES_MAX_COUNT };

  constructor(store: GroupCommit) {
    this.#store = store;
  }

  step(): number {
    const { prepared } = this.#store;
    const body = prepared.inboxDoomed.get() as number | undefined;
    if (body === undefined) return LOOK_MS;
    const below = this.#at.body === body ? this.#at.below : SLICES_MAX_COUNT;
    const ordinals = prepared.inboxSliceLast.all(body, below, UPLOAD_STEP_SLICES) as number[];
    // Pages that SQLite cannot follow cannot be given back either; nor may a transaction meet them.
    const going = ordinals.filter(
      (ordinal) =>
        readUnlessCorrupt(() => prepared.inboxSliceRead.get(body, ordinal)) !== undefined,
    );
    this.#store.inTransaction(() => {
      for (const ordinal of going) prepared.inboxSliceDelete.run(body, ordinal);
      if (ordinals.length < UPLOAD_STEP_SLICES) prepared.inboxDoomedDelete.run(body);
    });
    this.#at = { body, below: ordinals.at(-1) ?? 0 };
    return 0;
  }
}

function forgetLedger({ store, clock, ledgerMs }: InboxPruneOptions): number {
  const { prepared } = store;
  const ids = prepared.inboxLedger.all(clock.nowMs() - ledgerMs, PRUNE_RANGE_ROWS) as number[];
  if (ids.length === 0) return LEDGER_LOOK_MS;
  store.inTransaction(() => {
    for (const id of ids) prepared.inboxForget.run(id);
  });
  return 0;
}
