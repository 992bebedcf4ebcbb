/** What runs when trust state is not what it was, row by row of 07 2.12, and how a person ends it (U22). */
import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { noteEnrolment } from "#agent/marks/new-enrolment.ts";
import { freePort } from "#scripts/free-port.ts";
import {
  at,
  bundleOf,
  channelsOn,
  configOf,
  DAY_MS,
  headOf,
  type Made,
  MINUTE_MS,
  NOW_MS,
  trustOf,
} from "#test/support/configured-documents.ts";
import { passed, Site } from "#test/support/configured-site.ts";
import { KEYS, signed, trust } from "#test/support/signed-documents.ts";

const PROBATION_MS = 2 * MINUTE_MS + 5_000;

interface Scene extends AsyncDisposable {
  readonly site: Site;
  readonly ports: readonly number[];
  readonly made: readonly Made[];
  /** State folder as it was when the first one was in force. */
  readonly copy: string;
}

/** A machine on which two configurations came into force, one after the other; it is off now. */
async function scene(): Promise<Scene> {
  const site = await Site.make();
  const ports = [await freePort(), await freePort()];
  const first = configOf({ body: channelsOn(...ports.slice(0, 1)) });
  const second = configOf({ seq: 2, base: first.digest, body: channelsOn(...ports.slice(1)) });
  const copy = join(site.folder, "copy");
  for (const made of [first, second]) {
    const machine = await site.start();
    await machine.imported(bundleOf(made));
    await machine.approved(made.digest);
    await passed(site.clock, PROBATION_MS);
    await machine.until("COMMITTED");
    await machine[Symbol.asyncDispose]();
    if (made === first) cpSync(site.stateDir, copy, { recursive: true });
  }
  const made = [first, second];
  return { site, ports, made, copy, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
}

const storeOf = (site: Site): string => join(site.stateDir, "outbox");
const marksOf = (site: Site): string[] =>
  ["marks-a", "marks-b"].map((name) => join(site.stateDir, "trust", name));

function loseStore(site: Site): void {
  rmSync(storeOf(site), { recursive: true });
  rmSync(join(site.stateDir, "keys"), { recursive: true, force: true });
}

/** The folder of the store from another day; what lies beside it stays. */
function putBack({ site, copy }: Scene): void {
  for (const part of ["outbox", "keys"]) {
    rmSync(join(site.stateDir, part), { recursive: true, force: true });
    cpSync(join(copy, part), join(site.stateDir, part), { recursive: true });
  }
}

/** The right configuration, behind a chain that ends in a document which nobody here has signed. */
const foreign = (made: Made | undefined): Uint8Array => {
  const strangers = KEYS.config.slice(0, 2);
  const last = signed("trust", trust({ version: 2 }), strangers);
  return bundleOf(made, { trust: [trustOf(), last] });
};

const damageMarks = (site: Site): void => {
  for (const file of marksOf(site)) writeFileSync(file, "{}\nx\n");
};

async function assertFrozenAt(scene: Scene): Promise<void> {
  const { site, ports, made } = scene;
  await using machine = await site.start();
  assert.deepEqual(machine.ports, ports.slice(1), "last-good runs");
  const { freeze, effective, seqHigh } = machine.desk.status;
  assert.deepEqual([freeze, effective?.digest, seqHigh], ["trustState", made[1]?.digest, 2]);
  assert.ok(machine.conditionNames.includes("trustRollback"));
  const next = configOf({ seq: 3, base: made[1]?.digest ?? null, body: channelsOn(ports[0] ?? 0) });
  assert.equal(await machine.taken(next.envelope), "FROZEN");
}

describe("damaged trust state", () => {
  test("[U22] store good, marks damaged or gone: normal, and marks are written", async () => {
    await using one = await scene();
    const { site, ports } = one;
    for (const lose of [
      damageMarks,
      (at: Site) => marksOf(at).forEach((file) => void rmSync(file)),
    ]) {
      lose(site);
      await using machine = await site.start();
      assert.deepEqual([machine.ports, machine.desk.status.freeze], [ports.slice(1), undefined]);
      assert.equal(machine.recording.keeper.marks.seqHigh, 2);
      const written = marksOf(site).filter(
        (file) => existsSync(file) && readFileSync(file, "utf8").includes("seqHigh"),
      );
      assert.ok(written.length > 0);
    }
  });

  test("[U22] store from a copy, marks good: last-good runs, frozen, alarm; a start more ends nothing; a repair does", async () => {
    await using one = await scene();
    const { site, made, ports } = one;
    putBack(one);
    await assertFrozenAt(one);
    await assertFrozenAt(one);
    await using machine = await site.start();
    assert.equal(await machine.repaired(), "CONFIG_REPAIR_NEEDS_HEAD");
    const old = headOf({
      seq: 2,
      digest: made[1]?.digest ?? null,
      issuedAt: at(NOW_MS - DAY_MS),
      expires: at(NOW_MS + DAY_MS),
    });
    assert.equal(await machine.taken(old), "accepted");
    assert.equal(await machine.repaired(), "repaired");
    const { freeze, seqHigh } = machine.desk.status;
    assert.deepEqual([freeze, seqHigh], [undefined, 2]);
    assert.equal(await machine.taken(made[0]?.envelope ?? new Uint8Array()), "ROLLBACK");
    const next = configOf({
      seq: 3,
      base: made[1]?.digest ?? null,
      body: channelsOn(ports[0] ?? 0),
    });
    assert.equal(await machine.taken(next.envelope), "AWAITING_APPROVAL");
    await machine[Symbol.asyncDispose]();
    await using again = await site.start();
    assert.equal(again.desk.status.freeze, undefined);
  });

  test("[U22] store gone, marks good: last-good runs, the marks are the floor, frozen; a bundle repairs it", async () => {
    await using one = await scene();
    const { site, made, ports } = one;
    loseStore(site);
    await assertFrozenAt(one);
    await using machine = await site.start();
    const next = configOf({
      seq: 3,
      base: made[1]?.digest ?? null,
      body: channelsOn(ports[0] ?? 0),
    });
    assert.equal(await machine.repaired(bundleOf(next)), "repaired");
    assert.deepEqual([machine.state, machine.desk.status.seqHigh], ["AWAITING_APPROVAL", 3]);
  });

  test("[U22] store and marks damaged: last-good runs if it verifies from the anchor; only a higher epoch ends it", async () => {
    await using one = await scene();
    const { site, ports } = one;
    loseStore(site);
    damageMarks(site);
    await using machine = await site.start();
    assert.deepEqual([machine.ports, machine.desk.status.freeze], [ports.slice(1), "trustState"]);
    assert.equal(await machine.taken(headOf({})), "accepted");
    assert.equal(await machine.repaired(), "CONFIG_REPAIR_NEEDS_EPOCH");
    assert.equal(await machine.taken(trustOf({ version: 2 })), "accepted");
    assert.equal(machine.desk.status.freeze, "trustState", "the epoch is the same");
    assert.equal(await machine.taken(trustOf({ version: 3, configEpoch: 2 })), "accepted");
    assert.equal(machine.desk.status.freeze, undefined);
    const first = configOf({ epoch: 2, seq: 1, base: null, body: channelsOn(ports[0] ?? 0) });
    assert.equal(await machine.taken(first.envelope), "AWAITING_APPROVAL");
  });

  test("[U22] store and marks damaged: a new enrolment ends it, also at a start, once, and numbers do not begin anew", async () => {
    await using one = await scene();
    const { site, ports, made } = one;
    loseStore(site);
    damageMarks(site);
    {
      await using machine = await site.start();
      assert.equal(machine.desk.status.thawedBy, "higherEpoch");
      // Of another key: it was enrolled, and that identity is not in use.
      noteEnrolment(site.stateDir, KEYS.hospital[0].raw);
      await machine.opened.configuration.enrolled();
      assert.equal(machine.desk.status.freeze, "trustState");
      noteEnrolment(site.stateDir, site.device.key.raw);
      await machine.opened.configuration.enrolled();
      const { freeze, seqHigh, thawedBy } = machine.desk.status;
      assert.deepEqual([freeze, seqHigh, thawedBy], [undefined, 2, undefined]);
      assert.equal(machine.conditionNames.includes("trustRollback"), false);
      assert.deepEqual(machine.ports, ports.slice(1), "what runs goes on");
      assert.deepEqual(await machine.audit("trust.enrolled"), ["trust.enrolled epoch 1 seq 2"]);
      assert.equal(await machine.taken(made[0]?.envelope ?? new Uint8Array()), "ROLLBACK");
    }
    assert.equal(existsSync(join(site.stateDir, "trust/enrolled")), false, "it counts once");
    {
      await using machine = await site.start();
      assert.equal(machine.desk.status.freeze, undefined);
    }
    loseStore(site);
    damageMarks(site);
    noteEnrolment(site.stateDir, site.device.key.raw);
    await using machine = await site.start();
    assert.deepEqual([machine.ports, machine.desk.status.freeze], [ports.slice(1), undefined]);
  });

  test("[U22] a new enrolment does not end a freeze that a repair ends", async () => {
    await using one = await scene();
    putBack(one);
    noteEnrolment(one.site.stateDir, one.site.device.key.raw);
    await using machine = await one.site.start();
    const { freeze, thawedBy } = machine.desk.status;
    assert.deepEqual([freeze, thawedBy], ["trustState", "repair"]);
  });

  test("[U22] nothing is left, not even last-good: exit 78, and after a new enrolment it starts, with no port open", async () => {
    await using one = await scene();
    const { site, ports } = one;
    loseStore(site);
    damageMarks(site);
    rmSync(join(site.stateDir, "trust/last-good"));
    await assert.rejects(site.start(), { code: "TRUST_UNUSABLE", exit: 78 });
    noteEnrolment(site.stateDir, site.device.key.raw);
    site.enrolled = [trustOf({ version: 7, configEpoch: 4 })];
    await using machine = await site.start();
    const { freeze, trustVersion, epoch } = machine.desk.status;
    assert.deepEqual([machine.ports, freeze, trustVersion, epoch], [[], undefined, 7, 4]);
    const first = configOf({ epoch: 4, base: null, body: channelsOn(ports[0] ?? 0) });
    assert.equal(await machine.taken(first.envelope), "AWAITING_APPROVAL");
  });

  test("[U22] the chain that came with an identity is taken as far as it is newer; what was here before cures nothing", async () => {
    await using one = await scene();
    const { site } = one;
    loseStore(site);
    damageMarks(site);
    site.enrolled = [trustOf(), trustOf({ version: 2 }), trustOf({ version: 3, configEpoch: 2 })];
    await using machine = await site.start();
    const { freeze, trustVersion, epoch } = machine.desk.status;
    assert.deepEqual([freeze, trustVersion, epoch], ["trustState", 3, 2]);
    assert.equal(await machine.taken(trustOf({ version: 4, configEpoch: 3 })), "accepted");
    assert.equal(machine.desk.status.freeze, undefined);
  });

  test("[U22] with configSource: local the same two ways lead out: a higher epoch, a new enrolment", async () => {
    for (const way of ["epoch", "enrolment"] as const) {
      await using site = await Site.make({ configSource: "local" });
      site.enrolled = [trustOf()];
      await (await site.start())[Symbol.asyncDispose]();
      loseStore(site);
      damageMarks(site);
      {
        await using machine = await site.start();
        assert.equal(machine.desk.status.freeze, "trustState");
        assert.equal(await machine.repaired(), "CONFIG_REPAIR_NEEDS_EPOCH");
        if (way === "epoch") {
          const higher = trustOf({ version: 2, configEpoch: 2 });
          assert.deepEqual(
            await machine.imported(bundleOf(undefined, { trust: [trustOf(), higher] })),
            ["trust accepted"],
          );
        } else {
          noteEnrolment(site.stateDir, site.device.key.raw);
          await machine.opened.configuration.enrolled();
        }
        assert.equal(machine.desk.status.freeze, undefined, way);
      }
      await using machine = await site.start();
      assert.equal(machine.desk.status.freeze, undefined, `${way}: a start later`);
    }
  });

  test("[U22] last-good unusable beside a store that is not believed: no listener opens, exit 78 with the remedy", async () => {
    const lastGood = (site: Site): string => join(site.stateDir, "trust/last-good");
    const spoil: readonly [text: string, spoil: (one: Scene) => void][] = [
      ["gone", ({ site }) => rmSync(lastGood(site))],
      ["cut short", ({ site }) => truncateSync(lastGood(site), 100)],
      ["of foreign keys", ({ site, made }) => writeFileSync(lastGood(site), foreign(made[1]))],
      [
        "of another digest",
        ({ site, copy }) => cpSync(join(copy, "trust/last-good"), lastGood(site)),
      ],
    ];
    for (const [text, act] of spoil) {
      await using one = await scene();
      loseStore(one.site);
      act(one);
      const ended = await one.site.start().then(
        (machine) => machine[Symbol.asyncDispose](),
        (error: unknown) => error,
      );
      assert.ok(ended instanceof AgentError, text);
      assert.deepEqual([ended.code, ended.exit], ["TRUST_UNUSABLE", 78], text);
    }
  });
});

test("[U22] a store that is lost in the probation of another one: what was good before runs, not that one", async () => {
  await using site = await Site.make();
  const [port, other] = [await freePort(), await freePort()];
  const first = configOf({ body: channelsOn(port) });
  const second = configOf({ seq: 2, base: first.digest, body: channelsOn(other) });
  {
    await using machine = await site.start();
    await machine.imported(bundleOf(first));
    await machine.approved(first.digest);
    await passed(site.clock, PROBATION_MS);
    await machine.until("COMMITTED");
    await machine.taken(second.envelope);
    assert.equal(await machine.approved(second.digest), "PROBATION");
  }
  loseStore(site);
  await using machine = await site.start();
  const { freeze, seqHigh } = machine.desk.status;
  assert.deepEqual([machine.ports, freeze, seqHigh], [[port], "trustState", 2]);
});

test("[U22] last-good stays good when the keys that signed it are withdrawn", async () => {
  await using site = await Site.make();
  const port = await freePort();
  const first = configOf({ body: channelsOn(port) });
  {
    await using machine = await site.start();
    await machine.imported(bundleOf(first));
    await machine.approved(first.digest);
    await passed(site.clock, PROBATION_MS);
    await machine.until("COMMITTED");
    const { roles } = trust();
    const keyIds = KEYS.config.slice(1).map(({ id }) => id);
    const next = trustOf({ version: 2, roles: { ...roles, config: { keyIds, threshold: 2 } } });
    assert.equal(await machine.taken(next), "accepted");
  }
  // Written anew at each start, with the whole chain by now.
  await (await site.start())[Symbol.asyncDispose]();
  loseStore(site);
  await using machine = await site.start();
  assert.deepEqual([machine.ports, machine.desk.status.freeze], [[port], "trustState"]);
});

test("[U30] [VH1] [VH2] [VH3] with no head for eight days the agent says so, and one that names a newer number for a day, too; nothing stops", async () => {
  await using one = await scene();
  const { site, ports } = one;
  await using machine = await site.start();
  const isOpen = (name: string): boolean => machine.conditionNames.includes(name);
  const later = async (ms: number): Promise<void> => {
    site.clock.advance(ms);
    await passed(site.clock, 60_000);
  };
  const nowMs = site.clock.nowMs();
  const upToDate = headOf({ seq: 2, issuedAt: at(nowMs), expires: at(nowMs + 7 * DAY_MS) });
  assert.equal(await machine.taken(upToDate), "accepted");
  await later(MINUTE_MS);
  assert.deepEqual([isOpen("headStale"), isOpen("configStale")], [false, false]);
  const newer = headOf({
    seq: 3,
    issuedAt: at(nowMs + MINUTE_MS),
    expires: at(nowMs + 7 * DAY_MS),
  });
  assert.equal(await machine.taken(newer), "accepted");
  assert.equal(await machine.taken(upToDate), "ROLLBACK", "VH2");
  await later(DAY_MS - 10 * MINUTE_MS);
  assert.equal(isOpen("configStale"), false);
  await later(20 * MINUTE_MS);
  assert.equal(isOpen("configStale"), true);
  await later(6 * DAY_MS);
  assert.equal(isOpen("headStale"), false);
  await later(DAY_MS);
  assert.equal(isOpen("headStale"), true);
  assert.deepEqual(machine.ports, ports.slice(1));
  assert.equal(
    await machine.taken(
      headOf({
        seq: 3,
        issuedAt: at(site.clock.nowMs() - 8 * DAY_MS),
        expires: at(site.clock.nowMs()),
      }),
    ),
    "EXPIRED",
    "VH2",
  );
  const fresh = headOf({
    seq: 2,
    issuedAt: at(site.clock.nowMs()),
    expires: at(site.clock.nowMs() + DAY_MS),
  });
  assert.equal(await machine.taken(fresh), "accepted");
  await later(MINUTE_MS);
  assert.equal(isOpen("headStale"), false);
});
