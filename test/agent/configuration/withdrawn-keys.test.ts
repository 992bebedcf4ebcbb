/** Keys that were withdrawn stay so on a machine whose store was put back (07 2.6, 2.12). */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "#scripts/free-port.ts";
import {
  bundleOf,
  channelsOn,
  configOf,
  headOf,
  type Made,
  MINUTE_MS,
  trustOf,
} from "#test/support/configured-documents.ts";
import { passed, Site } from "#test/support/configured-site.ts";
import { keyFrom, trust } from "#test/support/signed-documents.ts";

const NEW_KEYS = [keyFrom("config 4"), keyFrom("config 5")];

/** Takes the keys away that were stolen, as 2.6 says: with a higher epoch. */
function withdrawal(): Uint8Array {
  const { roles, keys } = trust();
  const config = { keyIds: NEW_KEYS.map(({ id }) => id), threshold: 2 };
  const added = Object.fromEntries(NEW_KEYS.map(({ id, hex }) => [id, hex]));
  return trustOf({
    ...{ version: 2, configEpoch: 2, keys: { ...keys, ...added } },
    roles: { ...roles, config },
  });
}

interface PutBack extends AsyncDisposable {
  readonly site: Site;
  readonly first: Made;
}

/** @param since what came between the copy of the store and the day on which it is put back */
async function putBack(since: readonly Uint8Array[]): Promise<PutBack> {
  const site = await Site.make();
  const first = configOf({ body: channelsOn(await freePort()) });
  {
    await using machine = await site.start();
    await machine.imported(bundleOf(first));
    await machine.approved(first.digest);
    await passed(site.clock, 2 * MINUTE_MS + 5_000);
    await machine.until("COMMITTED");
  }
  await site.keep();
  {
    await using machine = await site.start();
    for (const envelope of since) await machine.taken(envelope);
  }
  const trustFolder = join(site.stateDir, "trust");
  cpSync(trustFolder, join(site.folder, "trust"), { recursive: true });
  await site.reset();
  rmSync(trustFolder, { recursive: true });
  cpSync(join(site.folder, "trust"), trustFolder, { recursive: true });
  return { site, first, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
}

test("[U22] [VT2] keys that a later trust document has withdrawn sign nothing after an older store was put back, and end no freeze", async () => {
  await using one = await putBack([withdrawal()]);
  const { site } = one;
  const port = await freePort();
  const stolen = configOf({ epoch: 2, seq: 1, base: null, body: channelsOn(port) });
  {
    await using machine = await site.start();
    const { trustVersion, freeze, epoch } = machine.desk.status;
    assert.deepEqual([trustVersion, epoch, freeze], [1, 2, "trustState"]);
    assert.equal(await machine.taken(stolen.envelope), "SIGNATURES");
    assert.equal(await machine.taken(headOf({ epoch: 2 })), "SIGNATURES");
    const theirs = bundleOf(stolen, { trust: [], head: headOf({ epoch: 2 }) });
    assert.equal(await machine.repaired(theirs), "CONFIG_REPAIR_NEEDS_HEAD");
    assert.equal(machine.desk.status.freeze, "trustState");
  }
  await using machine = await site.start();
  const good = configOf({ epoch: 2, seq: 1, base: null, body: channelsOn(port) }, NEW_KEYS);
  assert.equal(
    await machine.repaired(bundleOf(good, { trust: [trustOf(), withdrawal()] })),
    "repaired",
  );
  assert.deepEqual(
    [machine.state, machine.desk.status.newest?.digest],
    ["AWAITING_APPROVAL", good.digest],
  );
  assert.equal(
    await machine.taken(configOf({ epoch: 2, seq: 2, base: null, body: {} }).envelope),
    "SIGNATURES",
  );
});

test("[VC3] [VT6] a head names no epoch into being: a repair ends where the trust document stands", async () => {
  const second = configOf({ seq: 2, base: "cd".repeat(32), body: channelsOn(1_024) });
  await using one = await putBack([second.envelope, trustOf({ version: 2 })]);
  await using machine = await one.site.start();
  assert.equal(machine.desk.status.freeze, "trustState");
  assert.equal(await machine.taken(trustOf({ version: 2 })), "accepted");
  assert.equal(await machine.taken(headOf({ epoch: Number.MAX_SAFE_INTEGER })), "accepted");
  assert.equal(await machine.repaired(), "repaired");
  assert.equal(machine.desk.status.epoch, 1);
  assert.equal(await machine.taken(trustOf({ version: 3, configEpoch: 2 })), "accepted");
  const next = configOf({ epoch: 2, seq: 1, base: null, body: channelsOn(await freePort()) });
  assert.equal(await machine.taken(next.envelope), "AWAITING_APPROVAL");
});

test("[VT7] a chain that is taken up again in the middle does not lower the mark", async () => {
  await using one = await putBack([withdrawal(), trustOf({ version: 3, configEpoch: 2 })]);
  await using machine = await one.site.start();
  const { keeper } = machine.recording;
  const before = keeper.marks.trustVersion;
  assert.ok(before > 1);
  assert.equal(await machine.taken(withdrawal()), "accepted");
  const { values } = await machine.outbox.outbox.trust.load();
  assert.equal(String(Buffer.from(values.get("trust.version") ?? [])), String(before));
});
