/** A receiver that breaks one rule fails the scenario of that rule, which it passes otherwise. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conformance, PairFolder, type Run } from "./runs.ts";
import { type Sin, SmallReceiver } from "./small-receiver.ts";

interface Case {
  readonly sin: Sin;
  /** A part of the title of the scenario that must notice. */
  readonly only: string;
  readonly says: RegExp;
}

const CASES: readonly Case[] = [
  {
    sin: "noFence",
    only: "DATA of a fenced session",
    says: /^FAILED {3}\[RI2\].*\n +expected: .*\n +got: /m,
  },
  {
    sin: "ackBeforeStore",
    only: "what was acknowledged stands in export",
    says: /^FAILED {3}\[TP14\].*\n +expected: OPENED OK, epoch 1, last seq 1\n +got: +OPENED OK, epoch 1, last seq 0/m,
  },
  {
    sin: "dataWithoutOpen",
    only: "DATA and SKIP on a stream without OPEN",
    says: /^FAILED {3}\[TP14\].*\n +expected: .*/m,
  },
  {
    sin: "oversize",
    only: "a frame above the limit",
    says: /^FAILED {3}\[TP3\].*\n +expected: .*/m,
  },
];

async function judged(sin: Sin, only: string): Promise<Run> {
  using folder = await PairFolder.make();
  await using receiver = await SmallReceiver.open(folder.serverIdentity, sin);
  return await conformance(
    ...["--receiver", receiver.url, "--identity", folder.agentIdentity],
    ...["--export", `cat "${receiver.exportFile}"`, "--only", only],
  );
}

describe("a receiver that breaks a rule", () => {
  for (const { sin, only, says } of CASES) {
    test(`[TP40] ${sin}: FAILED with the rule, exit 1; ok where it is kept`, async () => {
      const good = await judged("none", only);
      assert.equal(good.code, 0, good.out);
      assert.equal(good.lines.length, 1, good.out);
      const bad = await judged(sin, only);
      assert.match(bad.out, says);
      assert.equal(bad.code, 1);
    });
  }
});
