/**
 * What becomes too old in the archive and the error folder goes (04 P30): once an hour, a step at a time, and never
 * while a message of it is unsettled or in quarantine.
 *
 * @module
 */
import { identifierFrom } from "../../errors.ts";
import { isAbout, isFault } from "./folder-fault.ts";
import type { ServedParts } from "./parts.ts";

const EVERY_MS = 3_600_000;

/** A folder that fails is heard of from the moves into it. */
function notNow(folder: "archive" | "error", error: unknown): typeof NOTHING {
  if (isAbout(folder, error)) return NOTHING;
  throw error;
}

function unlessDamaged(error: unknown): undefined {
  if (!isFault(error, "STORE_BODY_DAMAGED")) throw error;
}

const NOTHING = { deleted: 0, bytes: 0, more: false };

export class Retention {
  readonly #parts: ServedParts;
  /** Monotonic. */
  #dueMs = 0;

  constructor(parts: ServedParts) {
    this.#parts = parts;
  }

  get dueMs(): number {
    return this.#dueMs;
  }

  async run(): Promise<void> {
    const { clock, settings } = this.#parts;
    if (clock.monotonicMs() < this.#dueMs) return;
    const nowMs = clock.nowMs();
    const more = [
      await this.#prune("archive", settings.archiveKeepMs, nowMs),
      await this.#prune("error", settings.errorKeepMs, nowMs),
    ];
    // A step between two polls: a year of files must not keep new ones waiting.
    this.#dueMs = more.includes(true) ? 0 : clock.monotonicMs() + EVERY_MS;
  }

  async #prune(folder: "archive" | "error", keepMs: number, nowMs: number): Promise<boolean> {
    const { hand, claims, channel, log } = this.#parts;
    if (keepMs === 0) return false;
    const beforeMs = nowMs - keepMs;
    // Of every decision: a folder of the archive is named by the day of the claim, which may be long before.
    const kept = await claims.keptTargets(nowMs + 1).catch(unlessDamaged);
    // Which files are still needed is not known: none goes. The damaged row has a condition of its own.
    if (kept === undefined) return false;
    const pruned = await hand
      .call("prune", { folder, beforeMs, kept })
      .catch((error: unknown) => notNow(folder, error));
    const { deleted, bytes, more } = pruned;
    if (deleted === 0) return more;
    channel.record.counters.add("filesPruned", deleted);
    const where = { channel: identifierFrom(channel.name), folder: identifierFrom(folder) };
    log.write("filesPruned", { ...where, count: deleted, bytes });
    return more;
  }
}
