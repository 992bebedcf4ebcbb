/**
 * Files in `work/`, in the order in which they were claimed, until each is decided (04 section 5).
 *
 * What cannot be decided now stays in the list and is tried again; whatever else happens, its row says that it is
 * claimed, and its bytes are in `work/`.
 *
 * @module
 */
import type { ReadOutcome, StepFault } from "../../folders/messages.ts";
import { FILE_GROUP_MAX_COUNT, FILE_READ_MAX_BYTES } from "../../limits.ts";
import { Deciding } from "./deciding.ts";
import { type ReadFile, readLarge, readSmall } from "./file-reader.ts";
import { type FileInWork, named } from "./in-work.ts";
import type { Moves } from "./moves.ts";
import type { ServedParts } from "./parts.ts";
import { setAside } from "./setting-aside.ts";
import { sayUnreadable } from "./troubles.ts";
import { recordVanished } from "./vanished.ts";

/** P32: after errors while a file was read. */
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/**
 * P32: a file that was worked on alone so often when the process ended. Not fewer: whoever kills a process again and
 * again soon after its start meets the same file each time.
 */
const ENDED_PROCESS_MAX_COUNT = 5;

type NotRead = Exclude<ReadOutcome, { outcome: "whole" | "large" }>;

export class Takes {
  readonly #parts: ServedParts;
  readonly #moves: Moves;
  readonly #deciding: Deciding;
  #inWork: FileInWork[] = [];
  /** The store refused: nothing more is tried until it may take messages again. */
  #blocked = false;
  #reading: readonly FileInWork[] = [];

  constructor(parts: ServedParts, moves: Moves) {
    this.#parts = parts;
    this.#moves = moves;
    this.#deciding = new Deciding(parts, moves);
  }

  get count(): number {
    return this.#inWork.length;
  }

  /** Claims that the worker has been asked to read, and has not answered. */
  get reading(): readonly string[] {
    return this.#reading.map(({ claim }) => claim);
  }

  /** Whether the store took the last that it was given. */
  get mayTake(): boolean {
    return !this.#blocked;
  }

