/** What a channel on NFS is warned of (04 P49). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ShareKind } from "#agent/folders/messages.ts";
import { answering } from "#test/support/drop-hands.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { until } from "#test/support/processes.ts";

const ROWS: readonly (readonly [ShareKind, seconds: number | undefined, isWarned: boolean])[] = [
  ["nfs", 29, true],
  ["nfs", 30, false],
  ["nfs", undefined, false],
  ["smb", 5, false],
  ["local", 5, false],
];

for (const [kind, seconds, isWarned] of ROWS) {
  test(`[P49] stableForSeconds ${seconds ?? "not said"} on ${kind}: ${isWarned ? "warned of" : "no warning"}`, async () => {
    await using stack = await DropStack.open({
      pickup: { stableForMs: seconds === undefined ? undefined : seconds * 1_000 },
      hand: answering({ open: (standing) => ({ ...standing, kind }) }),
    });
    await until("watching", () => stack.drop.status.state === "watching");
    const found = stack.conditions.list().filter(({ condition }) => condition === "stableTooShort");
    const facts = found.map(({ facts }) => ({ ...facts }));
    assert.deepEqual(facts, isWarned ? [{ channel: "files", seconds }] : []);
  });
}
