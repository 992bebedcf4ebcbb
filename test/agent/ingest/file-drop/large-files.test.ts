/** Files that go to the store in slices while they are read (04 P22 to P24). */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { largeAdt, sha256Of } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const MIB = 1024 ** 2;

/** Does something when the worker is asked for the `number`th part. */
function atPart(number: number, act: (own: PickupHand) => void): (own: PickupHand) => PickupHand {
  let count = 0;
  return (own) => ({
    call: async (method, ask) => {
      if (method === "readPart") count += 1;
      if (method === "readPart" && count === number) act(own);
      return await own.call(method, ask);
    },
    onHint: (listener) => own.onHint(listener),
    abort: () => own.abort(),
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  });
}

const digests = async (stack: DropStack): Promise<string[]> =>
  (await stack.messages()).map(({ bytes }) => sha256Of(bytes));

test("[P24] [P42] each byte of it is in the store, once, also at a length that is no whole slice", async () => {
  await using stack = await DropStack.open({ config: { content: "binary" } });
  const files = [3 * MIB + 1, 2 * MIB, MIB + 1].map((length) => randomBytes(length));
  for (const [index, bytes] of files.entries()) stack.put(`${index}.pdf`, bytes);
  await stack.settled();
  assert.deepEqual((await digests(stack)).toSorted(), files.map(sha256Of).toSorted());
});

test("[P23] one that grows while it is read is read again from the beginning, and sent once", async () => {
  let stack: DropStack | undefined;
  await using opened = await DropStack.open({
    hand: atPart(5, () => {
      const work = stack?.path("work") ?? "";
      for (const name of readdirSync(work)) appendFileSync(join(work, name), "NTE|1||more\r");
    }),
  });
  stack = opened;
  const body = largeAdt("L1", 2 * MIB);
  stack.put("a.hl7", body);
  await stack.settled();
  const whole = Buffer.concat([body, Buffer.from("NTE|1||more\r")]);
  assert.deepEqual(await digests(stack), [sha256Of(whole)]);
  assert.equal(stack.record.counters.value("filesChanged"), 1);
});

test("[P46] [P24] a worker that ends while it reads ahead: the file is read again by the next one, and sent once", async () => {
  await using stack = await DropStack.open({ hand: atPart(5, (own) => own.abort()) });
  const body = largeAdt("L1", 2 * MIB);
  stack.put("a.hl7", body);
  await until("it was noticed", () => stack.isOpen("folderUnreachable"));
  await stack.settled();
  assert.deepEqual(await digests(stack), [sha256Of(body)]);
});
