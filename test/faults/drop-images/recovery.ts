/** The real driver on an image, until nothing is left to do; in one thread, and by a clock that waits for nobody. @module */
import { readdirSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { AgentError, Facts } from "#agent/errors.ts";
import type { PickupMethod } from "#agent/folders/messages.ts";
import { Conditions } from "#agent/health/conditions.ts";
import type { Log } from "#agent/host/log.ts";
import { Doorway } from "#agent/ingest/accept.ts";
import type { FileClaims } from "#agent/ingest/file-drop/claims.ts";
import type { FileDrop } from "#agent/ingest/file-drop/file-drop.ts";
import { StoreGate } from "#agent/ingest/store-gate.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { dropFolder } from "#test/support/drop-channels.ts";
import { openDrops } from "./drops.ts";
import { inlineHand } from "./inline-hand.ts";
import type { InlineStore } from "./inline-store.ts";
import { CHANNELS, type Channel } from "./plan.ts";

const STEP_MS = 20;
const POLL_MS = 200;
/** After the last claim: longer than anything waits for. */
const IDLE_POLLS = 6;
/** Hours of the clock. */
const STEPS_MAX = 20_000;

/** Polls since something was claimed. */
type Idle = Map<Channel, number>;

/** What the agent has said about single files, by their claims. */
export interface Recovery {
  /** What went wrong; empty if there is nothing left to do. */
  readonly reasons: readonly string[];
  readonly vanished: readonly string[];
}

export async function recover(
  base: string,
  store: InlineStore,
  claims: (own: FileClaims) => FileClaims,
): Promise<Recovery> {
  const found: string[] = [];
  const vanished: string[] = [];
  const say = (event: string, facts: Facts): void => {
    found.push(`${event} ${JSON.stringify(facts)}`);
  };
  const clock = new ManualClock(Date.now());
  const log: Log = {
    write: (event, facts) => {
      if (event === "lateWrite") say(`honesty: ${event}`, facts);
      if (event === "fileVanished") vanished.push(String(facts["claim"]));
    },
    fault: (event, error: AgentError) => say(`liveness: ${event} ${error.code}`, error.facts),
  };
  const common = { clock, log, conditions: new Conditions() };
  const { outbox } = store;
  using gate = new StoreGate({ ...common, probe: () => outbox.probe() });
  const idle: Idle = new Map();
  const drops = openDrops({
    ...{ ...common, base, pollMs: POLL_MS, doorway: new Doorway({ ...common, outbox, gate }) },
    failed: (error) => found.push(`defect: ${error instanceof Error ? error.stack : error}`),
    idOf: (name) => store.tails.find((one) => one.name === name)?.channel ?? 0,
    claims: (name) => claims(store.files.of(name)),
    openHand: (name) => {
      const heard = (method: PickupMethod): void => {
        if (method === "claim") idle.set(name, 0);
        if (method === "poll") idle.set(name, (idle.get(name) ?? 0) + 1);
      };
      return Promise.resolve(inlineHand(clock, name !== "unlinked", heard));
    },
  });
  for (let step = 0; !isQuiet(base, drops, idle) && found.length === 0; step++) {
    if (step >= STEPS_MAX) found.push("liveness: there is always something left to do");
    await turn();
    clock.advance(STEP_MS);
  }
  await ended(drops, clock);
  return { reasons: found, vanished };
}

function isQuiet(base: string, drops: readonly FileDrop[], idle: Idle): boolean {
  return drops.every(({ status: { state, inWorkCount, toMoveCount } }, index) => {
    const name = CHANNELS[index] ?? "plain";
    const polls = idle.get(name) ?? 0;
    const isDone = state === "watching" && polls > 0 && inWorkCount + toMoveCount === 0;
    return isDone && (polls >= IDLE_POLLS || readdirSync(dropFolder(base, name)).length === 0);
  });
}

async function ended(drops: readonly FileDrop[], clock: ManualClock): Promise<void> {
  let isOver = false;
  const ending = Promise.all(drops.map((drop) => drop[Symbol.asyncDispose]())).then(() => {
    isOver = true;
  });
  while (!isOver) {
    await turn();
    clock.advance(STEP_MS);
  }
  await ending;
}
