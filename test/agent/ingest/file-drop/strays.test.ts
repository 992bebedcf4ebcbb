/** Files in `work/` that the store does not know (04 P20). */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

test("[P20] they are put back, counted and logged, and taken through all checks; where there are none nothing is said", async () => {
  const base = mkdtempSync(join(tmpdir(), "holdfast-drop-"));
  mkdirSync(join(base, "work"));
  const names = [`${"a".repeat(16)}.d.a.hl7`, "planted.hl7"];
  for (const name of names) writeFileSync(join(base, "work", name), adt(name), "latin1");
  {
    await using stack = await DropStack.open({ base });
    await until("both", async () => (await stack.messages()).length === 2);
    assert.deepEqual(stack.logs("filesPutBack"), [{ channel: "files", count: 2 }]);
    assert.equal(stack.record.counters.value("filesPutBack"), 2);
    const texts = (await stack.messages()).map(({ text }) => text);
    assert.deepEqual(texts.toSorted(), names.map((name) => adt(name)).toSorted());
    await stack.close();
    await stack.reopen();
    stack.put("b.hl7", adt("B"));
    await stack.settled();
    assert.equal(stack.logs("filesPutBack").length, 1);
  }
  rmSync(base, { recursive: true });
});
