/** Several groups of files under way at once, and how often a folder is listed. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import type { FileClaims } from "#agent/ingest/file-drop/claims.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const NAMES = Array.from({ length: 12 }, (_, at) => `${String(at).padStart(2, "0")}.hl7`);

const texts = async (stack: DropStack): Promise<string[]> =>
  (await stack.messages()).map(({ text }) => text);

/** Tells of each call of the worker, when it is asked and when it has answered. */
function watched(
  heard: (method: string, when: "asked" | "answered") => void,
): (own: PickupHand) => PickupHand {
  return (own) => ({
    call: async (method, ask) => {
      heard(method, "asked");
      const answer = await own.call(method, ask);
      heard(method, "answered");
      return answer;
    },
    onHint: (listener) => own.onHint(listener),
    abort: () => own.abort(),
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  });
}

/** Does something before one of the calls of `claim`. */
function beforeClaim(number: number, act: () => void): (own: FileClaims) => FileClaims {
  let count = 0;
  return (own) =>
    new Proxy(own, {
      get: (target, name: keyof FileClaims) => {
        const method = target[name] as (...asked: unknown[]) => unknown;
        return (...asked: unknown[]) => {
          if (name === "claim") count += 1;
          if (name === "claim" && count === number) act();
          return Reflect.apply(method, target, asked);
        };
      },
    });
}

test("[P14] groups are committed in order, though the next one is claimed meanwhile", async () => {
  const calls: string[] = [];
  await using stack = await DropStack.open({
    config: { order: "name" },
    groupMaxCount: 3,
    hand: watched((method, when) => calls.push(`${method} ${when}`)),
  });
  for (const name of NAMES) stack.put(name, adt(name));
  await stack.settled();
  assert.deepEqual(
    await texts(stack),
    NAMES.map((name) => adt(name)),
  );
  const archived = calls.indexOf("archive asked");
  const claimedBefore = calls.slice(0, archived).filter((call) => call === "claim asked");
  assert.ok(claimedBefore.length >= 2, "one group was moved while another was claimed already");
});

test("[P4] [P14] a store that refuses while the next group is claimed: order is kept, nothing is lost", async () => {
  let stack: DropStack | undefined;
  await using opened = await DropStack.open({
    config: { order: "name" },
    groupMaxCount: 2,
    claims: beforeClaim(3, () => stack?.doorway.refusedBy(new AgentError("STORE_FULL", {}))),
  });
  stack = opened;
  for (const name of NAMES) stack.put(name, adt(name));
  await stack.settled();
  assert.deepEqual(
    await texts(stack),
    NAMES.map((name) => adt(name)),
  );
  assert.ok(stack.record.counters.value("cannotStore") > 0, "it refused");
});

test("[P4] an agent that is stopped with groups under way goes on where it was", async () => {
  await using stack = await DropStack.open({ config: { order: "name" }, groupMaxCount: 1 });
  for (const name of NAMES) stack.put(name, adt(name));
  await until("one was moved", () => stack.archived.length > 0);
  await stack.close();
  await stack.reopen();
  await stack.settled();
  assert.deepEqual(
    await texts(stack),
    NAMES.map((name) => adt(name)),
  );
  assert.deepEqual(stack.archived, NAMES);
});

test("[P13] a folder of many files is listed once for several handfuls of them", async () => {
  const base = mkdtempSync(join(tmpdir(), "holdfast-pipeline-"));
  try {
    mkdirSync(join(base, "in"));
    for (const name of NAMES) writeFileSync(join(base, "in", name), adt(name));
    const calls: string[] = [];
    await using stack = await DropStack.open({
      base,
      config: { order: "name", completion: "rename", maxFilesPerPoll: 2 },
      settings: { pollMs: 60_000 },
      hand: watched((method, when) => when === "asked" && calls.push(method)),
    });
    await stack.settled();
    assert.deepEqual(
      await texts(stack),
      NAMES.map((name) => adt(name)),
    );
    const claiming = calls.slice(calls.indexOf("claim"), calls.lastIndexOf("claim"));
    assert.ok(!claiming.includes("poll"), "no listing between the first claim and the last");
    assert.equal(claiming.filter((call) => call === "more").length, 5);
  } finally {
    rmSync(base, { recursive: true });
  }
});

test("[P12] hints do not make a large folder be listed all the time", async () => {
  const clock = new ManualClock();
  const listeners: (() => void)[] = [];
  let polls = 0;
  await using _stack = await DropStack.open({
    clock,
    settings: { pollMs: 3_600_000 },
    hand: (own) => ({
      call: async (method, ask) => {
        const answer = await own.call(method, ask);
        if (method !== "poll") return answer;
        polls += 1;
        // A second, for 100,000 files.
        clock.advance(1_000);
        return answer;
      },
      onHint: (listener) => {
        listeners.push(listener);
        return { [Symbol.dispose]: () => {} };
      },
      abort: () => own.abort(),
      [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
    }),
  });
  await until("the first listing", () => polls === 1);
  const hint = (): void => {
    for (const listener of listeners) listener();
  };
  for (let second = 1; second < 9; second++) {
    clock.advance(1_000);
    hint();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(polls, 1, "for nine times as long as the listing took");
  clock.advance(1_000);
  hint();
  await until("the second listing", () => polls === 2);
});
