/**
 * What a person asks of a running agent's store: a backup, messages sent again, new keys.
 *
 * Answers go to commands on this machine alone. What failed is answered with its facts, for the command
 * says them to a person.
 *
 * @module
 */
import { realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, sep } from "node:path";
import { identityFolder } from "#certs/identity-folder.ts";
import type { LocalConfig } from "#config/local.ts";
import { kekCustody } from "./channel-options.ts";
import { AgentError, codeOf, identifierFrom } from "./errors.ts";
import { type Clock, systemClock } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import { type PlainFault, toPlain } from "./outbox/format/fault.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { Manifest } from "./outbox/upkeep/backup-manifest.ts";
import type { ReplayResult, ReplaySelection } from "./outbox/upkeep/replay-selection.ts";
import type { BackupProgress } from "./outbox/upkeep/upkeep.ts";
import { loadKek } from "./sealing/kek.ts";
import { nextWrappedKek } from "./sealing/wrapped-kek.ts";

/** What came of it, or why nothing did. */
export type Outcome<T> = { readonly done: T } | { readonly fault: PlainFault };

/** What `replay` selects by, as a command says it. */
export interface ReplayQuestion {
  readonly channel: string;
  readonly epoch?: number | undefined;
  readonly firstSeq?: number | undefined;
  readonly lastSeq?: number | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** One byte a character. */
  readonly controlId?: string | undefined;
  readonly dryRun: boolean;
}

export interface UpkeepDeskParts {
  readonly outbox: Outbox;
  readonly log: Log;
  readonly config: LocalConfig;
  /** `$CREDENTIALS_DIRECTORY`. */
  readonly credentials: string | undefined;
  readonly version: string;
  /** Waits until nobody writes identity keys, and lets nobody while `work` is under way. */
  readonly exclusively?: <T>(work: () => Promise<T>) => Promise<T>;
  readonly clock?: Pick<Clock, "nowMs">;
}

export class UpkeepDesk {
  readonly #parts: UpkeepDeskParts;
  readonly #clock: Pick<Clock, "nowMs">;

  constructor(parts: UpkeepDeskParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
  }

  /** @param folder absolute; made by the agent, with its rights */
  backup(folder: string): Promise<Outcome<Manifest>> {
    return this.#outcome("backupFailed", async () => {
      const { outbox, config, credentials, version, log } = this.#parts;
      refuseWithin(folder, config.stateDir);
      const kek = loadKek(kekCustody(config.kek, credentials), config.stateDir);
      const madeAt = (): string => new Date(this.#clock.nowMs()).toISOString();
      const manifest = await outbox.upkeep.backup({ folder, kek, version, madeAt });
      const { messages, quarantined, damaged } = manifest.counts;
      log.write("backupMade", { count: messages, quarantined, damaged });
      return manifest;
    });
  }

  /** `running: false` where no backup is being made. */
  progress(): { readonly running: boolean } & Partial<BackupProgress> {
    const progress = this.#parts.outbox.upkeep.progress;
    return { running: progress !== undefined, ...progress };
  }

  replay(question: ReplayQuestion): Promise<Outcome<ReplayResult>> {
    return this.#outcome("replayFailed", async () => {
      const { outbox, log } = this.#parts;
      const { channel: name, dryRun } = question;
      const selection = await this.#selection(question);
      const nowMs = this.#clock.nowMs();
      const result = await outbox.upkeep.replay({ selection, dryRun, nowMs });
      if (!dryRun) log.write("replayed", { channel: identifierFrom(name), count: result.count });
      return result;
    });
  }

  /** Puts a new key-encryption key in the place of the old one, which is gone then (08 2.3). */
  rekey(): Promise<Outcome<{ readonly custody: string }>> {
    const { exclusively = (work) => work() } = this.#parts;
    return this.#outcome("rekeyFailed", async () => {
      const { outbox, config, credentials, log } = this.#parts;
      const custody = kekCustody(config.kek, credentials);
      const secrets = identityFolder(config.stateDir);
      await exclusively(async () => {
        if (custody.custody === "file") {
          return outbox.upkeep.rekey({ file: custody.file, secrets });
        }
        const { current, previous } = loadKek(custody, config.stateDir);
        if (custody.custody === "dpapi") {
          const { file } = custody;
          return outbox.upkeep.rekey({
            file,
            opened: { current, next: nextWrappedKek(file) },
            secrets,
          });
        }
        if (previous === undefined) throw new AgentError("KEK_CREDENTIAL", {});
        return outbox.upkeep.rekey({ kek: current, previous, secrets });
      });
      log.write("rekeyed", { custody: identifierFrom(custody.custody) });
      return { custody: custody.custody };
    });
  }

  async #selection(question: ReplayQuestion): Promise<ReplaySelection> {
    const { channel: name, epoch, firstSeq, lastSeq, fromMs, toMs, controlId } = question;
    const { channels } = await this.#parts.outbox.standing();
    const tail = channels.find((one) => one.name === name);
    if (tail === undefined) throw new AgentError("CHANNEL_UNKNOWN", {});
    const bySeq = firstSeq !== undefined && lastSeq !== undefined;
    return {
      channel: tail.channel,
      // A seq alone means nothing: it is one of the epoch that is named, or of the current one.
      epoch: epoch === undefined ? (bySeq ? tail.epoch : undefined) : BigInt(epoch),
      seqs: bySeq ? { first: BigInt(firstSeq), last: BigInt(lastSeq) } : undefined,
      times:
        fromMs === undefined && toMs === undefined
          ? undefined
          : { fromMs: fromMs ?? 0, toMs: toMs ?? Number.MAX_SAFE_INTEGER },
      controlId: controlId === undefined ? undefined : Buffer.from(controlId, "latin1"),
    };
  }

  async #outcome<T>(
    event: "backupFailed" | "replayFailed" | "rekeyFailed",
    work: () => Promise<T>,
  ): Promise<Outcome<T>> {
    try {
      return { done: await work() };
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#parts.log.fault(event, error);
      return { fault: toPlain(error) };
    }
  }
}

/** @throws {AgentError} `BACKUP_MISPLACED`, `BACKUP_FAILED` if there is no folder to put it into */
function refuseWithin(folder: string, stateDir: string): void {
  if (!isAbsolute(folder)) throw new AgentError("BACKUP_MISPLACED", {});
  const real = realOf(folder);
  if (`${real}${sep}`.startsWith(`${realpathSync(stateDir)}${sep}`)) {
    throw new AgentError("BACKUP_MISPLACED", {});
  }
}

function realOf(folder: string): string {
  try {
    return join(realpathSync(dirname(folder)), basename(folder));
  } catch (error) {
    throw noParent(error);
  }
}

const noParent = (cause: unknown): AgentError =>
  new AgentError("BACKUP_FAILED", { sysCode: codeOf(cause) }, { cause });
