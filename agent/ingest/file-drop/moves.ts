/**
 * The last step of a file: to the archive, or to the error folder (04 P25 to P31). Only after its row says that
 * its content is safe, or why it is set aside; a move that fails is tried again, and the file is not read again.
 *
 * @module
 */
import { identifierFrom } from "../../errors.ts";
import type { MoveOutcome } from "../../folders/messages.ts";
import { isBusy } from "../../host/platform.ts";
import { FILE_GROUP_MAX_COUNT } from "../../limits.ts";
import { isAbout } from "./folder-fault.ts";
import { type FileToMove, RULE_OF } from "./in-work.ts";
import type { ServedParts } from "./parts.ts";
import { sayVanished } from "./vanished.ts";

const RETRY_FIRST_MS = 1_000;

type Failed = Extract<MoveOutcome, { outcome: "failed" }>;

/** A file that lies in the archive. */
export interface Archived {
  readonly file: FileToMove;
  readonly targets: readonly Uint8Array[];
}

/** A folder that is gone as a whole fails each move, and nothing else: files are taken all the same (P29). */
async function unlessFolder(
  folder: "archive" | "error",
  moves: readonly { readonly claim: string }[],
  ask: () => Promise<readonly MoveOutcome[]>,
): Promise<readonly MoveOutcome[]> {
  if (moves.length === 0) return [];
  try {
    return await ask();
  } catch (error) {
    if (!isAbout(folder, error)) throw error;
    const { step = "open", sysCode = "changed" } = error.facts;
    return moves.map(({ claim }) => ({
      ...{ claim, outcome: "failed" as const, folder },
      ...{ step: String(step), sysCode: String(sysCode) },
    }));
  }
}

export class Moves {
  readonly #parts: ServedParts;
  readonly #onArchived: (archived: readonly Archived[]) => void;
  #waiting: FileToMove[] = [];
  /** Of moves on end of which none succeeded, though a file among them was tried for the first time. */
  #failures = 0;
  #failingSinceMs = Number.POSITIVE_INFINITY;
  /** Monotonic: before then the folder is not tried. */
  #retryAtMs = 0;
  /** It was told that moves fail. */
  #isTold = false;

  constructor(parts: ServedParts, onArchived: (archived: readonly Archived[]) => void) {
    this.#parts = parts;
    this.#onArchived = onArchived;
  }

  /** Files that still lie in `work/`, or where they were dropped. */
  get count(): number {
    return this.#waiting.length;
  }

  /** Monotonic; infinite where nothing waits. */
  get dueMs(): number {
    const firstMs = this.#waiting.reduce(
      (due, { retryAtMs }) => Math.min(due, retryAtMs),
      Number.POSITIVE_INFINITY,
    );
    return Math.max(firstMs, this.#retryAtMs);
  }

  add(files: readonly FileToMove[]): void {
    this.#waiting.push(...files);
  }

  /**
   * Moves what is due, in order. A failing folder is not tried again at once for what is added meanwhile (P29); one
   * file that cannot be moved waits for itself alone (P32).
   */
  async run(): Promise<void> {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.dueMs > nowMs) return;
    const due = this.#waiting.filter(({ retryAtMs }) => retryAtMs <= nowMs);
    this.#waiting = this.#waiting.filter(({ retryAtMs }) => retryAtMs > nowMs);
    const left: FileToMove[] = [];
    let failed: Failed | undefined;
    for (let at = 0; at < due.length; at += FILE_GROUP_MAX_COUNT) {
      failed = (await this.#moveAll(due.slice(at, at + FILE_GROUP_MAX_COUNT), left)) ?? failed;
    }
    this.#waiting = [...left, ...this.#waiting];
    this.#told(failed, left, due.length);
  }

  /** @param left gets what could not be moved @returns why, if there is any */
  async #moveAll(group: readonly FileToMove[], left: FileToMove[]): Promise<Failed | undefined> {
    let outcomes = await this.#ask(group);
    const planned = outcomes.filter((one) => one.outcome === "planned");
    if (planned.length > 0) {
      const again = await this.#plan(group, planned);
      outcomes = [...outcomes.filter((one) => one.outcome !== "planned"), ...again];
    }
    let failed: Failed | undefined;
    const moved: { id: number; targets: readonly Uint8Array[]; left: boolean }[] = [];
    const archived: Archived[] = [];
    for (const outcome of outcomes) {
      const file = group.find(({ claim }) => claim === outcome.claim);
      if (file === undefined) continue;
      if (outcome.outcome === "moved") {
        const left = file.reason === undefined && this.#parts.settings.afterCommit === "leave";
        moved.push({ id: file.id, targets: outcome.targets, left });
        const isKept = file.reason === undefined && outcome.targets.length > 0;
        if (isKept) archived.push({ file, targets: outcome.targets });
      } else if (outcome.outcome === "vanished") {
        sayVanished(this.#parts, file);
        moved.push({ id: file.id, targets: [], left: false });
      } else {
        left.push(file);
        // One that is held says less than one that cannot be moved.
        const isFirst = failed === undefined || isBusy({ code: failed.sysCode });
        if (outcome.outcome === "failed" && isFirst) failed = outcome;
      }
    }
    if (moved.length > 0) await this.#parts.claims.moved(moved);
    if (archived.length > 0) this.#onArchived(archived);
    return failed;
  }

