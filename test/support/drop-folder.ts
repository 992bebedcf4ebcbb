/** A real drop folder with the worker's methods on it, in this thread, by a clock that a test holds. @module */
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import type { Handlers } from "#agent/folders/conversation.ts";
import type {
  Candidate,
  ClaimedFiles,
  Move,
  PickupMethods,
  PickupSettings,
  PollResult,
  Reason,
} from "#agent/folders/messages.ts";
import { pickupMethods } from "#agent/folders/pickup.ts";
import { ManualClock } from "#test/support/clocks.ts";

/** Defaults of 04, as configuration fills them in. */
export const DROP_DEFAULTS = {
  shareKind: "auto",
  sentinelFile: undefined,
  completion: "stability",
  ignorePatterns: [
    ...["*.tmp", "*.part", "*.partial", "*.filepart", "*.crdownload"],
    ...["~*", ".*", "Thumbs.db", "desktop.ini"],
  ],
  includePatterns: ["*"],
  orphanAfterMs: 900_000,
  stableForMs: undefined,
  growAlarmMs: 3_600_000,
  controlSuffixes: [".ok", ".ctl"],
  contentGate: "off",
  minFileBytes: 1,
  maxWaitMs: 600_000,
  busyAlarmMs: 300_000,
  zeroByteWaitMs: 60_000,
  maxFilesPerPoll: 500,
  order: "mtimeThenName",
  strictOrder: false,
  recursive: false,
  maxDepth: 3,
  claimBy: "rename",
  rejectHardLinks: true,
  maxBytes: 268_435_456,
  sidecar: "none",
  pairTimeoutMs: 600_000,
  namePattern: undefined,
  fileMode: 0o640,
  folderMode: 0o750,
} as const satisfies Partial<PickupSettings>;

/** A file that no link may lead to: never one of the machine's own, for tests run as root. Its text begins with `root:`. */
export const SECRET: string = join(mkdtempSync(join(tmpdir(), "holdfast-secret-")), "secret");
writeFileSync(SECRET, "root: a secret of this machine\n");
process.on("exit", () => rmSync(dirname(SECRET), { recursive: true, force: true }));

export const REASON: Reason = { code: "noHeader", rule: "P39", channel: "adt" };

export type DropOptions = Partial<PickupSettings> & { readonly trackedMaxCount?: number };

export class DropFolder implements Disposable {
  readonly path: string;
  readonly clock = new ManualClock();
  readonly settings: PickupSettings;
  readonly methods: Handlers<PickupMethods>;
  readonly #options: DropOptions;
  #nextClaim = 1;

  constructor(options: DropOptions = {}, parent = tmpdir()) {
    this.#options = options;
    this.path = mkdtempSync(join(parent, "holdfast-drop-"));
    mkdirSync(this.at("drop"));
    const { trackedMaxCount: _, ...settings } = options;
    this.settings = {
      folder: this.at("drop"),
      workFolder: this.at("work"),
      archiveFolder: this.at("archive"),
      errorFolder: this.at("error"),
      ...DROP_DEFAULTS,
      ...settings,
    };
    this.methods = this.opened();
  }

  /** A worker that is started anew. */
  opened(changes: Partial<PickupSettings> = {}): Handlers<PickupMethods> {
    const { trackedMaxCount } = this.#options;
    const methods = pickupMethods({
      clock: this.clock,
      voice: { touched: () => {}, hint: () => {} },
      ...(trackedMaxCount === undefined ? {} : { trackedMaxCount }),
    });
    methods.open({ ...this.settings, ...changes });
    return methods;
  }

  at(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  drop(name: string | Uint8Array, content: string | Uint8Array = "MSH|^~\\&|\r"): Buffer {
    const path = Buffer.concat([Buffer.from(`${this.at("drop")}/`), Buffer.from(name)]);
    // Never through a link that the same test has put there.
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW = 0 } = constants;
    const descriptor = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o666);
    try {
      writeFileSync(descriptor, content);
    } finally {
      closeSync(descriptor);
    }
    return path;
  }

  poll(): PollResult {
    return this.methods.poll(undefined);
  }

  /** Polls until what lies there now counts as stable. */
  complete(): readonly Candidate[] {
    this.poll();
    this.clock.advance(30_000);
    return this.poll().candidates;
  }

  newClaim(): string {
    return (this.#nextClaim++).toString(16).padStart(16, "a");
  }

  /** Claims each of them. @returns those that were */
  claim(candidates: readonly Candidate[]): ClaimedFiles[] {
    const asked = candidates.map((candidate) => ({ candidate, claim: this.newClaim() }));
    const found = this.methods.claim(
      asked.map(({ candidate: { token }, claim }) => ({ token, claim })),
    );
    return asked.flatMap(({ candidate: { files }, claim }) => {
      const outcome = found.find((other) => other.claim === claim)?.outcome;
      return outcome === "claimed" ? [{ claim, files }] : [];
    });
  }

  /** Drops one file and claims it. */
  taken(name: string | Uint8Array, content?: string | Uint8Array): ClaimedFiles {
    this.drop(name, content);
    const [claimed] = this.claim(this.complete());
    if (claimed === undefined) throw new Error("it was not claimed");
    return claimed;
  }

  move(claimed: ClaimedFiles, changes: Partial<Move> = {}): Move {
    return {
      ...claimed,
      sha256: undefined,
      atMs: Date.UTC(2025, 0, 2, 3, 4, 5),
      targets: [],
      duplicate: false,
      ...changes,
    };
  }

  /** Names of a folder and what is below, sorted. */
  list(folder: "drop" | "work" | "archive" | "error"): string[] {
    return readdirSync(this.at(folder), { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.at(folder).length + 1))
      .map((name) => name.replaceAll(sep, "/"))
      .sort();
  }

  text(...parts: readonly string[]): string {
    return readFileSync(this.at(...parts), "latin1");
  }

  [Symbol.dispose](): void {
    try {
      rmSync(this.path, { recursive: true, force: true });
    } catch (error) {
      // Windows keeps a watched folder until its watcher goes, with this process.
      if (process.platform !== "win32") throw error;
    }
  }
}

export const namesOf = (candidates: readonly Candidate[]): string[] =>
  candidates.map(({ files: [data] }) => Buffer.from(data?.name ?? []).toString("utf8"));
