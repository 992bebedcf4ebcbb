import assert from "node:assert/strict";
import { test } from "node:test";
import type { PickupMethod, PickupMethods } from "#agent/folders/messages.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

/** A file that cannot be deleted in `work/`, so often as `left` says. */
class Stuck {
  readonly #sysCode: string;
  left: number;
  tries = 0;

  constructor(sysCode: string, left = Number.POSITIVE_INFINITY) {
    this.#sysCode = sysCode;
    this.left = left;
  }

  hand(own: PickupHand): PickupHand {
    const call = async <M extends PickupMethod>(
      method: M,
      ask: PickupMethods[M]["ask"],
    ): Promise<PickupMethods[M]["answer"]> => {
      if (method !== "archive" || this.left <= 0) return await own.call(method, ask);
      this.left -= 1;
      this.tries += 1;
      // Both are those of `archive`.
      const { moves } = ask as PickupMethods["archive"]["ask"];
      const failed = { outcome: "failed", step: "delete", folder: "work" } as const;
      const answer = moves.map(({ claim }) => ({ claim, ...failed, sysCode: this.#sysCode }));
      return answer as PickupMethods[M]["answer"];
    };
    return {
      call,
      onHint: (listener) => own.onHint(listener),
      abort: () => own.abort(),
      [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
    };
  }
}

const opened = (stuck: Stuck, busyAlarmMs: number): Promise<DropStack> =>
  DropStack.open({
    hand: (own) => stuck.hand(own),
    settings: { moveRetryMaxMs: 20 },
    pickup: { busyAlarmMs },
  });

test("[P62, P29] a file that another program holds is moved again and again, and is no error yet", async () => {
  const stuck = new Stuck("EBUSY", 5);
  await using stack = await opened(stuck, 3_600_000);
  stack.put("a.hl7", adt("A"));
  await until("tried", () => stuck.tries >= 4);
  assert.equal(stack.isOpen("fileNotMoved"), false);
  await stack.settled();
  assert.deepEqual(stack.archived, ["a.hl7"]);
  assert.deepEqual(stack.logs("fileNotMoved"), []);
  assert.equal((await stack.messages()).length, 1);
});

test("[P62, P29] once that has lasted for busyAlarmSeconds it is told, once, until it is moved", async () => {
  const stuck = new Stuck("EBUSY");
  await using stack = await opened(stuck, 100);
  stack.put("a.hl7", adt("A"));
  await until("told", () => stack.isOpen("fileNotMoved"));
  const told = stuck.tries;
  await until("tried again", () => stuck.tries >= told + 3);
  assert.equal(stack.logs("fileNotMoved").length, 1);
  stuck.left = 0;
  await stack.settled();
  await until("closed", () => !stack.isOpen("fileNotMoved"));
  assert.deepEqual(stack.archived, ["a.hl7"]);
});

test("[P29] what cannot be moved for another reason is told at once", async () => {
  const stuck = new Stuck("ENOSPC");
  await using stack = await opened(stuck, 3_600_000);
  stack.put("a.hl7", adt("A"));
  await until("told", () => stack.isOpen("fileNotMoved"));
  stuck.left = 0;
  await stack.settled();
});
