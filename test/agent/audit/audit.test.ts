import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readEntry } from "#agent/audit/entry.ts";
import { verifyChain } from "#agent/audit/verify-chain.ts";
import { AgentError } from "#agent/errors.ts";
import { Conditions } from "#agent/health/conditions.ts";
import type { TrustChange } from "#agent/outbox/trust/trust-messages.ts";
import { TrustStore } from "#agent/outbox/trust/trust-store.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { until } from "#test/support/processes.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";
import { draftOf, openAudit, recordMany } from "#test/support/test-trust.ts";

/** The store, whose commits fail as long as it is told to. */
function failing(store: TrustStore) {
  const fault = { code: undefined as "STORE_FULL" | undefined };
  const trust = Object.create(store, {
    commit: {
      value: async (change: TrustChange) => {
        if (fault.code !== undefined) throw new AgentError(fault.code, {});
        await TrustStore.prototype.commit.call(store, change);
      },
    },
    auditHead: { value: () => store.auditHead() },
    auditPage: { value: (after: number, limit: number) => store.auditPage(after, limit) },
  }) as TrustStore;
  return { trust, fault };
}

async function actionsIn(trust: TrustStore): Promise<(string | undefined)[]> {
  const rows = await trust.auditPage(0, 500);
  return rows.map(({ bytes }) => readEntry(bytes)?.action);
}

describe("the audit", () => {
  test("[A01] goes on behind its last entry after a restart; the chain is whole", async () => {
    await using made = await TestOutbox.open();
    await recordMany(await openAudit(made.outbox.trust), 3);
    await made.reopen();
    const { trust } = made.outbox;
    const audit = await openAudit(trust);
    await audit.record([draftOf("one"), draftOf("two")]);
    const report = await verifyChain({ page: (after, limit) => trust.auditPage(after, limit) });
    assert.deepEqual([report.lastSeq, report.entryCount, report.findings], [5, 5, []]);
    assert.equal(report.head, Buffer.from(audit.head.hash).toString("hex"));
  });

  test("[A01] writes what is recorded at once in order, one after the other", async () => {
    await using made = await TestOutbox.open();
    const { trust } = made.outbox;
    const audit = await openAudit(trust);
    const heard: number[] = [];
    audit.onRecorded((rows) => heard.push(...rows.map(({ seq }) => seq)));
    const actions = Array.from({ length: 40 }, (_, index) => `act.${index}`);
    await Promise.all(actions.map((action) => audit.record([draftOf(action)])));
    assert.deepEqual(await actionsIn(trust), actions);
    assert.deepEqual(
      heard,
      actions.map((_, index) => index + 1),
    );
  });

  test("[A04] a change is refused where its entry cannot be written, with a condition; then it says what is missing", async () => {
    await using made = await TestOutbox.open();
    const { trust, fault } = failing(made.outbox.trust);
    const clock = new ManualClock();
    const conditions = new Conditions();
    const audit = await openAudit(trust, clock, conditions);
    fault.code = "STORE_FULL";
    const values = new Map([["config.seqHigh", Buffer.from("7")]]);
    for (const action of ["one", "two"]) {
      await assert.rejects(audit.record([draftOf(action)], { values }), {
        code: "AUDIT_UNWRITABLE",
      });
    }
    const [open] = conditions.list();
    assert.deepEqual([open?.condition, open?.facts["count"]], ["auditUnwritable", 2]);
    assert.equal((await made.outbox.trust.load()).values.size, 0);
    fault.code = undefined;
    clock.advance(5_000);
    await until("the audit is writable", () => conditions.list().length === 0);
    assert.deepEqual(await actionsIn(trust), ["audit.gap", "audit.writable"]);
    assert.equal(audit.lostCount, 0);
    await audit.record([draftOf("three")], { values });
    assert.equal((await made.outbox.trust.load()).values.size, 1);
  });

  test("[VM3] a nonce that is refused leaves the audit as it was", async () => {
    await using made = await TestOutbox.open();
    const conditions = new Conditions();
    const audit = await openAudit(made.outbox.trust, undefined, conditions);
    const nonces = { add: [{ nonce: new Uint8Array(16), expiresMs: 9 }] };
    await audit.record([draftOf("command.accepted")], { nonces });
    await assert.rejects(audit.record([draftOf("again")], { nonces }), { code: "NONCE_SEEN" });
    assert.deepEqual([audit.head.seq, conditions.list()], [1, []]);
    await audit.record([draftOf("command.refused")]);
    assert.deepEqual(await actionsIn(made.outbox.trust), ["command.accepted", "command.refused"]);
  });

  test("[A02] what others cause at will is 30 entries a minute; the rest is counted, and nothing goes", async () => {
    await using made = await TestOutbox.open();
    const { trust } = made.outbox;
    const clock = new ManualClock();
    const audit = await openAudit(trust, clock);
    await audit.record([draftOf("first")]);
    await Promise.all(Array.from({ length: 500 }, () => audit.note([draftOf("refused")])));
    clock.advance(60_000);
    await until("the summary is written", async () => (await trust.auditHead()).seq === 32);
    const [first, ...others] = await trust.auditPage(0, 500);
    assert.equal(readEntry(first?.bytes ?? new Uint8Array())?.action, "first");
    const last = readEntry(others.at(-1)?.bytes ?? new Uint8Array());
    assert.deepEqual([last?.action, last?.reason], ["audit.suppressed", "470 more"]);
  });

  test("[A04] what is shown only if it is recorded is not shown either where it would only be counted", async () => {
    await using made = await TestOutbox.open();
    const clock = new ManualClock();
    const { trust } = made.outbox;
    const audit = await openAudit(trust, clock);
    const shown = draftOf("quarantine.show");
    for (let count = 0; count < 40; count++) await audit.noteBefore(shown);
    assert.equal((await trust.auditHead()).seq, 30);
    await made.close();
    await assert.rejects(audit.noteBefore(shown), { code: "AUDIT_UNWRITABLE" });
  });

  test("[A02] a thousand records may wait; one more is refused, and counted", async () => {
    await using made = await TestOutbox.open();
    const { trust } = made.outbox;
    const audit = await openAudit(trust);
    const all = await Promise.allSettled(
      Array.from({ length: 1_003 }, () => audit.record([draftOf("x")])),
    );
    const refused = all.filter(({ status }) => status === "rejected").length;
    assert.equal(refused, 3);
    await audit.record([draftOf("y")]);
    const rows = [...(await trust.auditPage(0, 500)), ...(await trust.auditPage(500, 600))];
    const read = rows.map(({ bytes }) => readEntry(bytes));
    const gap = read.find((one) => one?.action === "audit.gap");
    assert.equal(gap?.reason, "3 entries could not be written");
    await audit[Symbol.asyncDispose]();
    await assert.rejects(audit.record([draftOf("z")]), { code: "AUDIT_UNWRITABLE" });
  });
});
