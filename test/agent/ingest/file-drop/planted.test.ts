/** What somebody puts in the way between two steps stops one file at most, and no channel (04 section 12). */
import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

test("[P20, P23, P32] a subfolder that becomes a file while its file is in work stops nothing", async () => {
  let stack: DropStack | undefined;
  let isDone = false;
  /** Before the first reading: the sender writes on, and puts a file in the place of the folder. */
  const plant = (): void => {
    const work = stack?.path("work") ?? "";
    for (const name of readdirSync(work)) appendFileSync(join(work, name), "OBX|1|late\r");
    rmdirSync(stack?.path("in", "sub") ?? "");
    writeFileSync(stack?.path("in", "sub") ?? "", adt("B"));
  };
  const hand = (own: PickupHand): PickupHand => ({
    call: async (method, ask) => {
      if (method === "read" && !isDone) {
        isDone = true;
        plant();
      }
      return await own.call(method, ask);
    },
    onHint: (listener) => own.onHint(listener),
    abort: () => own.abort(),
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  });
  stack = await DropStack.open({ config: { recursive: true }, hand });
  await using opened = stack;
  mkdirSync(opened.path("in", ".new"));
  writeFileSync(opened.path("in", ".new", "a.hl7"), adt("A"), "latin1");
  renameSync(opened.path("in", ".new"), opened.path("in", "sub"));
  await until("both are sent", async () => (await opened.messages()).length === 2);
  const texts = (await opened.messages()).map(({ text }) => text);
  assert.deepEqual(texts.toSorted(), [`${adt("A")}OBX|1|late\r`, adt("B")].toSorted());
  assert.deepEqual(opened.logs("folderUnreachable"), []);
});
