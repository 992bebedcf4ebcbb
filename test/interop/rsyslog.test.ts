/** A collector that nobody here wrote: rsyslog over TLS, as hospitals run it (08 6, A05). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Audit } from "#agent/audit/audit.ts";
import { Heads } from "#agent/audit/heads.ts";
import { readHeads } from "#agent/audit/read-heads.ts";
import { entrySpool, headSpool } from "#agent/audit-spool.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { type Clock, systemChance, systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { SiemFeed } from "#agent/siem/siem-feed.ts";
import { type SiemSettings, siemTls } from "#agent/siem/siem-tls.ts";
import { until } from "#test/support/processes.ts";
import { hasRsyslog, parametersIn, Rsyslog, SiemFiles } from "#test/support/siem.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";
import { AGENT, draftOf, newDeviceKey, recordMany, TENANT } from "#test/support/test-trust.ts";

const skip = hasRsyslog ? false : "not tested: syslog over TLS; rsyslog-openssl is not installed";

const HASTY: Clock = {
  nowMs: () => systemClock.nowMs(),
  monotonicMs: () => systemClock.monotonicMs(),
  after: (delayMs, act) =>
    systemClock.after(delayMs > 5_000 ? delayMs : Math.min(delayMs, 50), act),
};

const STANDING = {
  ...{ trustVersion: 1, epoch: 1, seqHigh: 3, effectiveDigest: null, state: null },
  ...{ generation: 1, clockSkewMs: null },
} as const;

async function audited() {
  const made = await TestOutbox.open();
  const { trust } = made.outbox;
  const audit = await Audit.open({ trust, clock: systemClock, conditions: new Conditions() });
  const key = newDeviceKey();
  const heads = await Heads.open({
    ...{ audit, trust, key, tenant: TENANT, agent: AGENT, version: "1.2.3" },
    ...{ standing: () => STANDING, send: async () => {} },
    ...{ clock: HASTY, chance: systemChance, log: silentLog },
  });
  return { made, trust, audit, heads, key };
}

type Audited = Awaited<ReturnType<typeof audited>>;

function feedTo(
  { trust }: Audited,
  settings: SiemSettings,
  conditions = new Conditions(),
): Promise<SiemFeed> {
  const { host, port } = settings;
  return SiemFeed.open({
    endpoint: { host, port, tls: () => siemTls(settings) },
    rows: [entrySpool(trust), headSpool(trust)],
    ...{ clock: HASTY, chance: systemChance, log: silentLog, conditions },
  });
}

const seqsIn = (collector: Rsyslog, kind: string): number[] =>
  collector.lines
    .filter(({ msgid }) => msgid === kind)
    .map(({ sd }) => Number(parametersIn(sd).get("auditSeq")));

describe("rsyslog", { skip }, () => {
  test("[A05, A03] takes entries and heads as they are, hostile ones on one line, and heads verify from its log", async () => {
    using files = await SiemFiles.make();
    await using collector = await Rsyslog.open(files);
    const one = await audited();
    await using _ = one.made;
    const hostile = '\r\n<13>1 - - - - - - forged\n"] \\" \u001b[2J\u2028';
    await one.audit.record([
      draftOf("config.refused", { subject: hostile, actor: { kind: "local", id: hostile } }),
    ]);
    const head = await one.heads.make();
    await using __ = await feedTo(one, files.settings(collector.port));
    await until("both are there", () => collector.lines.length >= 2);
    const [entry, sent] = collector.lines;
    assert.deepEqual([entry?.pri, entry?.app, entry?.msgid], ["110", "holdfast", "entry"]);
    const row = (await one.trust.auditPage(0, 1))[0];
    assert.equal(
      entry?.msg.trimStart(),
      Buffer.from(row?.bytes ?? []).toString(),
      "the bytes of the entry",
    );
    assert.equal(
      parametersIn(entry?.sd ?? "").get("auditHash"),
      Buffer.from(row?.hash ?? []).toString("hex"),
    );
    assert.equal(JSON.parse(entry?.msg ?? "{}").subject, hostile);
    assert.equal(collector.lines.length, 2, "nothing was forged");
    assert.deepEqual([sent?.pri, sent?.msgid], ["109", "head"]);
    // What somebody copies out of the collector is held against the audit.
    const found = readHeads(sent?.sd ?? "", { raw: one.key.raw, tenant: TENANT, agent: AGENT });
    assert.deepEqual(
      found.heads.map(({ auditSeq, auditHead }) => [auditSeq, auditHead]),
      [[head.auditSeq, head.auditHead]],
    );
    await one.heads[Symbol.asyncDispose]();
  });

  test("[A05] killed for long, it gets what came meanwhile, in order, from the store", async () => {
    using files = await SiemFiles.make();
    await using collector = await Rsyslog.open(files);
    const one = await audited();
    await using _ = one.made;
    await using feed = await feedTo(one, files.settings(collector.port));
    await recordMany(one.audit, 20);
    feed.wake();
    await until("the first are there", () => seqsIn(collector, "entry").length === 20);
    await collector.kill();
    await one.audit.record(Array.from({ length: 100 }, () => draftOf("meanwhile")));
    for (let index = 0; index < 30; index++) await one.heads.make();
    feed.wake();
    await collector.start();
    const heads = (): number => seqsIn(collector, "head").length;
    await until("all are there", () => seqsIn(collector, "entry").includes(120) && heads() >= 30);
    const seqs = seqsIn(collector, "entry");
    const [before, after] = [seqs.slice(0, 20), seqs.slice(20)];
    assert.deepEqual(
      before,
      Array.from({ length: 20 }, (__, index) => index + 1),
    );
    assert.deepEqual(
      after,
      Array.from({ length: after.length }, (__, index) => 121 - after.length + index),
    );
    assert.ok(after.length >= 100);
    await one.heads[Symbol.asyncDispose]();
  });

  test("[A05] that asks for a client certificate gets the configured one; without it nothing is sent", async () => {
    using files = await SiemFiles.make();
    await using collector = await Rsyslog.open(files, "x509/certvalid");
    const one = await audited();
    await using _ = one.made;
    await recordMany(one.audit, 3);
    const conditions = new Conditions();
    const anonymous = await feedTo(one, files.settings(collector.port), conditions);
    await until("it was refused again and again", () => conditions.list().length > 0);
    await anonymous[Symbol.asyncDispose]();
    assert.deepEqual(collector.lines, []);
    const own = { certificateFile: files.certificate("client"), keyFile: files.key("client") };
    await using __ = await feedTo(one, files.settings(collector.port, own));
    await until("they are there", () => collector.lines.length === 3);
    await one.heads[Symbol.asyncDispose]();
  });
});