  /** Whether files may be claimed: none waits that has to come before them. */
  get mayClaim(): boolean {
    if (this.#blocked) return false;
    return !this.#parts.settings.pickup.strictOrder || this.#inWork.length === 0;
  }

  /** Monotonic: when something that waits may be tried again; infinite where nothing waits. */
  get dueMs(): number {
    return this.#inWork.reduce((due, { retryAtMs }) => Math.min(due, retryAtMs), Infinity);
  }

  add(files: readonly FileInWork[]): void {
    this.#inWork.push(...files);
  }

  /** Decides what can be decided now, and hands it to the moves. */
  async run(): Promise<void> {
    const { clock, stopping, settings } = this.#parts;
    this.#blocked = false;
    const before = this.#inWork;
    this.#inWork = [];
    for (let at = 0; at < before.length; ) {
      const group = groupFrom(before, at, clock.monotonicMs());
      // The first one waits.
      if (group.length === 0) this.#inWork.push(...before.slice(at, at + 1));
      else await this.#takeAll(group);
      at += Math.max(group.length, 1);
      const isHeld = settings.pickup.strictOrder && this.#inWork.length > 0;
      if (this.#blocked || stopping.aborted || isHeld) {
        this.#inWork.push(...before.slice(at));
        return;
      }
    }
  }

  /** Of one group, in order. */
  async #takeAll(group: readonly FileInWork[]): Promise<void> {
    const unfit = group.flatMap((file) =>
      file.unfit === undefined ? [] : [{ file, reason: file.unfit }],
    );
    await setAside(this.#parts, this.#moves, unfit);
    const [alone] = group;
    if (alone?.suspect === true && (await this.#endedProcess(alone))) return;
    let left: readonly FileInWork[] = group.filter((file) => file.unfit === undefined);
    while (left.length > 0 && !this.#blocked) {
      this.#reading = left;
      const outcomes = await readSmall(this.#parts, left, FILE_READ_MAX_BYTES);
      this.#reading = [];
      const files = left.slice(0, outcomes.length);
      left = left.slice(outcomes.length);
      await this.#decideAll(files, outcomes);
    }
    this.#inWork.push(...left);
  }

  async #decideAll(files: readonly FileInWork[], outcomes: readonly ReadOutcome[]): Promise<void> {
    let together: ReadFile[] = [];
    for (const [index, outcome] of outcomes.entries()) {
      const file = files[index];
      if (file === undefined) continue;
      if (outcome.outcome === "whole") {
        const { bytes, sha256, about } = outcome;
        together.push({ file, bytes, totalBytes: bytes.length, large: undefined, sha256, about });
      } else if (outcome.outcome === "large") {
        await this.#decide(together);
        together = [];
        if (this.#blocked) this.#inWork.push(file);
        else await this.#takeLarge(file, outcome);
      } else await this.#notRead(file, outcome);
    }
    await this.#decide(together);
  }

  async #takeLarge(
    file: FileInWork,
    outcome: Extract<ReadOutcome, { outcome: "large" }>,
  ): Promise<void> {
    this.#reading = [file];
    const result = await readLarge(this.#parts, file, outcome);
    this.#reading = [];
    if (result.kind === "read") await this.#decide([result.read]);
    else if (result.kind === "not") await this.#notRead(file, result.outcome);
    else {
      this.#blocked = true;
      this.#inWork.push(file);
    }
  }

  async #decide(files: readonly ReadFile[]): Promise<void> {
    if (files.length === 0) return;
    if (this.#blocked) {
      this.#inWork.push(...files.map(({ file }) => file));
      return;
    }
    const undecided = await this.#deciding.decide(files);
    if (undecided.length > 0) this.#blocked = true;
    this.#inWork.push(...undecided);
  }

  async #notRead(file: FileInWork, outcome: NotRead): Promise<void> {
    const { channel } = this.#parts;
    switch (outcome.outcome) {
      case "unfit":
        return await setAside(this.#parts, this.#moves, [{ file, reason: outcome.reason }]);
      case "gone":
        return await recordVanished(this.#parts, [file]);
      case "changed":
        // P23: it goes through all checks again, from the first look on.
        channel.record.counters.add("filesChanged");
        return await this.#putBack(file);
      case "refused":
        // It has become a link, or has got a second name, since it was claimed: it is refused where it was.
        return await this.#putBack(file);
      case "busy":
        return await this.#again(file, this.#isBusyForTooLong(file), outcome);
      case "failed":
        return await this.#again(file, true, outcome);
    }
  }

  async #putBack(file: FileInWork): Promise<void> {
    await this.#parts.hand.call("putBack", [named(file)]);
    await this.#parts.claims.withdraw([file.id]);
  }

  /** P32. @param isError whether it counts */
  async #again(
    file: FileInWork,
    isError: boolean,
    { step, folder, sysCode }: Partial<StepFault>,
  ): Promise<void> {
    const { clock, settings } = this.#parts;
    file.tries += 1;
    if (step && folder && sysCode) file.fault = { step, folder, sysCode };
    if (isError) {
      file.failures += 1;
      if (file.failures === 1) sayUnreadable(this.#parts, file);
    }
    if (file.failures >= settings.maxAttempts) {
      return await setAside(this.#parts, this.#moves, [{ file, reason: "unreadable" }]);
    }
    const waitMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(file.tries - 1, 10));
    file.retryAtMs = clock.monotonicMs() + waitMs;
    this.#inWork.push(file);
  }

  /** P62: another program holds it; for so long that is no error. */
  #isBusyForTooLong(file: FileInWork): boolean {
    const { clock, settings } = this.#parts;
    file.busySinceMs ??= clock.monotonicMs();
    return clock.monotonicMs() - file.busySinceMs > settings.pickup.busyAlarmMs;
  }

  /** P32. @returns whether it was set aside for that */
  async #endedProcess(file: FileInWork): Promise<boolean> {
    // Once in each process: what waits for the store is no attempt.
    if (file.isCounted) return false;
    file.isCounted = true;
    const attempts = await this.#parts.claims.attempt(file.id);
    if (attempts <= ENDED_PROCESS_MAX_COUNT) return false;
    await setAside(this.#parts, this.#moves, [{ file, reason: "endedProcess" }]);
    return true;
  }
}

/** Files that may be worked on together now: from `at` on, without one that waits; a suspect alone. */
function groupFrom(files: readonly FileInWork[], at: number, nowMs: number): readonly FileInWork[] {
  const first = files[at];
  if (first === undefined || first.retryAtMs > nowMs) return [];
  if (first.suspect) return [first];
  let end = at + 1;
  for (; end < files.length && end - at < FILE_GROUP_MAX_COUNT; end++) {
    const file = files[end];
    if (file === undefined || file.suspect || file.retryAtMs > nowMs) break;
  }
  return files.slice(at, end);
}
