/** A file from the folder to the store, to the archive; the plain cases. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt, sha256Of } from "#test/support/messages.ts";

test("[P1] a file is stored, then archived; bytes, name, digest and claim travel with its message", async () => {
  await using stack = await DropStack.open();
  const text = adt("M1");
  stack.put("first.hl7", text);
  await stack.settled();
  const [sent, ...more] = await stack.messages();
  assert.deepEqual(more, []);
  assert.equal(sent?.text, text);
  assert.equal(sent.controlId, "M1");
  assert.equal(sent.attributes["file.name"], "first.hl7");
  assert.equal(sent.attributes["batch.sha256"], sha256Of(sent.bytes));
  const [row] = await stack.rows();
  assert.equal(row?.state, "moved");
  assert.equal(row.verdict, "sent");
  assert.equal(sent.attributes["file.claim"], row.claim);
  const [archived] = stack.files("archive");
  assert.match(archived ?? "", /^\d{4}\/\d\d\/\d\d\/first\.hl7$/);
  assert.equal(stack.read("archive", archived ?? ""), text);
  assert.deepEqual(stack.files("work"), []);
  assert.equal(stack.record.counters.value("filesTaken"), 1);
});
