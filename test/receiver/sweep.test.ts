import assert from "node:assert/strict";
import { test } from "node:test";
import { ReceiverError } from "#receiver/errors.ts";
import { Sweep, type Swept } from "#receiver/identity/sweep.ts";
import { PAGE_LIVE_MAX_COUNT } from "#receiver/limits.ts";
import type { LiveIdentity } from "#receiver/store/registry.ts";
import { until } from "../support/processes.ts";
import { DAY_MS, HOUR_MS, ShiftedClock } from "./support/shifted-clock.ts";
import { openTemporaryStore } from "./support/temporary-store.ts";

class Connection implements Swept {
  readonly #over = Promise.withResolvers<void>();
  readonly closed = this.#over.promise;
  ended = "";

  shutDown(): void {
    this.#end("announced");
  }

  destroy(): void {
    this.#end("destroyed");
  }

  #end(how: string): void {
    this.ended = how;
    this.#over.resolve();
  }
}

const FAR = { notAfterMs: Date.now() + 900 * DAY_MS };

test("[I03] [G7] what another node was told is found by the next look, and nobody else ends", async () => {
  await using store = await openTemporaryStore();
  const { registry } = store;
  const agents: number[] = [];
  for (const name of ["ward-1", "ward-2"]) {
    const added = await store.addAgent({ tenant: "north", name, serialHex: "1f", atMs: 1 });
    assert.ok("agent" in added);
    agents.push(added.agent.id);
  }
  const clock = new ShiftedClock();
  const options = { clock, chance: { unit: () => 0 }, maxSocketAgeMs: DAY_MS };
  using sweep = new Sweep({ registry, ...options });
  const [first, second] = [new Connection(), new Connection()];
  for (const [index, one] of [first, second].entries()) {
    sweep.add(one, { agent: agents[index] ?? 0, serialHex: "1f", ...FAR });
  }
  sweep.look();
  await registry.deny({ kind: "agent", value: "north/ward-2", atMs: 1 });
  clock.sweep();
  await second.closed;
  assert.deepEqual([first.ended, second.ended], ["", "destroyed"]);
});

test("[07 1.8] connections end up to a tenth of the age earlier, so that they do not end together", async () => {
  const clock = new ShiftedClock();
  let unit = 0;
  const registry = { barredOf: () => Promise.resolve([]) };
  using sweep = new Sweep({
    registry,
    clock,
    chance: { unit: () => unit },
    maxSocketAgeMs: DAY_MS,
  });
  const [late, early] = [new Connection(), new Connection()];
  sweep.add(late, { agent: 1, serialHex: "1", ...FAR });
  unit = 0.5;
  sweep.add(early, { agent: 2, serialHex: "1", ...FAR });
  clock.agedMs = DAY_MS - 1.2 * HOUR_MS - 60_000;
  clock.sweep();
  assert.deepEqual([late.ended, early.ended], ["", ""]);
  clock.agedMs += 60_000;
  clock.sweep();
  await early.closed;
  assert.deepEqual([late.ended, early.ended], ["", "announced"]);
});

test("[S7] many connections are asked for in pages, and a database that is away is asked again", async () => {
  const asked: number[] = [];
  let isAway = true;
  const registry = {
    barredOf: (live: readonly LiveIdentity[]) => {
      asked.push(live.length);
      if (isAway) return Promise.reject(new ReceiverError("STORE_UNREACHABLE"));
      return Promise.resolve(live.filter(({ agent }) => agent === 600));
    },
  };
  const clock = new ShiftedClock();
  using sweep = new Sweep({ registry, clock, chance: { unit: () => 0 }, maxSocketAgeMs: DAY_MS });
  const all = Array.from({ length: 700 }, () => new Connection());
  for (const [agent, one] of all.entries()) sweep.add(one, { agent, serialHex: "1", ...FAR });
  clock.sweep();
  await until("the first look has failed", () => asked.length === 1);
  isAway = false;
  await until("a look goes through", () => {
    clock.sweep();
    return all[600]?.ended === "destroyed";
  });
  assert.deepEqual(asked.slice(1, 3), [PAGE_LIVE_MAX_COUNT, 200]);
  assert.equal(all.filter(({ ended }) => ended !== "").length, 1);
});
