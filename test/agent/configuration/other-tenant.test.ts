/** A machine that was enrolled for another tenant: what the one before has signed is believed no more (07 1.5, V10). */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deviceKeyOf } from "#agent/audit/device-key.ts";
import { noteEnrolment } from "#agent/marks/new-enrolment.ts";
import { freePort } from "#scripts/free-port.ts";
import {
  bundleOf,
  channelsOn,
  configOf,
  headOf,
  MINUTE_MS,
  trustOf,
} from "#test/support/configured-documents.ts";
import { passed, Site } from "#test/support/configured-site.ts";
import { KEYS, keyFrom, RECIPIENT, trust } from "#test/support/signed-documents.ts";

const SOUTH = { tenant: "south", agent: RECIPIENT.agent };
const SOUTHS_KEYS = [keyFrom("south's config 1"), keyFrom("south's config 2")];

/** The first document of the other tenant, with keys of its own for configurations. */
function southsTrust(change: { readonly version?: number } = {}): Uint8Array {
  const { keys, roles } = trust();
  const others = Object.entries(keys).filter(([id]) => !KEYS.config.some((key) => key.id === id));
  return trustOf({
    ...{ tenant: "south", version: 1, configEpoch: 1, ...change },
    keys: Object.fromEntries([...others, ...SOUTHS_KEYS.map(({ id, hex }) => [id, hex] as const)]),
    roles: { ...roles, config: { keyIds: SOUTHS_KEYS.map(({ id }) => id), threshold: 2 } },
  });
}

interface Moved extends AsyncDisposable {
  readonly site: Site;
  readonly port: number;
}

/** It ran a configuration of the first tenant, in its epoch 3 and under its trust document 2, and was enrolled anew. */
async function moved(): Promise<Moved> {
  const site = await Site.make();
  const port = await freePort();
  const first = configOf({ epoch: 3, seq: 7, base: null, body: channelsOn(port) });
  {
    await using machine = await site.start();
    const chain = [trustOf(), trustOf({ version: 2, configEpoch: 3 })];
    await machine.imported(bundleOf(first, { trust: chain, head: headOf({ epoch: 3, seq: 7 }) }));
    await machine.approved(first.digest);
    await passed(site.clock, 2 * MINUTE_MS + 5_000);
    await machine.until("COMMITTED");
  }
  const key = deviceKeyOf(keyFrom("the second device").privateKey);
  site.device = { ...site.device, ...SOUTH, key };
  site.enrolled = [southsTrust()];
  noteEnrolment(site.stateDir, key.raw);
  return { site, port, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
}

test("[V10] [VT1] the trust document of another tenant is not in force: what is begins with the chain of the enrolment", async () => {
  await using one = await moved();
  const { site } = one;
  site.enrolled = [];
  {
    await using machine = await site.start();
    const { trustVersion, epoch, seqHigh } = machine.desk.status;
    assert.deepEqual([trustVersion, epoch, seqHigh], [0, 0, 0]);
    // Signed by keys that the other tenant's document names.
    const theirs = configOf({ ...SOUTH, epoch: 3, seq: 8, base: null, body: channelsOn(1_024) });
    assert.equal(await machine.taken(theirs.envelope), "SIGNATURES");
    assert.equal(await machine.taken(headOf({ ...SOUTH, epoch: 3 })), "SIGNATURES");
  }
  site.enrolled = [southsTrust()];
  await using machine = await site.start();
  const { trustVersion, epoch, freeze } = machine.desk.status;
  assert.deepEqual([trustVersion, epoch, freeze], [1, 1, undefined]);
  assert.equal(machine.recording.keeper.marks.trustVersion, 1);
  assert.equal(await machine.taken(southsTrust({ version: 2 })), "accepted");
});

test("[A01] [VC3] [VC5] numbers begin anew, what the hospital said yes to goes on, and the first configuration has no base", async () => {
  await using one = await moved();
  const { site, port } = one;
  const another = await freePort();
  const body = channelsOn(another);
  const next = configOf({ ...SOUTH, epoch: 1, seq: 1, base: null, body }, SOUTHS_KEYS);
  {
    await using machine = await site.start();
    assert.deepEqual(machine.ports, [port]);
    const audit = await machine.audit();
    assert.ok(audit.includes("identity.enrolled"), "it was enrolled while it was off");
    assert.ok(audit.includes("trust.tenantChanged"));
    assert.deepEqual(
      machine.conditionNames.filter((name) => /^(last|config|trust)/.test(name)),
      [],
    );
    assert.equal(await machine.taken(next.envelope), "AWAITING_APPROVAL");
    assert.equal(await machine.approved(next.digest), "PROBATION");
    await passed(site.clock, 2 * MINUTE_MS + 5_000);
    await machine.until("COMMITTED");
  }
  await using machine = await site.start();
  assert.deepEqual([machine.ports, machine.desk.status.freeze], [[another], undefined]);
  assert.deepEqual(
    machine.conditionNames.filter((name) => name === "lastGoodUnwritable"),
    [],
  );
  for (const once of ["trust.tenantChanged", "identity.enrolled"]) {
    assert.equal((await machine.audit()).filter((line) => line === once).length, 1, once);
  }
});

test("[U22] an older store of the other tenant that is put back is no enrolment: nothing goes below the marks", async () => {
  await using one = await moved();
  const { site } = one;
  await site.keep();
  {
    await using machine = await site.start();
    assert.equal(await machine.taken(southsTrust({ version: 2 })), "accepted");
  }
  const [marks, kept] = [join(site.stateDir, "trust"), join(site.folder, "trust")];
  cpSync(marks, kept, { recursive: true });
  await site.reset();
  rmSync(marks, { recursive: true });
  cpSync(kept, marks, { recursive: true });
  // The last known good one beside it is of the other tenant.
  await assert.rejects(site.start(), { code: "TRUST_UNUSABLE" });
  site.options = { configSource: "local" };
  await using machine = await site.start();
  assert.equal(machine.recording.keeper.frozen, "storeBehind");
  assert.ok(machine.recording.keeper.marks.trustVersion >= 2);
  assert.equal(machine.opened.configuration.ledger.currentTrust, undefined);
});
