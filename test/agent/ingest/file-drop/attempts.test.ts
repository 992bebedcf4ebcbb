/** Files that cannot be read (04 P32). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClaimedFiles } from "#agent/folders/messages.ts";
import { FastClock } from "#test/support/clocks.ts";
import { answering } from "#test/support/drop-hands.ts";
import { type DropOptions, DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const texts = async (stack: DropStack): Promise<string[]> =>
  (await stack.messages()).map(({ text }) => text);

test("[P52] a file that cannot be claimed is said with step, folder and code", async () => {
  const fault = { step: "rename", folder: "work", sysCode: "EACCES" } as const;
  let fresh = 2;
  await using stack = await DropStack.open({
    hand: answering({
      poll: (found) => {
        const unreadable = { count: 2, fresh, fault };
        fresh = 0;
        return { ...found, troubles: { unreadable } };
      },
    }),
  });
  await until("said", () => stack.isOpen("fileUnreadable"));
  const [open] = stack.conditions.list();
  const said = { channel: "files", count: 2, ...fault };
  assert.deepEqual(open?.facts, said);
  assert.deepEqual(stack.logs("fileUnreadable"), [said]);
});

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
            return {
              claim: outcome.claim,
              outcome: "failed",
              step: "read",
              folder: "work",
              sysCode: "EIO",
            };
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
    const reason = JSON.parse(stack.read("error", "a.hl7.reason.json"));
    assert.deepEqual(
      [reason.code, reason.step, reason.folder, reason.sysCode],
      ["unreadable", "read", "work", "EIO"],
    );
    // P52: once at the first failure, once when it is given up.
    const why = { channel: "files", claim: reason.claim };
    const fault = { step: "read", folder: "work", sysCode: "EIO" };
    assert.deepEqual(stack.logs("fileUnreadable"), [{ ...why, ...fault }]);
    const aside = { ...why, reason: "unreadable", ...fault };
    assert.deepEqual(stack.logs("fileQuarantined"), [aside]);
    const open = stack.conditions.list().find((one) => one.condition === "fileQuarantined");
    assert.deepEqual(open?.facts, aside);
  });

  test("[P32] one that could be read at the fifth try is taken", async () => {
    await using stack = await DropStack.open(failing(4));
    stack.put("a.hl7", adt("a"));
    await stack.settled();
    assert.deepEqual(await texts(stack), [adt("a")]);
    assert.deepEqual(stack.files("error"), []);
  });
});
