/** A share that does not answer, wherever a channel uses it (04 P46). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Isolation } from "#agent/folders/conversation.ts";
import { DeadShare } from "#test/support/dead-share.ts";
import { answering } from "#test/support/drop-hands.ts";
import { type DropOptions, DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const SILENCE_MS = 2_000;

/** Notes in what each worker runs. */
function noted(isolations: Isolation[]): NonNullable<DropOptions["hand"]> {
  return (own, isolation) => {
    isolations.push(isolation);
    return own;
  };
}

describe("a share that is dead", () => {
  for (const key of ["workFolder", "archiveFolder", "errorFolder"]) {
    test(`[P46] ${key} is there, the drop folder is not: no thread hangs, the worker is a process that is ended`, async (t) => {
      const share = DeadShare.make();
      if (typeof share === "string") return t.skip(share);
      using _share = share;
      const isolations: Isolation[] = [];
      await using stack = await DropStack.open({
        config: { [key]: join(share.path, "files") },
        settings: { silenceMs: SILENCE_MS },
        hand: noted(isolations),
      });
      await until("unreachable", () => stack.drop.status.state === "unreachable");
      assert.equal(stack.drop.status.error?.code, "FOLDER_SILENT");
      assert.deepEqual(isolations, ["process"]);
    });
  }

  test("[P46] a link leads there: one thread may hang, and no second one", async (t) => {
    const share = DeadShare.make();
    if (typeof share === "string") return t.skip(share);
    using _share = share;
    const base = mkdtempSync(join(tmpdir(), "holdfast-drop-"));
    symlinkSync(share.path, join(base, "link"));
    const isolations: Isolation[] = [];
    {
      await using _stack = await DropStack.open({
        ...{ base, config: { archiveFolder: "link" }, settings: { silenceMs: SILENCE_MS } },
        hand: noted(isolations),
      });
      await until("a second attempt", () => isolations.length > 1);
      assert.deepEqual(isolations.slice(0, 2), ["thread", "process"]);
    }
    rmSync(base, { recursive: true });
  });
});

test("[P46] a link leads to a share that answers: the worker says so, and is a process from then on", async () => {
  const isolations: Isolation[] = [];
  const sayShare = answering({ open: (standing) => ({ ...standing, mayHang: true }) });
  await using stack = await DropStack.open({
    hand: (own, isolation) => noted(isolations)(sayShare(own), isolation),
  });
  stack.put("a.hl7", adt("A"));
  await stack.settled();
  assert.deepEqual(isolations, ["thread", "process"]);
});
