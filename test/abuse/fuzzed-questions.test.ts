/** 08 9, D10 as far as questions go: whatever a receiver sends as a command, it is refused, and nothing is run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ControlBench } from "#test/support/control-bench.ts";
import { until } from "#test/support/processes.ts";

const CASES = 400;
const REFUSED = /^(?:refused|busy|expired) \{"refused":"[A-Z_]+"\}$/;

test("[D10] [V1, V2, V3] random bytes, and good questions with bytes changed, are refused with a code, and nothing is run", async () => {
  await using bench = await ControlBench.open({ rate: 1_000_000 });
  const question = bench.question();
  const good = bench.signed(question);
  const id = Buffer.from(question.nonce, "hex");
  const edit = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
  const changed = fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) => {
    const bytes = new Uint8Array(good);
    for (const { at, byte } of edits) bytes[at] = byte;
    return bytes;
  });
  const cut = fc.nat(good.length - 1).map((length) => good.slice(0, length));
  const cases = fc.sample(fc.oneof(fc.uint8Array({ maxLength: 600 }), changed, cut), CASES);
  const isGood = (bytes: Uint8Array): boolean => Buffer.compare(bytes, good) === 0;
  for (const bytes of cases.filter((one) => !isGood(one))) {
    const before = bench.told.length;
    await bench.control.asked({ id, document: bytes });
    const { result, said } = bench.told.at(-1) ?? {};
    await until("it is told", () => bench.told.length > before);
    // Another spelling of the same envelope is the same question, once.
    if (result === "done") continue;
    assert.match(`${result} ${said}`, REFUSED);
  }
  assert.ok(bench.ran.length <= 1);
  assert.deepEqual(
    bench.logged.filter((line) => line.startsWith("questionFailed")),
    [],
  );
  const recorded = await bench.recorded();
  assert.ok(recorded.length < 100, "a flood does not fill the audit (A02)");
});
