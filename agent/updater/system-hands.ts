/** The updater's hands on a machine with systemd. @module */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { flushFolder, makeFolder } from "../host/atomic-file.ts";
import { systemClock } from "../host/clock.ts";
import { askLocal } from "../host/local-socket.ts";
import { pauseThread } from "../host/platform.ts";
import { serviceState } from "../service/linux/control.ts";
import { ask } from "../service/linux/system-tools.ts";
import { ADD_ONS, SERVICE } from "../service/linux/unit-places.ts";
import type { AgentStatus } from "../status.ts";
import type { Hands } from "./hands.ts";
import { servedBy } from "./health.ts";
import type { KeptRelease, Outcome, Served } from "./journal.ts";
import { installPackage, storeSchemaOf } from "./package-manager.ts";
import { OWN_PROGRAM, SAVED_FILES, SAVED_PROGRAM, SAVED_UNITS } from "./places.ts";
import { restoreFiles, saveFiles } from "./saved-files.ts";

/** A service that hangs answers nothing. */
const ANSWER_MS = 5_000;
/** In the audit. */
const BY = "holdfast-updater";

export class SystemHands implements Hands {
  readonly #stateDir: string;
  readonly #packages: string;

  constructor(stateDir: string, packages: string) {
    this.#stateDir = stateDir;
    this.#packages = packages;
  }

  async serving(): Promise<Served | undefined> {
    const { active, pid } = serviceState().service;
    if (active !== "active") return undefined;
    const status = (await this.#asked({ ask: "status", by: BY })) as AgentStatus | undefined;
    // Whose socket it is: that of the process that systemd has started.
    if (status?.pid !== pid) return undefined;
    const tested = await this.#asked({ ask: "updateTest", by: BY });
    return servedBy(status, tested !== undefined);
  }

  storeSchema({ kind, digest }: KeptRelease): number | undefined {
    return storeSchemaOf(kind, join(this.#packages, digest));
  }

  save(): void {
    const addOns = readdirSync(ADD_ONS).map((name) => join(ADD_ONS, name));
    saveFiles({ folder: SAVED_FILES, files: [SAVED_PROGRAM, ...addOns, ...SAVED_UNITS] });
  }

  restore(): void {
    restoreFiles(SAVED_FILES);
    ask("systemctl", ["daemon-reload"]);
  }

  install({ kind, digest }: KeptRelease): boolean {
    return installPackage(kind, join(this.#packages, digest));
  }

  exchange(): void {
    ask("systemctl", ["reset-failed", SERVICE]);
    ask("systemctl", ["restart", "--no-block", SERVICE]);
  }

  kill(): void {
    ask("systemctl", ["kill", "--signal=KILL", SERVICE]);
  }

  keepOwn(): void {
    placeOwnProgram(SAVED_PROGRAM);
    rmSync(SAVED_FILES, { recursive: true, force: true });
  }

  keepOnly(digests: readonly string[]): void {
    for (const name of readdirSync(this.#packages)) {
      if (!digests.includes(name))
        rmSync(join(this.#packages, name), { recursive: true, force: true });
    }
  }

  async tell(outcome: Outcome): Promise<boolean> {
    return (await this.#asked({ ask: "updateEnded", outcome, by: BY })) !== undefined;
  }

  async pause(forMs: number): Promise<void> {
    // Nothing else goes on in this process.
    pauseThread(forMs);
  }

  /** @returns `undefined` if it does not answer, or says no */
  async #asked(question: object): Promise<unknown> {
    const late = Promise.withResolvers<undefined>();
    using _limit = systemClock.after(ANSWER_MS, () => late.resolve(undefined));
    try {
      const answer = askLocal(this.#stateDir, question);
      const reply = (await Promise.race([answer, late.promise])) as
        | { answer?: unknown }
        | undefined;
      return reply?.answer;
    } catch {
      // Nobody listens yet, or no more: the same as no answer.
      return undefined;
    }
  }
}

/** The copy that the updater's unit starts; whole, whenever this is cut off. */
export function placeOwnProgram(from: string): void {
  makeFolder(dirname(OWN_PROGRAM), 0o755);
  const temporary = `${OWN_PROGRAM}.new`;
  rmSync(temporary, { force: true });
  copyFileSync(from, temporary);
  chmodSync(temporary, 0o755);
  const descriptor = openSync(temporary, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, OWN_PROGRAM);
  flushFolder(dirname(OWN_PROGRAM));
}
