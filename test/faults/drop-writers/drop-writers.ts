/**
 * Senders of all kinds at once, each in its own process, into the folders of one agent; and what the agent has
 * made of it: no half file, each once (04 section 2).
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { AgentError } from "#agent/errors.ts";
import { FolderHand } from "#agent/folders/hand.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import type { Log } from "#agent/host/log.ts";
import { Doorway } from "#agent/ingest/accept.ts";
import { StoreGate } from "#agent/ingest/store-gate.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { dropFolder, openDropChannels } from "#test/support/drop-channels.ts";
import { Started, until } from "#test/support/processes.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { inspectStore, type StoreReport } from "../stored-messages.ts";
import { wholeId } from "./content.ts";
import { CHANNELS, type Channel, KIND_NAMES, KINDS, type KindName } from "./kinds.ts";

const POLL_MS = 200;
/** Of the time that files must be stable for: longer than a writer waits before it writes once more. */
const LOOK_BACK_SHARE = 3;
const SETTLE_LIMIT_MS = 600_000;
const CHANNEL_NAMES = Object.keys(CHANNELS) as readonly Channel[];

export interface DropWriters {
  readonly seed: number;
  /** Of each kind. */
  readonly count: number;
  /** Files that one process writes at the same time. */
  readonly atOnce: number;
  readonly stableMs: number;
}

export interface WritersOutcome {
  readonly dropped: number;
  /** Messages and documents that were taken. */
  readonly taken: number;
  /** Files whose writer was held up for too long: what became of them says nothing. */
  readonly stalled: readonly string[];
  readonly lateWrites: number;
  /** What is wrong; empty if nothing is. */
  readonly reasons: readonly string[];
}

