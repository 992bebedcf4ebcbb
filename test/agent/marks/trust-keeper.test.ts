/** Store and marks together, over real starts: the table of 07 2.12 as an agent meets it. */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { describe, test } from "node:test";
import type { DeviceKey } from "#agent/audit/device-key.ts";
import { AgentError } from "#agent/errors.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { writeLastGood } from "#agent/marks/last-good.ts";
import { type Marks, markValues } from "#agent/marks/marks.ts";
import { thawValues } from "#agent/marks/trust-keeper.ts";
import { Recording } from "#agent/recording.ts";
import { STATUS_CHANNEL } from "#agent/status-channel.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";
import { AGENT, draftOf, newDeviceKey, TENANT } from "#test/support/test-trust.ts";

const DIGEST = "a".repeat(64);
const CHANNELS = [{ name: "adt" }, { name: STATUS_CHANNEL }];

interface Started extends AsyncDisposable {
  readonly recording: Recording;
  readonly conditions: Conditions;
}

class Site implements AsyncDisposable {
  readonly made: TestOutbox;
  readonly key: DeviceKey = newDeviceKey();

  private constructor(made: TestOutbox) {
    this.made = made;
  }

  static async make(): Promise<Site> {
    return new Site(await TestOutbox.open({ channels: CHANNELS }));
  }

  /** One start of the agent, as far as trust goes; ended by disposal. */
  async start(configSource: "local" | "signed" = "signed", hasDevice = true): Promise<Started> {
    await this.made.reopen();
    const conditions = new Conditions();
    const { outbox, stateDir } = this.made;
    const device = { key: this.key, tenant: TENANT, agent: AGENT, generation: () => 1 };
    const recording = await Recording.open({
      ...{ outbox, stateDir, version: "1.2.3", auditKeepDays: 2_190, configSource },
      ...(hasDevice ? { device } : {}),
      inspectLastGood: (bundle) => ({ kind: "verified", digest: Buffer.from(bundle).toString() }),
      ...{ clock: systemClock, chance: systemChance, log: silentLog, conditions },
    });
    return {
      ...{ recording, conditions },
      [Symbol.asyncDispose]: async () => {
        await recording[Symbol.asyncDispose]();
        await this.made.close();
      },
    };
  }

  /** A configuration is in force. */
  async applied(seqHigh: number, effectiveDigest = DIGEST): Promise<void> {
    await using one = await this.start();
    const values = markValues({ trustVersion: 1, epoch: 1, seqHigh, effectiveDigest });
    await one.recording.audit.record([draftOf("config.committed")], { values });
    writeLastGood(this.made.stateDir, Buffer.from(effectiveDigest));
  }

  damageStore(): void {
    rmSync(`${this.made.stateDir}/outbox`, { recursive: true });
    rmSync(`${this.made.stateDir}/keys`, { recursive: true });
  }

