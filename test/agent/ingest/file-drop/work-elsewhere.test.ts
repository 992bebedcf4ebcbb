/** A channel whose files cannot be renamed into its work folder (04 P2, P19). */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

test("[P2, P3] a work folder on another file system is said once, with its code, and no row is made of any file", async (t) => {
  const disk = SmallDisk.make(1 << 20);
  if (typeof disk === "string") return t.skip(disk);
  using _disk = disk;
  const workFolder = join(disk.path, "work");
  mkdirSync(workFolder);
  await using stack = await DropStack.open({ config: { workFolder } });
  stack.put("a.hl7", adt("A"));
  await until("unreachable", () => stack.drop.status.state === "unreachable");
  const [open] = stack.conditions.list();
  assert.deepEqual(
    [open?.condition, open?.facts["code"]],
    ["folderUnreachable", "FOLDER_WORK_ELSEWHERE"],
  );
  assert.deepEqual([stack.files("in"), await stack.rows()], [["a.hl7"], []]);
  await stack.close();
});