export async function runDropWriters(options: DropWriters): Promise<WritersOutcome> {
  const base = mkdtempSync(join(tmpdir(), "holdfast-drop-writers-"));
  try {
    const heard = { faults: [] as string[], lateWrites: 0 };
    const stalled = await serve(base, options, heard);
    const { stored, blocks, reasons } = inspectStore(join(base, "state"), TEST_KEK.current);
    const wrong = judge(base, options, stored, new Set(stalled));
    const aside = blocks.map(({ channel }) => `a block of ${channel} is in quarantine`);
    return {
      ...{ dropped: options.count * KIND_NAMES.length, taken: stored.length, stalled },
      lateWrites: heard.lateWrites,
      reasons: [...heard.faults, ...reasons, ...aside, ...wrong],
    };
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

/** @returns files whose writers were held up */
async function serve(
  base: string,
  options: DropWriters,
  heard: { readonly faults: string[]; lateWrites: number },
): Promise<string[]> {
  const stateDir = join(base, "state");
  mkdirSync(stateDir, { mode: 0o700 });
  const failed = (error: unknown): void => {
    heard.faults.push(`defect: ${error instanceof Error ? error.stack : error}`);
  };
  await using outbox = await Outbox.open({
    ...{ stateDir, allowVolatileState: true, clock: systemClock, chance: systemChance },
    ...{ channels: CHANNEL_NAMES.map((name) => ({ name })), kek: TEST_KEK, onFatal: failed },
  });
  const log: Log = {
    write: (event) => {
      if (event === "lateWrite") heard.lateWrites += 1;
    },
    fault: (event, { code }: AgentError) => heard.faults.push(`${event} ${code}`),
  };
  const common = { clock: systemClock, log, conditions: new Conditions() };
  using gate = new StoreGate({ ...common, probe: () => outbox.probe() });
  const drops = openDropChannels({
    ...{ ...common, base, failed, doorway: new Doorway({ ...common, outbox, gate }) },
    channels: CHANNEL_NAMES.map((name) => ({
      ...{ name, config: CHANNELS[name], claims: outbox.files.of(name) },
      id: outbox.channels.find((one) => one.name === name)?.channel ?? 0,
      openHand: (asked) => FolderHand.open(asked),
    })),
    settings: { pollMs: POLL_MS, lateWriteCheckMs: LOOK_BACK_SHARE * options.stableMs },
    pickup: { stableForMs: options.stableMs },
  });
  const stalled = await write(base, options);
  await until(
    "every file is where it belongs",
    () =>
      drops.every(({ status: { fileCount, inWorkCount, toMoveCount } }, index) => {
        const isEmpty = readdirSync(dropFolder(base, CHANNEL_NAMES[index] ?? "")).length === 0;
        return isEmpty && fileCount + inWorkCount + toMoveCount === 0;
      }),
    SETTLE_LIMIT_MS,
  );
  // Long enough for all to be looked at once more.
  await pause((LOOK_BACK_SHARE + 1) * options.stableMs);
  await Promise.all(drops.map((drop) => drop[Symbol.asyncDispose]()));
  return stalled;
}

async function write(
  base: string,
  { seed, count, atOnce, stableMs }: DropWriters,
): Promise<string[]> {
  const program = join(import.meta.dirname, "writer.ts");
  const stalled = await Promise.all(
    KIND_NAMES.map(async (kind) => {
      const folder = dropFolder(base, KINDS[kind].channel);
      await using writer = new Started([
        ...[process.execPath, program, "--kind", kind, "--folder", folder],
        ...["--count", String(count), "--at-once", String(atOnce)],
        ...["--stable-ms", String(stableMs), "--seed", String(seed)],
      ]);
      const line = await writer.ready();
      const { code } = await writer.ended;
      if (code !== 0) throw new Error(`${kind} ended with ${code}\n${writer.errors}`);
      return JSON.parse(line) as string[];
    }),
  );
  return stalled.flat();
}

function judge(
  base: string,
  { count }: DropWriters,
  stored: StoreReport["stored"],
  stalled: ReadonlySet<string>,
): string[] {
  const reasons: string[] = [];
  const counts = new Map<string, number>();
  for (const { channel, controlId, body } of stored) {
    const id = wholeId(body.toString("latin1"));
    const [claimed = ""] = /^[a-z]+-\d+/.exec(id ?? controlId) ?? [];
    if (id === undefined && !stalled.has(claimed)) {
      reasons.push(`half: ${claimed || "something"} of ${channel}, ${body.length} bytes`);
    }
    if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const late = lateIn(base);
  for (const kind of KIND_NAMES) {
    for (let n = 0; n < count; n++) {
      const id = `${kind}-${n}`;
      if (!stalled.has(id)) reasons.push(...wronglyTaken(kind, id, counts, late));
    }
  }
  for (const channel of CHANNEL_NAMES) reasons.push(...leftIn(base, channel, stalled));
  return reasons;
}

function wronglyTaken(
  kind: KindName,
  id: string,
  counts: ReadonlyMap<string, number>,
  late: ReadonlySet<string>,
): string[] {
  const [own, before] = [counts.get(id) ?? 0, counts.get(`${id}-before`) ?? 0];
  if (kind !== "rewriting") return own === 1 ? [] : [`${id} was taken ${own} times`];
  // What was taken as it was before, and written to afterwards, is noticed; never is one of them taken twice.
  const isFine = own + before === 1 && late.has(id) === (before === 1);
  return isFine ? [] : [`${id} was taken ${own} times, and ${before} times as it was before`];
}

/** Files of which a copy was kept, for they were written to after they were archived. */
function lateIn(base: string): ReadonlySet<string> {
  const names = CHANNEL_NAMES.flatMap((channel) => readdirSync(join(base, channel, "error")));
  return new Set(names.flatMap((name) => /^(.*)\.[a-z0-9]+$/.exec(name)?.[1] ?? []));
}

/** Nothing in work, and nothing set aside but what was written to after it was archived. */
function leftIn(base: string, channel: Channel, stalled: ReadonlySet<string>): string[] {
  const work = readdirSync(join(base, channel, "work")).map(() => `a file is left in work`);
  const error = readdirSync(join(base, channel, "error")).flatMap((name) => {
    const [id = ""] = /^[a-z]+-\d+/.exec(name) ?? [];
    if (!name.endsWith(".reason.json") || stalled.has(id)) return [];
    const { code } = JSON.parse(readFileSync(join(base, channel, "error", name), "utf8"));
    return code === "lateWrite" && id.startsWith("rewriting")
      ? []
      : [`${id} is set aside: ${code}`];
  });
  return [...work, ...error].map((reason) => `${channel}: ${reason}`);
}
