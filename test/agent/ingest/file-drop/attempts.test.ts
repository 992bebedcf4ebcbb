/** Files that cannot be read (04 P32). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClaimedFiles } from "#agent/folders/messages.ts";
import { FastClock } from "#test/support/clocks.ts";
import { answering } from "#test/support/drop-hands.ts";
import { type DropOptions, DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";

const texts = async (stack: DropStack): Promise<string[]> =>
  (await stack.messages()).map(({ text }) => text);

describe("[P32] errors while a file is read", () => {
  const isFirst = (claimed: ClaimedFiles | undefined): boolean =>
    Buffer.from(claimed?.files[0]?.name ?? []).toString() === "a.hl7";
  /** The first `count` reads of a.hl7 fail. */
  function failing(count: number): DropOptions {
    let left = count;
    return {
      config: { order: "name" },
      clock: new FastClock(10),
      hand: answering({
        read: (outcomes, { claims }) =>
          outcomes.map((outcome, index) => {
            if (!isFirst(claims[index]) || left === 0) return outcome;
            left -= 1;
            return { claim: outcome.claim, outcome: "failed", sysCode: "EIO" };
          }),
      }),
    };
  }

  test("[P32] a file that could not be read five times goes to error; those behind it are taken meanwhile", async () => {
    await using stack = await DropStack.open(failing(Number.POSITIVE_INFINITY));
    for (const name of ["a", "b", "c"]) stack.put(`${name}.hl7`, adt(name));
    await stack.settled();
    assert.deepEqual(await texts(stack), [adt("b"), adt("c")]);
    const decided = (await stack.rows()).toSorted(
      (one, other) => (one.decidedAtMs ?? 0) - (other.decidedAtMs ?? 0),
    );
    assert.deepEqual(
      decided.map(({ reason }) => reason),
      [undefined, undefined, "unreadable"],
    );
    assert.deepEqual(stack.files("error"), ["a.hl7", "a.hl7.reason.json"]);
    assert.equal(stack.read("error", "a.hl7"), adt("a"));
    assert.equal(JSON.parse(stack.read("error", "a.hl7.reason.json")).code, "unreadable");
  });

  test("[P32] one that could be read at the fifth try is taken", async () => {
    await using stack = await DropStack.open(failing(4));
    stack.put("a.hl7", adt("a"));
    await stack.settled();
    assert.deepEqual(await texts(stack), [adt("a")]);
    assert.deepEqual(stack.files("error"), []);
  });
});
