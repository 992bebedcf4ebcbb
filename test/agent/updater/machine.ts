/** A machine on which one program is exchanged for another, as far as the updater can tell; it crashes where it is told. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UpdateApproval } from "#agent/updater/approval.ts";
import type { Hands } from "#agent/updater/hands.ts";
import {
  JournalFile,
  type KeptRelease,
  type Outcome,
  type Served,
} from "#agent/updater/journal.ts";
import { type Run, Updater } from "#agent/updater/updater.ts";
import { policy } from "#config/policy.ts";
import { marksAfterInstall, NO_MARKS } from "#releases/marks.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { MemoryMarks } from "#test/support/release-yard.ts";

export class Crash extends Error {
  override readonly name = "Crash";
}

export const release = (number: number): KeptRelease => ({
  ...{ digest: String(number).repeat(64), kind: "deb", version: `1.${number}.0` },
  ...{ releaseCounter: number, minFrom: "0.1.0" },
});

export const YES: UpdateApproval = {
  ...{ id: "0".repeat(32), name: "new.deb", digest: release(2).digest, back: false },
  ...{ by: "erika", floorMs: 0 },
};

export class Machine implements Hands, Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-updater-"));
  readonly clock = new ManualClock();
  readonly marks = new MemoryMarks();
  readonly file = new JournalFile(join(this.folder, "journal.json"));
  policy: Record<string, unknown> = { updates: { mode: "apply" } };
  approval: UpdateApproval | undefined = YES;
  /** What verification says. */
  found: KeptRelease | { readonly refused: string } = release(2);
  /** Versions that never answer. */
  readonly bad = new Set<string>();
  /** Versions that answer, and do less than the one before. */
  readonly worse = new Map<string, Partial<Served>>();
  canInstall = true;
  /** By version, where it is not 8; -1: the package says none. */
  readonly schemas = new Map<string, number>();
  /** The next run ends at this point, counted from 0. */
  crashAt: number | undefined;
  /** Of the files, of the package manager's database, of what is kept, of what runs. */
  installed = "1.1.0";
  database = "1.1.0";
  saved: string | undefined;
  running: { readonly version: string; readonly pid: number } | undefined;
  readonly told: Outcome[] = [];
  readonly done: string[] = [];
  /** When nothing answered first, and how long at most. */
  #silentSinceMs: number | undefined;
  longestSilenceMs = 0;
  #pid = 100;
  #point = 0;

  constructor() {
    this.marks.marks = marksAfterInstall(NO_MARKS, 1);
    this.file.write({ step: "idle", current: release(1), used: [], told: true });
    this.#start();
  }

  get journal() {
    const found = this.file.read();
    if (found === undefined) throw new Error("no journal");
    return found;
  }

  async run(): Promise<Run> {
    this.#point = 0;
    const updater = new Updater(
      {
        journal: { write: (journal) => this.#act("journal", () => this.file.write(journal)) },
        ...{ hands: this, marks: this.marks, clock: this.clock },
        policy: policy.parse(this.policy),
        approval: () => this.approval,
        candidate: async () => this.found,
      },
      this.journal,
    );
    return await updater.run();
  }

  /** The updater's process is gone; with `power`, the whole machine, which starts what is installed. */
  reboot(power: boolean): void {
    this.crashAt = undefined;
    if (power || this.running === undefined) this.#start();
  }

  async serving(): Promise<Served | undefined> {
    if (this.running === undefined) return undefined;
    const { version } = this.running;
    if (this.bad.has(version)) return undefined;
    const served = { ...this.running, taking: ["adt"], connected: true, critical: [] };
    return { ...served, ...this.worse.get(version) };
  }

  storeSchema({ version }: KeptRelease): number | undefined {
    const schema = this.schemas.get(version) ?? 8;
    return schema < 0 ? undefined : schema;
  }

  save(): void {
    this.#act("save", () => {
      this.saved = this.installed;
    });
  }

  restore(): void {
    this.#act("restore", () => {
      if (this.saved === undefined) throw new Error("nothing was saved");
      this.installed = this.saved;
    });
  }

  install({ version }: KeptRelease): boolean {
    if (!this.canInstall) return false;
    this.#act("install", () => {
      this.installed = version;
      this.database = version;
    });
    return true;
  }

  exchange(): void {
    this.#act("exchange", () => this.#start());
  }

  kill(): void {
    this.#act("kill", () => {
      this.running = undefined;
    });
  }

  keepOwn(): void {
    this.#act("keepOwn", () => {});
  }

  keepOnly(): void {
    this.#act("keepOnly", () => {});
  }

  async tell(outcome: Outcome): Promise<boolean> {
    this.#act("tell", () => this.told.push(outcome));
    return true;
  }

  async pause(forMs: number): Promise<void> {
    this.#look();
    this.clock.advance(forMs);
    this.#look();
  }

  #start(): void {
    this.#pid += 1;
    this.running = { version: this.installed, pid: this.#pid };
  }

  #look(): void {
    const isSilent = this.running === undefined || this.bad.has(this.running.version);
    const nowMs = this.clock.monotonicMs();
    if (isSilent) {
      this.#silentSinceMs ??= nowMs;
      this.longestSilenceMs = Math.max(this.longestSilenceMs, nowMs - this.#silentSinceMs);
    } else this.#silentSinceMs = undefined;
  }

  /** Each act has two points: before it, and after it. */
  #act(name: string, act: () => void): void {
    if (this.#point++ === this.crashAt) throw new Crash(`before ${name}`);
    act();
    this.done.push(name);
    if (this.#point++ === this.crashAt) throw new Crash(`after ${name}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