  async #ask(group: readonly FileToMove[]): Promise<MoveOutcome[]> {
    const { hand, settings, channel } = this.#parts;
    const moveOf = ({ claim, files, sha256, claimedAtMs, targets, duplicate }: FileToMove) => ({
      ...{ claim, files, sha256, targets, duplicate },
      atMs: claimedAtMs,
    });
    const sound = group.filter(({ reason }) => reason === undefined);
    const aside = group.flatMap((file) => {
      const { reason, fault } = file;
      if (reason === undefined) return [];
      const why = fault === undefined ? {} : { fault };
      const said = { code: reason, rule: RULE_OF[reason], channel: channel.name, ...why };
      return [{ ...moveOf(file), reason: said }];
    });
    const after = settings.afterCommit;
    const moves = sound.map(moveOf);
    const archive = (): Promise<readonly MoveOutcome[]> => hand.call("archive", { moves, after });
    return [
      ...(await unlessFolder("archive", moves, archive)),
      ...(await unlessFolder("error", aside, () => hand.call("aside", aside))),
    ];
  }

  /** Durable first: after a crash an empty file under such a name is known to be ours. */
  async #plan(
    group: readonly FileToMove[],
    planned: readonly Extract<MoveOutcome, { outcome: "planned" }>[],
  ): Promise<MoveOutcome[]> {
    const files = planned.flatMap(({ claim, targets }) => {
      const file = group.find((one) => one.claim === claim);
      if (file === undefined) return [];
      file.targets = targets;
      return [file];
    });
    await this.#parts.claims.plan(files.map(({ id, targets }) => ({ id, targets })));
    return await this.#ask(files);
  }

  /** @param left what has failed of @param triedCount files */
  #told(failed: Failed | undefined, left: readonly FileToMove[], triedCount: number): void {
    const { channel, conditions, clock, log, settings } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#wait(left, triedCount, nowMs);
    const isFailing = this.#waiting.some(({ moveFailures }) => moveFailures > 0);
    if (!isFailing) {
      this.#failingSinceMs = Number.POSITIVE_INFINITY;
      this.#isTold = false;
      conditions.close("fileNotMoved", channel.name);
    }
    if (failed === undefined) return;
    this.#failingSinceMs = Math.min(this.#failingSinceMs, nowMs);
    // P62: a file that another program holds is no error yet.
    const isHeld = isBusy({ code: failed.sysCode });
    if (isHeld && nowMs - this.#failingSinceMs < settings.pickup.busyAlarmMs) return;
    const facts = {
      channel: identifierFrom(channel.name),
      count: this.#waiting.length,
      claim: identifierFrom(failed.claim),
      folder: identifierFrom(failed.folder),
      step: identifierFrom(failed.step),
      sysCode: identifierFrom(failed.sysCode),
    };
    if (!this.#isTold) log.write("fileNotMoved", facts);
    this.#isTold = true;
    conditions.open("fileNotMoved", channel.name, facts, clock.nowMs());
  }

  /** When each is tried again, and whether the folder itself is to be left alone. */
  #wait(left: readonly FileToMove[], triedCount: number, nowMs: number): void {
    const isNew = left.some(({ moveFailures }) => moveFailures === 0);
    // One for all: files that fail together are tried together.
    const share = 0.5 + this.#parts.chance.unit() / 2;
    for (const file of left) {
      file.retryAtMs = nowMs + share * this.#ceilingMs(file.moveFailures);
      file.moveFailures += 1;
    }
    if (left.length < triedCount) {
      const isBack = this.#failures > 0;
      this.#failures = 0;
      this.#retryAtMs = 0;
      // Once, when it is back: what waits need not wait on.
      if (isBack) for (const file of this.#waiting) file.retryAtMs = nowMs;
    } else if (isNew) {
      this.#retryAtMs = nowMs + share * this.#ceilingMs(this.#failures);
      this.#failures += 1;
    }
  }

  #ceilingMs(failures: number): number {
    const { moveRetryMaxMs } = this.#parts.settings;
    return Math.min(moveRetryMaxMs, RETRY_FIRST_MS * 2 ** Math.min(failures, 30));
  }
}
