/**
 * A file-drop channel from its folder to its store, without the tunnel: real files, a real worker, real SQLite.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { dropRules, dropSettings } from "#agent/drop-options.ts";
import type { AgentError, Facts } from "#agent/errors.ts";
import type { Isolation } from "#agent/folders/conversation.ts";
import { FolderHand } from "#agent/folders/hand.ts";
import type { PickupSettings } from "#agent/folders/messages.ts";
import { ChannelRecord } from "#agent/health/channel-record.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { type Clock, systemChance, systemClock } from "#agent/host/clock.ts";
import type { Log, LogEvent } from "#agent/host/log.ts";
import { Doorway } from "#agent/ingest/accept.ts";
import type { ChannelRules } from "#agent/ingest/channel.ts";
import type { ClaimRow, FileClaims } from "#agent/ingest/file-drop/claims.ts";
import { FileDrop } from "#agent/ingest/file-drop/file-drop.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";
import type { FileDropSettings } from "#agent/ingest/file-drop/settings.ts";
import { StoreGate } from "#agent/ingest/store-gate.ts";
import { DISK_BUDGET_BYTES } from "#agent/limits.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { fileDrop, withFolders } from "#config/file-drop.ts";
import { sha256Of, textOf } from "./messages.ts";
import { until } from "./processes.ts";
import { TEST_KEK } from "./test-keys.ts";

/** Quick, so that tests are; everything else is the default of the configuration. */
const QUICK: Partial<PickupSettings> = { stableForMs: 60 };
const QUICK_POLL_MS = 50;

export interface DropOptions {
  /** Of the channel, as in `local.yaml`. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly pickup?: Partial<PickupSettings>;
  readonly settings?: Partial<Omit<FileDropSettings, "pickup">>;
  readonly rules?: Partial<ChannelRules>;
  /** Of the driver; the worker has its own. */
  readonly clock?: Clock;
  /** Where everything is; made and removed where it is not given. */
  readonly base?: string;
  readonly quarantineMaxBytes?: number;
  /** Whether the store can store, as the gate asks it; the store's own answer where it is not given. */
  readonly probe?: (own: () => Promise<void>) => Promise<void>;
  /** Fewer files of a group than usual. */
  readonly groupMaxCount?: number;
  /** Put before the real ones, to see or to stop what is asked of them. */
  readonly claims?: (own: FileClaims) => FileClaims;
  readonly hand?: (own: PickupHand, isolation: Isolation) => PickupHand;
}

/** A message as the store gives it to the relay. */
export interface Sent {
  readonly seq: bigint;
  readonly controlId: string;
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly attributes: Readonly<Record<string, string>>;
}

interface Parts {
  readonly outbox: Outbox;
  readonly gate: StoreGate;
  readonly doorway: Doorway;
  readonly drop: FileDrop;
}

export class DropStack implements AsyncDisposable {
  readonly base: string;
  readonly record: ChannelRecord;
  readonly conditions = new Conditions();
  readonly logged: { readonly event: LogEvent; readonly facts: Facts }[] = [];
  readonly log: Log = {
    write: (event, facts) => void this.logged.push({ event, facts }),
    fault: (event, { facts }) => void this.logged.push({ event, facts }),
  };
  /** What a driver could not go on after; a test that expects none leaves it alone. */
  readonly failures: unknown[] = [];
  readonly #options: DropOptions;
  #parts: Parts | undefined;
  #fatal: AgentError | undefined;

  private constructor(options: DropOptions) {
    this.#options = options;
    this.base = options.base ?? mkdtempSync(join(tmpdir(), "holdfast-drop-"));
    const clock = options.clock ?? systemClock;
    this.record = new ChannelRecord({ channel: "files", clock, log: this.log });
    for (const name of ["in", "state"]) mkdirSync(join(this.base, name), { recursive: true });
  }

  static async open(options: DropOptions = {}): Promise<DropStack> {
    const stack = new DropStack(options);
    await stack.reopen();
    return stack;
  }

