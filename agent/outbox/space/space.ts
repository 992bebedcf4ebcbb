/** What the writer thread does about room: retention, keys, the file's size, the budget, the ballast. @module */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { AgentError } from "../../errors.ts";
import type { Clock } from "../../host/clock.ts";
import { diskSpace } from "../../host/disk-space.ts";
import { freeSpaceFloor } from "../../limits.ts";
import type { KeyRing } from "../../sealing/key-ring.ts";
import type { StoreChannel } from "../epochs/channel-tails.ts";
import { FileRetention } from "../files/file-retention.ts";
import type { Database } from "../format/database.ts";
import { HourTelling } from "../hours/hour-telling.ts";
import type { InboxRoomNotice } from "../inbox/inbox-messages.ts";
import { inboxChores } from "../inbox/inbox-prune.ts";
import { InboxRoom } from "../inbox/inbox-room.ts";
import type { ReadRange } from "../reader.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { Ballast } from "./ballast.ts";
import { BallastKeeper } from "./ballast-keeper.ts";
import { Checkpoint, checkpoint } from "./checkpoint.ts";
import { DoomedUploads } from "./doomed-uploads.ts";
import { Ledger } from "./ledger.ts";
import { Prune } from "./prune.ts";
import { Shred } from "./shred.ts";
import type { SpaceNotice, SpaceOptions, SpaceStanding } from "./space-messages.ts";
import { Vacuum } from "./vacuum.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LOOK_MS = 1_000;
/** Free inside the file: a second's work for the vacuum. */
const SPARE_BYTES = 16 * 1024 * 1024;

export interface SpaceParts extends SpaceOptions {
  readonly store: GroupCommit;
  readonly database: Database;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly tell: (notice: SpaceNotice | InboxRoomNotice) => void;
  /** 16 bytes. */
  readonly storeId: Uint8Array;
  /** Called after a commit of what no sender waits for, with the last seq of its channel. */
  readonly onAppended: (channel: number, lastSeq: bigint) => void;
  /** Those that are configured. */
  readonly channels: readonly StoreChannel[];
}

export class Space {
  readonly chores: readonly Chore[];
  readonly hours: HourTelling;
  readonly #parts: SpaceParts;
  readonly #ballast: BallastKeeper;
  readonly #checkpoint: Checkpoint;
  readonly #prune: Prune;
  readonly #uploads: DoomedUploads;
  #fileWindowMs: number;

  constructor(parts: SpaceParts) {
    const { store, database, keys, clock, tell, retainHours, ledgerDays, ballastBytes } = parts;
    this.#parts = parts;
    this.#fileWindowMs = longestFileWindow(parts.channels);
    const folder = dirname(database.name);
    this.#ballast = new BallastKeeper({ folder, bytes: ballastBytes, clock });
    const isDiskLow = (): boolean => this.#ballast.isDiskLow;
    this.#checkpoint = new Checkpoint({
      database,
      clock,
      isDiskLow,
      onGrowing: (growing, bytes) => tell({ notice: "walGrowing", growing, bytes }),
    });
    // On a full disk what is pruned helps only once the file has shrunk: no more goes than that takes.
    const isPressed = (): boolean =>
      store.budget.isPressed || (isDiskLow() && store.budget.freeBytes < SPARE_BYTES);
    const onDeleted = (epochs: readonly number[]): void => tell({ notice: "keysDeleted", epochs });
    const retainMs = retainHours * HOUR_MS;
    const ledgerMs = ledgerDays * DAY_MS;
    this.#prune = new Prune({ store, clock, retainMs, isPressed });
    this.#uploads = new DoomedUploads(store);
    const { storeId, onAppended: onTold } = parts;
    this.hours = new HourTelling({ store, storeId, clock, onTold });
    this.chores = [
      this.#prune,
      this.#uploads,
      this.hours,
      new Ledger({ store, clock, keepMs: ledgerMs }),
      ...inboxChores({ store, clock, retainMs, isPressed, ledgerMs }),
      new FileRetention({ store, clock, windowMs: () => this.#fileWindowMs }),
      new InboxRoom({ budget: store.budget, isDiskLow, tell }),
      new Shred({ store, database, keys, onDeleted }),
      new Vacuum({ database, budget: store.budget, isDiskLow }),
      this.#checkpoint,
      this.#ballast,
      { name: "filling", step: () => this.#watchFilling() },
    ];
  }

  /** Those that are configured from now on. */
  serve(channels: readonly StoreChannel[]): void {
    this.#fileWindowMs = longestFileWindow(channels);
  }

  /** Somebody reads messages, to send them: what is settled and read again stays meanwhile. */
  reading({ channel, epoch, afterSeq }: ReadRange): void {
    this.#prune.reading(channel, epoch, afterSeq);
  }

  /** The store is about to be closed. @throws what a transaction may throw; nothing needs it */
  finish(): void {
    this.#uploads.finish();
  }

  /** What the watch of free space says. */
  diskIs(low: boolean): void {
    this.#ballast.diskIs(low);
  }

  /** A transaction was refused. @returns whether it may fit now */
  refused({ code, facts }: AgentError): boolean {
    if (code !== "STORE_FULL" || facts["budget"] === true || facts["slices"] === true) return false;
    const released = this.#ballast.release();
    // What is in the file need not stay in the log: it begins anew, in blocks that it has.
    const emptied = checkpoint(this.#parts.database, "RESTART");
    return released || emptied;
  }

  standing(): SpaceStanding {
    const { store, retainHours, ballastBytes } = this.#parts;
    return {
      ...store.budget.standing,
      retainHours,
      oldestRetainedAtMs: oldestRetained(store),
      walBytes: this.#checkpoint.walBytes,
      ballastBytes,
      ballastHeld: this.#ballast.held,
    };
  }

  #watchFilling(): number {
    const { store, tell } = this.#parts;
    const alarm = store.budget.alarmChange();
    if (alarm !== undefined) tell({ notice: "filling", alarm, ...store.budget.standing });
    return LOOK_MS;
  }
}

const longestFileWindow = (channels: readonly StoreChannel[]): number =>
  Math.max(0, ...channels.map(({ fileWindowMs = 0 }) => fileWindowMs));

/** One look-up an epoch. */
function oldestRetained(store: GroupCommit): number | undefined {
  const times = [...store.tails.values()].flatMap((tail) =>
    [...tail.earlier, tail].flatMap(({ epoch, trimmedSeq }) => {
      const row = store.prepared.messageAt.get(tail.channel, epoch, trimmedSeq + 1n) as
        | [bigint, bigint, bigint]
        | undefined;
      return row === undefined ? [] : [Number(row[2])];
    }),
  );
  return times.length === 0 ? undefined : Math.min(...times);
}

/**
 * On a disk that was full when the agent ended, the store can only be opened in the room of its ballast.
 *
 * @throws {AgentError} `STORE_IO`, `STORE_NOT_PERMITTED`
 */
export function makeRoomToOpen(stateDir: string, ballastBytes: number): void {
  const folder = join(stateDir, "outbox");
  if (ballastBytes === 0 || !existsSync(folder)) return;
  if (diskSpace(folder).freeBytes >= freeSpaceFloor(ballastBytes)) return;
  new Ballast({ folder, bytes: ballastBytes }).release();
}
