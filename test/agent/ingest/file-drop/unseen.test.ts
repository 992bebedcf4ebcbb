/** Files that nobody looks at are said, however few are seen (04 P13, P15). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PollResult } from "#agent/folders/messages.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { until } from "#test/support/processes.ts";

test("[P15, P13] subfolders that are not looked into are an alarm, for as long as there are any", async () => {
  let untrackedCount = 2;
  const counting = (own: PickupHand): PickupHand => ({
    call: async (method, ask) => {
      const answer = await own.call(method, ask);
      if (method !== "poll") return answer;
      return { ...(answer as PollResult), fileCount: 5, untrackedCount } as typeof answer;
    },
    onHint: (listener) => own.onHint(listener),
    abort: () => own.abort(),
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  });
  await using stack = await DropStack.open({ hand: counting });
  await until("the alarm", () => stack.isOpen("folderFilling"));
  const [open] = stack.conditions.list();
  assert.deepEqual([open?.facts["count"], open?.facts["unseen"]], [5, 2]);
  untrackedCount = 0;
  await until("it is over", () => !stack.isOpen("folderFilling"));
});