  damageMarks(): void {
    for (const name of ["marks-a", "marks-b"]) {
      rmSync(`${this.made.stateDir}/trust/${name}`, { force: true });
      cpSync("package.json", `${this.made.stateDir}/trust/${name}`);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.made[Symbol.asyncDispose]();
  }
}

const namesOf = ({ conditions }: Started): string[] =>
  conditions.list().map(({ condition }) => condition);

describe("trust state over starts", () => {
  test("[U22, U20] what was applied is there after a restart; marks say the same as the store", async () => {
    await using site = await Site.make();
    await site.applied(7);
    await using again = await site.start();
    const { keeper } = again.recording;
    assert.deepEqual(
      [keeper.verdict.kind, keeper.frozen, namesOf(again)],
      ["normal", undefined, []],
    );
    const { seqHigh, epoch, effectiveDigest } = keeper.marks;
    assert.deepEqual([seqHigh, epoch, effectiveDigest], [7, 1, DIGEST]);
  });

  test("[U22] a store that was put back is frozen with an alarm, through restarts, until a repair; nothing goes lower", async () => {
    await using site = await Site.make();
    await site.applied(7);
    const copy = `${site.made.stateDir}-copy`;
    cpSync(site.made.stateDir, copy, { recursive: true });
    await site.applied(9, "b".repeat(64));
    for (const part of ["outbox", "keys"]) {
      rmSync(`${site.made.stateDir}/${part}`, { recursive: true });
      cpSync(`${copy}/${part}`, `${site.made.stateDir}/${part}`, { recursive: true });
    }
    rmSync(copy, { recursive: true });
    for (let start = 0; start < 3; start++) {
      await using frozen = await site.start();
      const { keeper } = frozen.recording;
      assert.deepEqual([keeper.frozen, keeper.marks.seqHigh], ["storeBehind", 9]);
      assert.deepEqual(namesOf(frozen), ["trustRollback"]);
      assert.equal(keeper.verdict.kind === "frozen" && keeper.verdict.runs, "lastGood");
    }
    await using repaired = await site.start();
    const { audit, keeper } = repaired.recording;
    const { auditSeq: _, ...floor }: Marks = keeper.marks;
    await audit.record([draftOf("trust.repaired")], { values: thawValues(markValues(floor)) });
    await keeper.thawed();
    assert.deepEqual([keeper.frozen, namesOf(repaired)], [undefined, []]);
    await repaired[Symbol.asyncDispose]();
    await using after = await site.start();
    assert.deepEqual(
      [after.recording.keeper.verdict.kind, after.recording.keeper.marks.seqHigh],
      ["normal", 9],
    );
  });

  test("[U22] a store that is gone: last-good of the mark runs, the marks are the floor; of another digest nothing opens", async () => {
    await using site = await Site.make();
    await site.applied(7);
    site.damageStore();
    for (let start = 0; start < 2; start++) {
      await using frozen = await site.start();
      const { keeper } = frozen.recording;
      assert.deepEqual([keeper.frozen, keeper.marks.seqHigh], ["storeDamaged", 7]);
    }
    writeLastGood(site.made.stateDir, Buffer.from("c".repeat(64)));
    await assert.rejects(site.start(), (error) => error instanceof AgentError && error.exit === 78);
    await using local = await site.start("local");
    assert.equal(
      local.recording.keeper.frozen,
      "storeDamaged",
      "its channels run, its trust is frozen",
    );
  });

  test("[U22] store and marks damaged: frozen, and a further start does not take that for a new installation", async () => {
    await using site = await Site.make();
    await site.applied(7);
    site.damageStore();
    site.damageMarks();
    for (let start = 0; start < 3; start++) {
      await using frozen = await site.start();
      const { keeper } = frozen.recording;
      assert.equal(keeper.frozen, "allDamaged");
      assert.equal(keeper.verdict.kind === "frozen" && keeper.verdict.endedBy, "higherEpoch");
    }
  });

  test("[U22] without a device key nothing is frozen: there is nothing to keep out, and nobody could end it", async () => {
    await using site = await Site.make();
    await site.applied(7);
    site.damageStore();
    await using one = await site.start("local", false);
    const { keeper, audit } = one.recording;
    assert.deepEqual([keeper.verdict.kind, keeper.frozen], ["frozen", undefined]);
    assert.deepEqual(namesOf(one), []);
    await audit.record([draftOf("x")]);
    const rows = await site.made.outbox.trust.auditPage(0, 10);
    assert.ok(rows.some(({ bytes }) => Buffer.from(bytes).includes("trust.damaged")));
  });

  test("[U22] damaged marks beside a good store are written anew", async () => {
    await using site = await Site.make();
    await site.applied(7);
    site.damageMarks();
    {
      await using one = await site.start();
      assert.equal(one.recording.keeper.verdict.kind, "normal");
    }
    site.damageStore();
    await using after = await site.start();
    assert.equal(after.recording.keeper.marks.seqHigh, 7, "they were");
  });

  test("[U22] marks that cannot be written are a condition, and undo nothing", async () => {
    await using site = await Site.make();
    await site.applied(7);
    await using one = await site.start();
    rmSync(`${site.made.stateDir}/trust`, { recursive: true });
    await one.recording.audit.record([draftOf("x")], { values: markValues({ seqHigh: 8 }) });
    assert.deepEqual(namesOf(one), ["marksUnwritable"]);
    assert.equal(one.recording.keeper.marks.seqHigh, 8);
  });
});
