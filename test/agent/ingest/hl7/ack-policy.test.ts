import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AckPolicy, decideAck } from "#agent/ingest/hl7/ack-policy.ts";
import { type Msh, readMsh } from "#agent/ingest/hl7/msh.ts";
import { type HeaderFields, latin1, message } from "#test/support/messages.ts";

const AUTO: AckPolicy = { ackMode: "auto", neAlAsOriginal: true };

function header(fields: HeaderFields): Msh {
  const reading = readMsh(latin1(message(fields)));
  assert.ok(reading.kind !== "batch" && reading.msh !== undefined);
  return reading.msh;
}

const EVERY = ["AL", "SU", "ER", "NE", "", "ZZ"];

/** 03 A4, row by row: MSH-15, MSH-16, stored, rejected, warning. */
const ENHANCED: readonly (readonly [string[], string[], string, string, boolean])[] = [
  [["AL"], ["AL", "SU", "ER", "NE", ""], "CA", "CR", false],
  [["SU"], ["AL", "SU", "ER", "NE", ""], "CA", "nothing", false],
  [["ER"], ["AL", "SU", "ER", "NE", ""], "nothing", "CR", false],
  [["NE", ""], ["AL"], "AA", "AR", false],
  [["NE", ""], ["SU"], "AA", "nothing", false],
  [["NE", ""], ["ER"], "nothing", "AR", false],
  [["NE"], ["NE", ""], "nothing", "nothing", false],
  [[""], ["NE"], "nothing", "nothing", false],
  [["ZZ"], EVERY, "CA", "CR", true],
  [["NE", ""], ["ZZ"], "AA", "AR", true],
];

function decided(policy: AckPolicy, msh: Msh | undefined): [string, string, boolean] {
  const stored = decideAck(policy, msh, "stored");
  const rejected = decideAck(policy, msh, "rejected");
  assert.equal(stored.unknownCondition, rejected.unknownCondition);
  return [stored.code ?? "nothing", rejected.code ?? "nothing", stored.unknownCondition];
}

describe("decideAck", () => {
  for (const [accepts, applications, stored, rejected, warning] of ENHANCED) {
    for (const accept of accepts) {
      for (const application of applications) {
        const pair = `MSH-15 is "${accept}" and MSH-16 "${application}"`;
        test(`[A3, A4] auto gives ${stored}, ${rejected} when ${pair}`, () => {
          const msh = header({ 15: accept, 16: application });
          assert.deepEqual(decided(AUTO, msh), [stored, rejected, warning]);
        });
      }
    }
  }

  test("[A3] auto gives AA, AR when both conditions are empty or the header is unreadable", () => {
    assert.deepEqual(decided(AUTO, header({})), ["AA", "AR", false]);
    assert.deepEqual(decided(AUTO, header({ 15: " ", 16: "  " })), ["AA", "AR", false]);
    assert.deepEqual(decided(AUTO, undefined), ["AA", "AR", false]);
  });

  test("[A4] conditions are trimmed and compared without case", () => {
    for (const accept of ["al", " AL ", "Al\t"]) {
      assert.deepEqual(decided(AUTO, header({ 15: accept, 16: "ne" })), ["CA", "CR", false]);
    }
  });

  test("[A5] without neAlAsOriginal nothing is said at commit when MSH-15 is NE or empty", () => {
    const policy: AckPolicy = { ackMode: "auto", neAlAsOriginal: false };
    for (const accept of ["NE", ""]) {
      for (const application of ["AL", "SU", "ER"]) {
        const [stored, rejected] = decided(policy, header({ 15: accept, 16: application }));
        assert.deepEqual([stored, rejected], ["nothing", "nothing"]);
      }
    }
    assert.deepEqual(decided(policy, header({})), ["AA", "AR", false], "original mode stays");
    assert.deepEqual(decided(policy, header({ 15: "AL", 16: "AL" })), ["CA", "CR", false]);
  });

  const FIXED: readonly (readonly [AckPolicy["ackMode"], string, string])[] = [
    ["storeAA", "AA", "AR"],
    ["commitOnly", "CA", "CR"],
    ["none", "nothing", "nothing"],
  ];
  for (const [ackMode, stored, rejected] of FIXED) {
    test(`[A3] ${ackMode} gives ${stored}, ${rejected} whatever MSH-15 and MSH-16 say`, () => {
      const policy = { ackMode, neAlAsOriginal: true };
      for (const accept of EVERY) {
        for (const application of EVERY) {
          const msh = header({ 15: accept, 16: application });
          assert.deepEqual(decided(policy, msh), [stored, rejected, false]);
        }
      }
      assert.deepEqual(decided(policy, undefined), [stored, rejected, false]);
    });
  }

  test("[A12] an acknowledgment is never acknowledged, in any mode", () => {
    for (const type of ["ACK", "ACK^A01^ACK", "MCF", "MCF^Q02"]) {
      for (const ackMode of ["auto", "storeAA", "commitOnly", "none"] as const) {
        const msh = header({ 9: type, 15: "AL", 16: "AL" });
        const policy = { ackMode, neAlAsOriginal: true };
        assert.deepEqual(decided(policy, msh), ["nothing", "nothing", false]);
      }
    }
    assert.deepEqual(decided(AUTO, header({ 9: "ACX" })), ["AA", "AR", false]);
  });
});