  /** Opens everything as it was left. */
  async reopen(): Promise<void> {
    assert.equal(this.#parts, undefined, "the stack is open already");
    const { clock = systemClock, quarantineMaxBytes, groupMaxCount, rules } = this.#options;
    const outbox = await Outbox.open({
      stateDir: join(this.base, "state"),
      allowVolatileState: true,
      channels: [{ name: "files", ...(quarantineMaxBytes && { quarantineMaxBytes }) }],
      clock,
      chance: systemChance,
      kek: TEST_KEK,
      onFatal: (error) => {
        this.#fatal = error;
      },
    });
    const { conditions, log, record } = this;
    const gate = new StoreGate({
      ...{ clock, log, conditions, probeIntervalMs: 100 },
      probe: () => (this.#options.probe ?? ((own) => own()))(() => outbox.probe()),
    });
    const doorway = new Doorway({ outbox, gate, conditions, clock, log });
    const config = withFolders(
      fileDrop.parse({ name: "files", kind: "file-drop", folder: "in", ...this.#options.config }),
      this.base,
    );
    const configured = dropSettings(config);
    const drop = new FileDrop(
      {
        channel: {
          name: "files",
          id: outbox.channels[0]?.channel ?? 0,
          record,
          rules: { ...dropRules(config, DISK_BUDGET_BYTES), ...rules },
        },
        settings: {
          ...configured,
          pollMs: QUICK_POLL_MS,
          ...this.#options.settings,
          pickup: { ...configured.pickup, ...QUICK, ...this.#options.pickup },
        },
        claims: (this.#options.claims ?? ((own) => own))(outbox.files.of("files")),
        openHand: async (asked) =>
          (this.#options.hand ?? ((own) => own))(await FolderHand.open(asked), asked.isolation),
        ...{ doorway, conditions, log, clock, chance: systemChance },
        ...(groupMaxCount && { groupMaxCount }),
      },
      (error) => this.failures.push(error),
    );
    this.#parts = { outbox, gate, doorway, drop };
  }

  get outbox(): Outbox {
    return this.#open().outbox;
  }

  get doorway(): Doorway {
    return this.#open().doorway;
  }

  get drop(): FileDrop {
    return this.#open().drop;
  }

  path(...names: string[]): string {
    return join(this.base, ...names);
  }

  /** Writes a file into the drop folder. */
  put(name: string, content: string | Uint8Array): void {
    writeFileSync(this.path("in", name), content, "latin1");
  }

  /** Every file below a folder, relative to it, in order of names. */
  files(folder: string): string[] {
    const path = this.path(folder);
    if (!existsSync(path)) return [];
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
      .map((name) => name.replaceAll(sep, "/"))
      .sort();
  }

  /** Names alone of what lies in the archive. */
  get archived(): string[] {
    return this.files("archive").map((file) => file.split("/").at(-1) ?? "");
  }

  read(folder: string, name: string): string {
    return readFileSync(this.path(folder, name), "latin1");
  }

  /** Waits until nothing is in the drop folder nor on its way. */
  async settled(): Promise<void> {
    await until("the folder is empty and all is moved", async () => {
      // In this order: a file that has left the folder has its row by then.
      if (this.files("in").length > 0) return false;
      return (await this.outbox.files.of("files").open()).length === 0;
    });
  }

  /** Rows of files, newest first. */
  rows(): Promise<ClaimRow[]> {
    return this.outbox.files.of("files").list(0, 500);
  }

  /** Every message of the channel in seq order, read back whole and checked against its digest. */
  async messages(): Promise<Sent[]> {
    const { outbox } = this.#open();
    const channel = outbox.channels[0]?.channel ?? 0;
    const sent: Sent[] = [];
    for (let afterSeq = 0n; ; ) {
      const range = { channel, epoch: 1n, afterSeq, maxBytes: 1 << 20, maxCount: 500 };
      const { messages, damagedSeq } = await outbox.read(range);
      assert.equal(damagedSeq, undefined);
      if (messages.length === 0) return sent;
      for (const { seq, body, upload, uploadAt, sha256, length, ...more } of messages) {
        const bytes = body ?? (await slicesOf(outbox, upload, uploadAt, length));
        assert.equal(sha256Of(bytes), Buffer.from(sha256).toString("hex"));
        const attributes = more.attributes === "" ? {} : JSON.parse(more.attributes);
        const controlId = textOf(more.controlId);
        sent.push({ seq, controlId, bytes, text: textOf(bytes), attributes });
        afterSeq = seq;
      }
    }
  }

  /** Facts of every line of `event`. */
  logs(event: LogEvent): Facts[] {
    return this.logged.filter((line) => line.event === event).map(({ facts }) => facts);
  }

  isOpen(condition: string): boolean {
    return this.conditions.list().some((one) => one.condition === condition);
  }

  async close(): Promise<void> {
    const parts = this.#parts;
    if (parts === undefined) return;
    this.#parts = undefined;
    await parts.drop[Symbol.asyncDispose]();
    parts.gate[Symbol.dispose]();
    await parts.outbox[Symbol.asyncDispose]();
  }

  /** Lets everything go where it stands: a driver that waits for an answer never gets it. */
  async kill(): Promise<void> {
    const parts = this.#parts;
    if (parts === undefined) return;
    this.#parts = undefined;
    parts.drop.abort();
    parts.gate[Symbol.dispose]();
    await parts.outbox[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    if (this.#options.base === undefined) rmSync(this.base, { recursive: true, force: true });
    assert.equal(this.#fatal, undefined, "the store reported that it cannot go on");
    assert.deepEqual(this.failures, []);
  }

  #open(): Parts {
    assert.ok(this.#parts !== undefined, "the stack is closed");
    return this.#parts;
  }
}

async function slicesOf(
  outbox: Outbox,
  upload: number,
  at: number,
  length: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let from = 0; from < length; ) {
    const more = await outbox.slices(upload, at + from, Math.min(1 << 20, length - from));
    assert.notEqual(more.length, 0, "slices end too early");
    parts.push(more);
    from += more.length;
  }
  return Buffer.concat(parts);
}
