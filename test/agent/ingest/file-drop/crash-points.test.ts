/**
 * The table of crash points of 04: the agent is stopped dead before and after each thing that it asks of the store
 * or of the folder's worker, and started again on what is left.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { FileClaims } from "#agent/ingest/file-drop/claims.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

/** What changes something, in the store or in the folders. */
const COUNTED = new Set([
  "claim",
  "settle",
  "setAside",
  "moved",
  "archive",
  "aside",
  "read",
  "withdraw",
]);
const FILES = ["a.hl7", "b.hl7", "c.hl7"];
/** The same content as `a.hl7`, and one without a header. */
const REPEAT = "d.hl7";
const BAD = "e.hl7";

class Cut {
  calls = 0;
  readonly #at: number;
  readonly #after: boolean;
  isCut = false;

  /** @param at the call, from 1; 0: none @param after it has been carried out */
  constructor(at: number, after: boolean) {
    this.#at = at;
    this.#after = after;
  }

  /** Hangs for ever from the cut on: to the driver the process ends here. */
  async pass<T>(name: string, act: () => Promise<T>): Promise<T> {
    if (this.isCut) return await new Promise(() => {});
    const counted = COUNTED.has(name);
    if (counted) this.calls += 1;
    const isIt = counted && this.calls === this.#at;
    if (isIt && !this.#after) {
      this.isCut = true;
      return await new Promise(() => {});
    }
    const answer = await act();
    if (!isIt) return answer;
    this.isCut = true;
    return await new Promise(() => {});
  }

  claims(own: FileClaims): FileClaims {
    return new Proxy(own, {
      get: (target, name: keyof FileClaims) => {
        const method = target[name] as (...asked: unknown[]) => Promise<unknown>;
        return (...asked: unknown[]) =>
          this.pass(name, () => Reflect.apply(method, target, asked) as Promise<unknown>);
      },
    });
  }

  hand(own: PickupHand): PickupHand {
    return {
      call: (method, ask) => this.pass(method, () => own.call(method, ask)),
      onHint: (listener) => own.onHint(listener),
      abort: () => own.abort(),
      [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
    };
  }
}

/** @param groupMaxCount so that several groups are under way at once */
function scene(base: string, cut: Cut, groupMaxCount?: number): Promise<DropStack> {
  return DropStack.open({
    base,
    ...(groupMaxCount && { groupMaxCount }),
    config: { order: "name" },
    claims: (own) => cut.claims(own),
    hand: (own) => cut.hand(own),
  });
}

function fill(stack: DropStack): void {
  for (const name of FILES) stack.put(name, adt(name));
  stack.put(REPEAT, adt("a.hl7"));
  stack.put(BAD, "no header at all\r");
}

async function check(base: string): Promise<void> {
  await using stack = await DropStack.open({ base });
  await stack.settled();
  const sent = await stack.messages();
  assert.deepEqual(
    sent.map(({ text }) => text),
    FILES.map((name) => adt(name)),
    "each once, in order, bytes equal",
  );
  assert.deepEqual(stack.archived.toSorted(), [...FILES, "d.dup.hl7"].toSorted());
  assert.deepEqual(stack.files("error"), [BAD, `${BAD}.reason.json`]);
  assert.deepEqual(stack.files("work"), []);
  const rows = await stack.rows();
  assert.ok(rows.every(({ state }) => state === "moved"));
}

/** How many calls there are to be cut at. */
async function countCalls(groupMaxCount?: number): Promise<number> {
  const base = mkdtempSync(join(tmpdir(), "holdfast-crash-points-"));
  try {
    const cut = new Cut(0, false);
    const stack = await scene(base, cut, groupMaxCount);
    fill(stack);
    await stack.settled();
    await stack.close();
    return cut.calls;
  } finally {
    rmSync(base, { recursive: true });
  }
}

async function cutAndCheck(cut: Cut, groupMaxCount?: number): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), "holdfast-crash-points-"));
  try {
    const stack = await scene(base, cut, groupMaxCount);
    fill(stack);
    await until("the cut", () => cut.isCut);
    await stack.kill();
    await check(base);
  } finally {
    rmSync(base, { recursive: true });
  }
}

const calls = await countCalls();
/** Of one file each: one is claimed, one committed, one moved at a time. */
const groupCalls = await countCalls(1);

test("[P24] the scene has calls to be cut at", () => {
  assert.ok(calls >= 6, String(calls));
});

for (let at = 1; at <= calls; at++) {
  for (const after of [false, true]) {
    test(`[P24] stopped dead ${after ? "after" : "before"} call ${at}: nothing is lost, nothing sent twice`, async () => {
      await cutAndCheck(new Cut(at, after));
    });
  }
}

test("[P24] with several groups under way there are more of them", () => {
  assert.ok(groupCalls > calls, String(groupCalls));
});

for (let at = 1; at <= groupCalls; at++) {
  const after = at % 2 === 0;
  test(`[P24] stopped dead ${after ? "after" : "before"} call ${at} of several groups: nothing is lost, nothing sent twice, order is kept`, async () => {
    await cutAndCheck(new Cut(at, after), 1);
  });
}
