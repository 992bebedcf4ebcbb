/** Whose yes it takes, and when what was said yes to may start (07 2.8, VA1 to VA5, U03 to U06). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { freePort } from "#scripts/free-port.ts";
import {
  approvalOf,
  at,
  bundleOf,
  channelsOn,
  configOf,
  DAY_MS,
  MINUTE_MS,
  NOW_MS,
  trustOf,
} from "#test/support/configured-documents.ts";
import { type Machine, passed, Site } from "#test/support/configured-site.ts";
import { KEYS } from "#test/support/signed-documents.ts";

const HOUR_MS = 60 * MINUTE_MS;
const keysOf = (count: number): string =>
  KEYS.hospital
    .slice(0, count)
    .map(({ hex }) => `"${hex}"`)
    .join(", ");
const SIGNED = `  approval: { mode: signed, hospitalKeys: [${keysOf(2)}], hospitalKeyThreshold: 2 }\n`;
const [FIRST, SECOND] = [KEYS.hospital.slice(0, 1), KEYS.hospital.slice(1, 2)];
/** Noon in UTC is when the tests begin. */
const NIGHT = `  changeWindows: [{ days: [sun, mon, tue, wed, thu, fri, sat], from: "22:00", to: "23:00", zone: UTC }]\n`;

async function waiting(site: Site): Promise<{ machine: Machine; digest: string; port: number }> {
  const machine = await site.start();
  await machine.taken(trustOf());
  const port = await freePort();
  const made = configOf({ body: channelsOn(port) });
  assert.equal(await machine.taken(made.envelope), "AWAITING_APPROVAL");
  return { machine, digest: made.digest, port };
}

describe("approval by documents", () => {
  test("[VA1] [VA2] [VA3] [VA4] what is not the hospital's, not about it, or out of time leaves it waiting; two people start it", async () => {
    await using site = await Site.make({ policy: SIGNED });
    const { machine, digest, port } = await waiting(site);
    await using _ = machine;
    const subject = digest;
    for (const [code, envelope] of [
      ["SIGNATURES", approvalOf({ subject }, KEYS.config.slice(0, 2))],
      ["SIGNATURES", approvalOf({ subject }, KEYS.trust.slice(0, 2))],
      ["WRONG_RECIPIENT", approvalOf({ subject: "cd".repeat(32) })],
      ["WRONG_RECIPIENT", approvalOf({ subject, agent: "ward-2" })],
      ["WRONG_RECIPIENT", approvalOf({ subject, tenant: "south" })],
      ["EXPIRED", approvalOf({ subject, expires: at(NOW_MS) })],
      ["FUTURE", approvalOf({ subject, issuedAt: at(NOW_MS + HOUR_MS) })],
    ] as const) {
      assert.equal(await machine.taken(envelope), code);
      assert.equal(machine.state, "AWAITING_APPROVAL");
    }
    assert.equal(
      await machine.approved(digest),
      "CONFIG_APPROVAL_MODE",
      "one person at the machine is no way around",
    );
    assert.equal(await machine.taken(approvalOf({ subject }, FIRST)), "AWAITING_APPROVAL");
    const again = approvalOf({ subject, approver: "the same key" }, FIRST);
    assert.equal(await machine.taken(again), "AWAITING_APPROVAL", "one key is one voice");
    assert.deepEqual(machine.ports, []);
    assert.equal(await machine.taken(approvalOf({ subject }, SECOND)), "PROBATION");
    assert.deepEqual(machine.ports, [port]);
  });

  test("[U03] [VA1] [VT3] a key that the vendor's trust document names is none of the hospital's, even if local.yaml came to list it: it does not start", async () => {
    await using site = await Site.make();
    const { machine } = await waiting(site);
    await machine[Symbol.asyncDispose]();
    const [vendors, own] = [KEYS.config[0], KEYS.hospital[0]];
    site.options = {
      policy: `  approval: { mode: signed, hospitalKeys: ["${own.hex}", "${vendors.hex}"] }\n`,
    };
    await assert.rejects(
      site.start(),
      (error: unknown) =>
        error instanceof AgentError &&
        error.code === "HOSPITAL_KEY_IS_VENDORS" &&
        error.facts["key"] === vendors.id,
    );
    site.options = { policy: `  approval: { mode: signed, hospitalKeys: ["${own.hex}"] }\n` };
    await using again = await site.start();
    assert.equal(again.state, "AWAITING_APPROVAL");
  });

  test("[VA2] one rejection ends it", async () => {
    await using site = await Site.make({ policy: SIGNED });
    const { machine, digest: subject } = await waiting(site);
    await using _ = machine;
    await machine.taken(approvalOf({ subject }, FIRST));
    assert.equal(
      await machine.taken(approvalOf({ subject, decision: "reject" }, SECOND)),
      "REFUSED",
    );
    assert.equal(machine.desk.status.newest?.reason, "REJECTED");
    assert.equal(await machine.taken(approvalOf({ subject }, FIRST)), "NOT_WAITING", "it is burnt");
  });

  test("[VA2] an approval that comes before its configuration is told that nothing waits for it", async () => {
    await using site = await Site.make({ policy: SIGNED });
    await using machine = await site.start();
    await machine.taken(trustOf());
    assert.equal(await machine.taken(approvalOf({ subject: "cd".repeat(32) })), "NOT_WAITING");
    assert.deepEqual(await machine.audit("approval"), ["approval.refused NOT_WAITING"]);
  });

  test("[VA5] it starts from the latest notBefore on; approvals that came before a restart count after it", async () => {
    await using site = await Site.make({ policy: SIGNED });
    const { machine, digest: subject } = await waiting(site);
    await machine.taken(approvalOf({ subject, notBefore: at(NOW_MS + HOUR_MS) }, FIRST));
    await machine[Symbol.asyncDispose]();
    await using again = await site.start();
    assert.equal(
      await again.taken(approvalOf({ subject, notAfter: at(NOW_MS + 3 * HOUR_MS) }, SECOND)),
      "SCHEDULED",
    );
    await passed(site.clock, 5_000);
    assert.equal(again.state, "SCHEDULED");
    assert.match(again.desk.status.newest?.waitsFor ?? "", /2026-02-10T13:00:00/);
    site.clock.advance(HOUR_MS);
    await again.until("PROBATION");
  });

  test("[VA5] where what was approved has passed, it waits until its offer ends", async () => {
    await using site = await Site.make({ policy: SIGNED });
    const { machine, digest: subject } = await waiting(site);
    await using _ = machine;
    await machine.taken(approvalOf({ subject, notAfter: at(NOW_MS) }, FIRST));
    assert.equal(await machine.taken(approvalOf({ subject }, SECOND)), "SCHEDULED");
    site.clock.advance(31 * DAY_MS);
    await machine.until("REFUSED");
    assert.equal(machine.desk.status.newest?.reason, "EXPIRED");
  });

  test("[VC11] in mode local a document of the hospital is no approval", async () => {
    await using site = await Site.make({
      policy: `  approval: { mode: local, hospitalKeys: [${keysOf(1)}] }\n`,
    });
    const { machine, digest: subject } = await waiting(site);
    await using _ = machine;
    assert.equal(await machine.taken(approvalOf({ subject })), "POLICY");
    assert.equal(await machine.approved(subject, "reject"), "REFUSED");
  });
});

