/** Files that came before, or seem to have: what is the same is not sent again, what is not is (04 P26, and its crash points). */
import assert from "node:assert/strict";
import { renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const SECOND = 1_700_000_000;

/** Dropped, sent and archived; then the disk forgets that it was moved. @param content what it holds by then */
async function forgotten(stack: DropStack, content: string): Promise<void> {
  stack.put("a.hl7", adt("A"));
  utimesSync(stack.path("in", "a.hl7"), SECOND, SECOND);
  await stack.settled();
  const [archived = ""] = stack.files("archive");
  const path = stack.path("archive", archived);
  writeFileSync(path, content, "latin1");
  utimesSync(path, SECOND, SECOND);
  renameSync(path, stack.path("in", "a.hl7"));
  await stack.settled();
}

const texts = async (stack: DropStack): Promise<string[]> =>
  (await stack.messages()).map(({ text }) => text);

describe("a file that reappears", () => {
  // Without the memory for contents: the row of the file itself is what is left.
  const config = { duplicateFilePolicy: "off", duplicatePolicy: "off" };

  test("[P26] with the content that was sent: it is moved again, and not sent again", async () => {
    await using stack = await DropStack.open({ config });
    await forgotten(stack, adt("A"));
    assert.deepEqual(await texts(stack), [adt("A")]);
    assert.deepEqual(
      (await stack.rows()).map(({ verdict }) => verdict),
      ["reappeared", "sent"],
    );
    assert.deepEqual(stack.archived, ["a.dup.hl7"]);
  });

  test("[P26] with other content, though name, number, size and time are the same: it is sent", async () => {
    await using stack = await DropStack.open({ config });
    await forgotten(stack, adt("B"));
    assert.deepEqual(await texts(stack), [adt("A"), adt("B")]);
    assert.deepEqual(
      (await stack.rows()).map(({ verdict }) => verdict),
      ["sent", "sent"],
    );
  });
});

test("[P19, P26] a file that is left in place, goes, and comes again is not sent again", async () => {
  await using stack = await DropStack.open({ config: { claimBy: "row", afterCommit: "leave" } });
  const moved = (count: number): Promise<void> =>
    until(`${count} are done`, async () => {
      const rows = await stack.rows();
      return rows.length === count && rows.every(({ state }) => state === "moved");
    });
  stack.put("a.hl7", adt("A"));
  await moved(1);
  rmSync(stack.path("in", "a.hl7"));
  const files = stack.outbox.files.of("files");
  await until("it is known to be gone", async () => (await files.left()).length === 0);
  stack.put("a.hl7", adt("A"));
  await moved(2);
  assert.deepEqual(await texts(stack), [adt("A")]);
  assert.equal((await stack.rows())[0]?.verdict, "duplicate");
});

test("[P26, P39] files of one content that nobody can use are no repeats of anything: all are set aside", async () => {
  await using stack = await DropStack.open({ pickup: { stableForMs: 300 } });
  for (const name of ["1", "2", "3"]) stack.put(`${name}.hl7`, "rubbish\r");
  await stack.settled();
  assert.deepEqual(
    stack.files("error").filter((name) => !name.endsWith(".json")),
    ["1.hl7", "2.hl7", "3.hl7"],
  );
  assert.deepEqual(stack.archived, []);
});
