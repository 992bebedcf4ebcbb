import assert from "node:assert/strict";
import { test } from "node:test";
import { expectationOf, meaningOf } from "#agent/deliver/expectation.ts";
import { readMsh } from "#agent/ingest/hl7/msh.ts";
import { latin1, message } from "#test/support/messages.ts";

function mshOf(fields: Parameters<typeof message>[0]) {
  const reading = readMsh(latin1(message(fields)));
  assert.equal(reading.kind, "message");
  return reading.kind === "message" ? reading.msh : undefined;
}

/** MSH-15, MSH-16, which reply settles it, and whether CA is only the first of two. */
const PAIRS = [
  ["", "", "some", true],
  ["AL", "", "some", false],
  ["AL", "NE", "some", false],
  ["AL", "AL", "some", true],
  ["AL", "ER", "some", true],
  ["SU", "", "some", false],
  ["ER", "", "silence", false],
  ["ER", "NE", "silence", false],
  ["ER", "AL", "silence", false],
  ["NE", "AL", "some", true],
  ["NE", "SU", "some", true],
  ["NE", "ER", "silence", false],
  ["NE", "NE", "none", false],
  ["NE", "", "none", false],
  ["", "AL", "some", true],
  ["ZZ", "", "some", false],
  [" al ", "ne", "some", false],
] as const;
for (const [accept, application, reply, applicationDue] of PAIRS) {
  test(`[O7, A4] MSH-15 '${accept}' and MSH-16 '${application}': ${reply}, application acknowledgment ${applicationDue ? "due" : "not due"} after CA`, () => {
    const msh = mshOf({ 15: accept, 16: application });
    assert.deepEqual(expectationOf("auto", msh), { reply, applicationDue });
  });
}

test("[O7, A12] an acknowledgment that is delivered is not answered, and not waited for", () => {
  const msh = mshOf({ 9: "ACK^A01", 15: "AL" });
  assert.equal(expectationOf("auto", msh).reply, "none");
});

test("[O7] the channel may say which reply it is, whatever MSH-15 and MSH-16 say", () => {
  const msh = mshOf({ 15: "NE", 16: "NE" });
  assert.deepEqual(expectationOf("application", msh), { reply: "some", applicationDue: true });
  assert.deepEqual(expectationOf("accept", msh), { reply: "some", applicationDue: false });
  assert.deepEqual(expectationOf("any", msh), { reply: "some", applicationDue: false });
  const asks = mshOf({ 15: "AL", 16: "AL" });
  assert.deepEqual(expectationOf("none", asks), { reply: "none", applicationDue: false });
});

test("[O7] without a readable header it is original mode", () => {
  assert.deepEqual(expectationOf("auto", undefined), { reply: "some", applicationDue: true });
});

const MEANINGS = [
  ["AA", "accepted", "accepted"],
  ["CA", "accepted", "acceptedForNow"],
  ["AE", "error", "error"],
  ["CE", "error", "error"],
  ["AR", "rejected", "rejected"],
  ["CR", "rejected", "rejected"],
] as const;
for (const [code, alone, due] of MEANINGS) {
  test(`[O5, O6] ${code} means ${alone}, and ${due} where an application acknowledgment is due`, () => {
    assert.equal(meaningOf(code, { reply: "some", applicationDue: false }), alone);
    assert.equal(meaningOf(code, { reply: "some", applicationDue: true }), due);
  });
}