describe("change windows", () => {
  test("[U06] approved before the window it starts inside it; a window that was missed is waited for anew", async () => {
    await using site = await Site.make({ policy: NIGHT });
    const { machine, digest, port } = await waiting(site);
    assert.equal(await machine.approved(digest), "SCHEDULED");
    assert.deepEqual(machine.ports, []);
    // The machine is off in the window of this night.
    await machine[Symbol.asyncDispose]();
    site.clock.advance(11 * HOUR_MS + 1);
    await using again = await site.start();
    assert.equal(again.state, "SCHEDULED");
    site.clock.advance(22 * HOUR_MS);
    await passed(site.clock, 5_000);
    assert.deepEqual([again.state, again.ports], ["SCHEDULED", []]);
    site.clock.advance(HOUR_MS - 5_000);
    await again.until("PROBATION");
    assert.deepEqual(again.ports, [port]);
    const opened = new Date(site.clock.nowMs()).toISOString();
    assert.ok(opened >= "2026-02-11T22:00:00" && opened < "2026-02-11T22:01:00", opened);
  });

  test("[VC11] with standing approval a class that is listed starts by itself, and only then", async () => {
    const policy = "  approval: { mode: standing, standingClasses: [low, medium] }\n";
    await using site = await Site.make({ policy });
    await using machine = await site.start();
    const port = await freePort();
    const first = configOf({ body: channelsOn(port) });
    await machine.imported(bundleOf(first));
    assert.equal(machine.state, "AWAITING_APPROVAL", "a first listener is high");
    await machine.approved(first.digest);
    await passed(site.clock, 2 * MINUTE_MS + 5_000);
    await machine.until("COMMITTED");
    const channels = channelsOn(port).channels.map((one) => ({ ...one, idleTimeoutSeconds: 600 }));
    const second = configOf({ seq: 2, base: first.digest, body: { channels } });
    assert.equal(await machine.taken(second.envelope), "PROBATION", "a timeout is medium");
  });
});
