import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Heads, type MadeHead } from "#agent/audit/heads.ts";
import { AgentError } from "#agent/errors.ts";
import { systemChance } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { until } from "#test/support/processes.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";
import {
  AGENT,
  draftOf,
  newDeviceKey,
  openAudit,
  recordMany,
  TENANT,
} from "#test/support/test-trust.ts";

const STANDING = {
  ...{ trustVersion: 1, epoch: 1, seqHigh: 3, effectiveDigest: null, state: null },
  ...{ generation: 1, clockSkewMs: null },
} as const;

async function site(made: TestOutbox) {
  const clock = new ManualClock();
  const audit = await openAudit(made.outbox.trust, clock);
  const sent: MadeHead[] = [];
  const fault = { isBusy: false };
  const heads = await Heads.open({
    ...{ audit, trust: made.outbox.trust, key: newDeviceKey(), tenant: TENANT, agent: AGENT },
    ...{ version: "1.2.3-beta+4", standing: () => STANDING },
    send: (head) => {
      if (fault.isBusy) return Promise.reject(new AgentError("STORE_BUSY", {}));
      sent.push(head);
      return Promise.resolve();
    },
    ...{ clock, chance: systemChance, log: silentLog },
  });
  return { clock, audit, heads, sent, fault };
}

describe("heads", () => {
  test("[A01] one is made 60 s after the first entry that no head knows, and none without anything new", async () => {
    await using made = await TestOutbox.open();
    const { clock, audit, sent } = await site(made);
    await recordMany(audit, 3);
    clock.advance(59_999);
    assert.equal(sent.length, 0);
    clock.advance(1);
    await until("a head is made", () => sent.length === 1);
    assert.deepEqual(
      [sent[0]?.auditSeq, sent[0]?.auditHead],
      [3, Buffer.from(audit.head.hash).toString("hex")],
    );
    clock.advance(3_600_000);
    await audit.record([draftOf("x")]);
    assert.equal(sent.length, 1);
    clock.advance(60_000);
    await until("another is made", () => sent.length === 2);
    assert.equal(sent[1]?.auditSeq, 4);
  });

  test("[A01] 50 entries make one at once", async () => {
    await using made = await TestOutbox.open();
    const { audit, sent } = await site(made);
    await recordMany(audit, 49);
    assert.equal(sent.length, 0);
    await audit.record([draftOf("x")]);
    await until("a head is made", () => sent.length === 1);
    assert.equal(sent[0]?.auditSeq, 50);
  });

  test("[A01] one is made every day, whatever happens", async () => {
    await using made = await TestOutbox.open();
    const { clock, sent } = await site(made);
    for (const day of [1, 2, 3]) {
      clock.advance(86_400_000);
      await until("a head is made", () => sent.length === day);
    }
    assert.deepEqual(
      sent.map(({ counter, auditSeq }) => [counter, auditSeq]),
      [
        [1, 0],
        [2, 0],
        [3, 0],
      ],
    );
  });

  test("[A01, U21] a counter never comes twice, not after a kill, nor where the head could not be sent", async () => {
    await using made = await TestOutbox.open();
    const one = await site(made);
    await one.heads.make();
    one.fault.isBusy = true;
    await assert.rejects(one.heads.make(), { code: "STORE_BUSY" });
    await made.kill();
    await made.reopen();
    const other = await site(made);
    await other.heads.make();
    assert.deepEqual(
      [...one.sent, ...other.sent].map(({ counter }) => counter),
      [1, 3],
    );
  });

  test("[A01] what could not be sent is made up for a minute later; a stop makes a last one", async () => {
    await using made = await TestOutbox.open();
    const { clock, audit, heads, sent, fault } = await site(made);
    fault.isBusy = true;
    await audit.record([draftOf("x")]);
    clock.advance(60_000);
    // The attempt fails, and arms the next.
    await until("it is armed again", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return clock.armedCount >= 2;
    });
    fault.isBusy = false;
    clock.advance(60_000);
    await until("a head is made", () => sent.length === 1);
    await audit.record([draftOf("y")]);
    await heads[Symbol.asyncDispose]();
    assert.deepEqual(
      sent.map(({ auditSeq }) => auditSeq),
      [1, 2],
    );
    assert.equal(clock.armedCount, 0);
  });
});
