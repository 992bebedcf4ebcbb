import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AckPolicy, decideAck, type Verdict } from "#agent/ingest/hl7/ack-policy.ts";
import { type Msh, readMsh } from "#agent/ingest/hl7/msh.ts";
import { DEFAULT_ACK_POLICY } from "#test/support/default-channel.ts";
import { type HeaderFields, latin1, message } from "#test/support/messages.ts";

const AUTO: AckPolicy = DEFAULT_ACK_POLICY;

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
    const policy: AckPolicy = { ...DEFAULT_ACK_POLICY, neAlAsOriginal: false };
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
    ["r2", "CA", "CR"],
    ["deferred", "AA", "AR"],
  ];
  for (const [ackMode, stored, rejected] of FIXED) {
    test(`[A3] ${ackMode} gives ${stored}, ${rejected} whatever MSH-15 and MSH-16 say`, () => {
      const policy = { ...DEFAULT_ACK_POLICY, ackMode };
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
      for (const ackMode of [
        ...(["auto", "storeAA", "commitOnly"] as const),
        ...(["none", "r2", "deferred"] as const),
      ]) {
        const msh = header({ 9: type, 15: "AL", 16: "AL" });
        const policy = { ...DEFAULT_ACK_POLICY, ackMode };
        assert.deepEqual(decided(policy, msh), ["nothing", "nothing", false]);
      }
    }
    assert.deepEqual(decided(AUTO, header({ 9: "ACX" })), ["AA", "AR", false]);
  });

  test("[A12] answerApplicationAck says CA to a stored application acknowledgment whose MSH-15 is AL or SU", () => {
    const policy = { ...DEFAULT_ACK_POLICY, answerApplicationAck: true };
    const said = (accept: string, acknowledges: string, verdict: Verdict = "stored"): string => {
      const msh = header({ 9: "ACK^A01^ACK", 15: accept });
      return decideAck(policy, msh, verdict, acknowledges).code ?? "nothing";
    };
    for (const acknowledges of ["AA", "AE", "AR"]) {
      for (const accept of ["AL", "SU", " su "]) assert.equal(said(accept, acknowledges), "CA");
      for (const accept of ["ER", "NE", "", "ZZ"])
        assert.equal(said(accept, acknowledges), "nothing");
    }
    for (const acknowledges of ["CA", "CE", "CR", "", "XX"]) {
      assert.equal(
        said("AL", acknowledges),
        "nothing",
        "an accept acknowledgment is never answered",
      );
    }
    assert.equal(said("AL", "AA", "rejected"), "nothing");
    assert.equal(said("AL", "AA", "cannotStore"), "nothing");
  });

  test("[A12] an application acknowledgment is not answered unless the channel says so", () => {
    const msh = header({ 9: "ACK", 15: "AL" });
    for (const ackMode of ["auto", "storeAA", "commitOnly", "none"] as const) {
      const policy = { ...DEFAULT_ACK_POLICY, ackMode };
      assert.equal(decideAck(policy, msh, "stored", "AA").code, undefined);
    }
  });

  test("[A12] an acknowledgment that cannot be stored is hung up on, for no code may be said", () => {
    for (const cannotStoreReply of ["close", "error", "reject"] as const) {
      const policy = { ...DEFAULT_ACK_POLICY, cannotStoreReply };
      const decision = decideAck(policy, header({ 9: "ACK", 15: "AL" }), "cannotStore", "AA");
      assert.deepEqual([decision.code, decision.close], [undefined, true]);
    }
  });

  /** Who speaks CA, CE, CR: a sender whose MSH-15 asks for an accept acknowledgment. */
  const familyOf = (accept: string): string => (accept === "NE" || accept === "" ? "A" : "C");
  for (const [accepts, applications, , , warning] of ENHANCED) {
    for (const accept of accepts) {
      for (const application of applications) {
        const pair = `MSH-15 is "${accept}" and MSH-16 "${application}"`;
        test(`[A4, E1] what cannot be stored closes, or gives ${familyOf(accept)}E or ${familyOf(accept)}R as configured, when ${pair}`, () => {
          const msh = header({ 15: accept, 16: application });
          const decisions = (["close", "error", "reject"] as const).map((cannotStoreReply) =>
            decideAck({ ...DEFAULT_ACK_POLICY, cannotStoreReply }, msh, "cannotStore"),
          );
          assert.deepEqual(
            decisions.map(({ code, close }) => [code, close]),
            [
              [undefined, true],
              [`${familyOf(accept)}E`, false],
              [`${familyOf(accept)}R`, false],
            ],
          );
          assert.ok(decisions.every(({ unknownCondition }) => unknownCondition === warning));
          assert.ok(decisions.every(({ applicationAckDue }) => !applicationAckDue));
        });
      }
    }
  }

  const CANNOT_STORE: readonly (readonly [AckPolicy["ackMode"], string, string])[] = [
    ["auto", "AE", "AR"],
    ["storeAA", "AE", "AR"],
    ["deferred", "AE", "AR"],
    ["commitOnly", "CE", "CR"],
    ["r2", "CE", "CR"],
  ];
  for (const [ackMode, error, reject] of CANNOT_STORE) {
    test(`[E1, A3] ${ackMode} gives ${error} or ${reject} for what cannot be stored, header or none`, () => {
      for (const msh of [undefined, header({})]) {
        const code = (cannotStoreReply: AckPolicy["cannotStoreReply"]): string | undefined =>
          decideAck({ ...DEFAULT_ACK_POLICY, ackMode, cannotStoreReply }, msh, "cannotStore").code;
        assert.deepEqual([code("error"), code("reject")], [error, reject]);
        assert.equal(code("close"), undefined);
      }
    });
  }

  test("[E1, A3] none hangs up on what cannot be stored, whatever cannotStoreReply says", () => {
    for (const cannotStoreReply of ["close", "error", "reject"] as const) {
      const policy = { ...DEFAULT_ACK_POLICY, ackMode: "none" as const, cannotStoreReply };
      const { code, close } = decideAck(policy, header({}), "cannotStore");
      assert.deepEqual([code, close], [undefined, true]);
    }
  });

  /** MSH-15, MSH-16, malformedReply: what a rejected message gets, and whether the connection is closed. */
  const MALFORMED: readonly (readonly [string, string, string, string, string, string])[] = [
    // MSH-15, MSH-16, reject, error, accept, close
    ["", "", "AR", "AE", "AA", "nothing, closed"],
    ["AL", "", "CR", "CE", "CA", "nothing, closed"],
    ["SU", "", "nothing", "nothing", "CA", "nothing, closed"],
    ["ER", "", "CR", "CE", "nothing", "nothing, closed"],
    ["NE", "AL", "AR", "AE", "AA", "nothing, closed"],
    ["NE", "SU", "nothing", "nothing", "AA", "nothing, closed"],
    ["NE", "ER", "AR", "AE", "nothing", "nothing, closed"],
    ["NE", "NE", "nothing", "nothing", "nothing", "nothing, closed"],
    ["ZZ", "", "CR", "CE", "CA", "nothing, closed"],
    ["NE", "ZZ", "AR", "AE", "AA", "nothing, closed"],
  ];
  for (const [accept, application, ...expected] of MALFORMED) {
    test(`[E2, A4] malformedReply moves within A4 when MSH-15 is "${accept}" and MSH-16 "${application}"`, () => {
      const msh = header({ 15: accept, 16: application });
      const said = (["reject", "error", "accept", "close"] as const).map((malformedReply) => {
        const { code, close } = decideAck({ ...AUTO, malformedReply }, msh, "rejected");
        return `${code ?? "nothing"}${close ? ", closed" : ""}`;
      });
      assert.deepEqual(said, expected);
    });
  }

  test("[A5] without neAlAsOriginal a value that is not in the table still warns, and gives nothing", () => {
    const policy: AckPolicy = { ...DEFAULT_ACK_POLICY, neAlAsOriginal: false };
    assert.deepEqual(decided(policy, header({ 15: "NE", 16: "ZZ" })), ["nothing", "nothing", true]);
    assert.deepEqual(decided(policy, header({ 15: "", 16: "ZZ" })), ["nothing", "nothing", true]);
    for (const accept of ["SU", "ER"]) {
      const msh = header({ 15: accept, 16: "AL" });
      assert.deepEqual(decided(policy, msh), decided(AUTO, msh), "MSH-15 decides alone");
    }
  });

  test("[A6] an application acknowledgment is due where MSH-16 asks and A5 did not answer", () => {
    const due = (accept: string, application: string, neAlAsOriginal = true): boolean => {
      const policy = { ...DEFAULT_ACK_POLICY, neAlAsOriginal };
      return decideAck(policy, header({ 15: accept, 16: application }), "stored").applicationAckDue;
    };
    for (const application of ["AL", "SU", "ER", "ZZ"]) {
      for (const accept of ["AL", "SU", "ER", "ZZ"]) {
        assert.ok(due(accept, application), `${accept}/${application}`);
        assert.ok(due(accept, application, false), `${accept}/${application}`);
      }
      for (const accept of ["NE", ""]) {
        assert.ok(!due(accept, application), `${accept}/${application} was answered at commit`);
        assert.ok(due(accept, application, false), `${accept}/${application}`);
      }
    }
    for (const application of ["NE", ""]) {
      for (const accept of EVERY) assert.ok(!due(accept, application), `${accept}/${application}`);
    }
  });

  test("[A6] none is due for what was not stored, nor in a mode that does not look at MSH-16", () => {
    const msh = header({ 15: "AL", 16: "AL" });
    assert.ok(!decideAck(AUTO, msh, "rejected").applicationAckDue);
    for (const ackMode of ["storeAA", "commitOnly", "none", "r2", "deferred"] as const) {
      const policy = { ...DEFAULT_ACK_POLICY, ackMode };
      assert.ok(!decideAck(policy, msh, "stored").applicationAckDue, ackMode);
    }
  });

  test("[A14] silence is by request in the cells of A4 that say nothing, and in no other case", () => {
    for (const [accepts, applications, stored, rejected] of ENHANCED) {
      for (const accept of accepts) {
        for (const application of applications) {
          const msh = header({ 15: accept, 16: application });
          const silent = (verdict: Verdict): boolean =>
            decideAck(AUTO, msh, verdict).silentByRequest;
          assert.equal(silent("stored"), stored === "nothing");
          assert.equal(silent("rejected"), rejected === "nothing");
          assert.equal(silent("cannotStore"), false);
        }
      }
    }
    const none = { ...DEFAULT_ACK_POLICY, ackMode: "none" as const };
    assert.equal(
      decideAck(none, header({}), "stored").silentByRequest,
      false,
      "our wish, not theirs",
    );
    const ack = header({ 9: "ACK", 15: "NE", 16: "NE" });
    assert.equal(decideAck(AUTO, ack, "stored").silentByRequest, false);
  });
});
