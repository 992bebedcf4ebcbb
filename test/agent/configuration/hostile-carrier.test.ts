/** What whoever carries documents, or may offer them, can do with nothing but documents that are good (07 section 0). */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { encodePayload } from "#documents/sign.ts";
import { freePort } from "#scripts/free-port.ts";
import {
  approvalOf,
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
import { config, KEYS } from "#test/support/signed-documents.ts";

const keys = KEYS.hospital.map(({ hex }) => `"${hex}"`).join(", ");
const TWO_PEOPLE = `  approval: { mode: signed, hospitalKeys: [${keys}], hospitalKeyThreshold: 2 }\n`;
const [FIRST, SECOND] = [KEYS.hospital.slice(0, 1), KEYS.hospital.slice(1, 2)];

/** Two configurations whose digests begin alike: a holder of the vendor's keys makes as long a beginning as he likes. */
function alike(ports: readonly [number, number], digits: number): readonly [Made, Made] {
  const common = { offerExpires: at(NOW_MS + 30 * DAY_MS), maxAgent: "9.0.0" };
  const [read, other] = [1, 2].map((seq, index) =>
    config({ ...common, seq, body: channelsOn(ports[index] ?? 0) }),
  );
  const beginning = (of: object): string =>
    createHash("sha256").update(encodePayload("config", of)).digest("hex").slice(0, digits);
  const seen = new Map<string, string>();
  for (let n = 0; ; n++) {
    const ticket = `T-${n}`;
    seen.set(beginning({ ...read, ticket }), ticket);
    const found = seen.get(beginning({ ...other, ticket }));
    if (found === undefined) continue;
    return [configOf({ ...read, ticket: found }), configOf({ ...other, ticket })];
  }
}

test("[VC11] a yes is to the whole digest: another configuration that begins like the one that was read gets none", async () => {
  await using site = await Site.make();
  await using machine = await site.start();
  await machine.taken(trustOf());
  const [read, other] = alike([await freePort(), await freePort()], 4);
  assert.equal(await machine.taken(read.envelope), "AWAITING_APPROVAL");
  assert.equal(await machine.taken(other.envelope), "AWAITING_APPROVAL", "it supersedes");
  for (const said of [read.digest, read.digest.slice(0, 4), other.digest.slice(0, 63)]) {
    assert.equal(await machine.approved(said), "CONFIG_NOT_WAITING");
    assert.equal(await machine.approved(said, "reject"), "CONFIG_NOT_WAITING");
  }
  assert.deepEqual(machine.ports, []);
  const { waitsFor = "" } = machine.desk.status.newest ?? {};
  assert.ok(waitsFor.endsWith(`config approve ${other.digest}`), waitsFor);
  assert.equal(await machine.approved(other.digest), "PROBATION");
});

test("[VH3] [A02] a head that is repeated fills no audit, and does not hide since when a newer configuration is known of", async () => {
  await using site = await Site.make();
  await using machine = await site.start();
  const made = configOf({ body: channelsOn(await freePort()) });
  await machine.imported(bundleOf(made));
  await machine.approved(made.digest);
  await passed(site.clock, 2 * MINUTE_MS + 5_000);
  await machine.until("COMMITTED");
  const begunMs = site.clock.nowMs();
  for (let hours = 0; hours <= 30; hours += 10) {
    // Its signer works, and says each time that there is number 2; the carrier withholds that one.
    const newest = headOf({
      seq: 2,
      issuedAt: at(site.clock.nowMs()),
      expires: at(site.clock.nowMs() + DAY_MS),
    });
    const before = (await machine.audit("head")).length;
    for (let times = 0; times < 70; times++) assert.equal(await machine.taken(newest), "accepted");
    assert.equal((await machine.audit("head")).length, before + 1);
    if (hours < 30) site.clock.advance(10 * 60 * MINUTE_MS);
  }
  assert.ok(site.clock.nowMs() - begunMs > DAY_MS);
  await passed(site.clock, 60_000);
  assert.ok(machine.conditionNames.includes("configStale"));
});

test("[VA4] [A02] an approval that is repeated fills no audit; the same text signed apart by two people is two voices", async () => {
  await using site = await Site.make({ policy: TWO_PEOPLE });
  await using machine = await site.start();
  await machine.taken(trustOf());
  const made = configOf({ body: channelsOn(await freePort()) });
  await machine.taken(made.envelope);
  const before = (await machine.audit()).length;
  const said = { subject: made.digest, approver: "both of us" };
  for (let times = 0; times < 20; times++) {
    assert.equal(await machine.taken(approvalOf(said, FIRST)), "AWAITING_APPROVAL");
  }
  assert.deepEqual((await machine.audit()).slice(before), ["approval.accepted approve"]);
  assert.equal(await machine.taken(approvalOf(said, SECOND)), "PROBATION");
});
