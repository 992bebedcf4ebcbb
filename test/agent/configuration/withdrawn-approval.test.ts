/** A yes counts by the policy of the day on which it is carried out, and a person can say no until then (07 2.8, VA4). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { freePort } from "#scripts/free-port.ts";
import {
  approvalOf,
  channelsOn,
  configOf,
  MINUTE_MS,
  NOW_MS,
  trustOf,
} from "#test/support/configured-documents.ts";
import { passed, Site } from "#test/support/configured-site.ts";
import { KEYS } from "#test/support/signed-documents.ts";

const HOUR_MS = 60 * MINUTE_MS;
/** Noon in UTC is when the tests begin. */
const NIGHT = `  changeWindows: [{ days: [sun, mon, tue, wed, thu, fri, sat], from: "22:00", to: "23:00", zone: UTC }]\n`;
const [ANNA, BERT] = [KEYS.hospital[0], KEYS.hospital[1]];
const signedBy = (...keys: readonly { readonly hex: string }[]): string =>
  `  approval: { mode: signed, hospitalKeys: [${keys.map(({ hex }) => `"${hex}"`).join(", ")}] }\n`;

interface Scheduled extends AsyncDisposable {
  readonly site: Site;
  readonly digest: string;
  readonly port: number;
}

/** One that has its yes, and waits for the night; the machine is off. */
async function scheduled(
  approval: string,
  say: "document" | "person" | "rule",
): Promise<Scheduled> {
  const site = await Site.make({ policy: approval + NIGHT });
  const port = await freePort();
  const { envelope, digest } = configOf({ body: channelsOn(port) });
  await using machine = await site.start();
  await machine.taken(trustOf());
  await machine.taken(envelope);
  if (say === "document") await machine.taken(approvalOf({ subject: digest }, [ANNA]));
  if (say === "person") await machine.approved(digest);
  assert.equal(machine.state, "SCHEDULED");
  return { site, digest, port, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
}

async function untilNight(site: Site): Promise<void> {
  site.clock.advance(NOW_MS + 10 * HOUR_MS + MINUTE_MS - site.clock.nowMs());
  await passed(site.clock, 5_000);
}

describe("a yes by documents", () => {
  test("[VA4] of a key that the hospital has taken away since counts no more: it waits again, and no window applies it", async () => {
    await using one = await scheduled(signedBy(ANNA, BERT), "document");
    const { site, digest, port } = one;
    site.options = { policy: signedBy(BERT) + NIGHT };
    {
      await using machine = await site.start();
      assert.equal(machine.state, "AWAITING_APPROVAL");
      assert.equal((await machine.audit("config.awaitingApproval")).length, 2);
      await untilNight(site);
      assert.deepEqual([machine.state, machine.ports], ["AWAITING_APPROVAL", []]);
      assert.equal(await machine.taken(approvalOf({ subject: digest }, [BERT])), "PROBATION");
      assert.deepEqual(machine.ports, [port]);
    }
  });

  test("[VA4] with keys and threshold as they were it stays approved over a restart; a key that is back counts again", async () => {
    await using one = await scheduled(signedBy(ANNA, BERT), "document");
    const { site } = one;
    for (const [policy, state] of [
      [signedBy(ANNA, BERT), "SCHEDULED"],
      [signedBy(BERT), "AWAITING_APPROVAL"],
      [signedBy(ANNA), "SCHEDULED"],
    ] as const) {
      site.options = { policy: policy + NIGHT };
      await using machine = await site.start();
      assert.equal(machine.state, state);
    }
  });
});

describe("a yes by another mode", () => {
  test("[VC11] of a person is none where documents are asked for since, nor that of a rule where a person is", async () => {
    await using one = await scheduled("", "person");
    one.site.options = { policy: signedBy(ANNA) + NIGHT };
    await using machine = await one.site.start();
    assert.equal(machine.state, "AWAITING_APPROVAL");
  });

  test("[VC11] of a person stays good over a restart", async () => {
    await using one = await scheduled("", "person");
    await using machine = await one.site.start();
    assert.equal(machine.state, "SCHEDULED");
    await untilNight(one.site);
    await machine.until("PROBATION");
  });
});

describe("a no of a person at the machine", () => {
  test("[VA2] ends what waits for its window, whoever said yes to it", async () => {
    await using site = await Site.make({ policy: signedBy(ANNA) + NIGHT });
    const { envelope, digest } = configOf({ body: channelsOn(await freePort()) });
    await using machine = await site.start();
    await machine.taken(trustOf());
    assert.equal(await machine.taken(envelope), "AWAITING_APPROVAL");
    assert.equal(await machine.approved(digest, "reject"), "CONFIG_APPROVAL_MODE");
    assert.equal(await machine.taken(approvalOf({ subject: digest }, [ANNA])), "SCHEDULED");
    assert.equal(await machine.approved(digest), "CONFIG_NOT_WAITING");
    assert.equal(await machine.approved(digest, "reject"), "REFUSED");
    await untilNight(site);
    assert.deepEqual([machine.state, machine.ports], ["REFUSED", []]);
    assert.equal(machine.desk.status.newest?.reason, "REJECTED");
  });
});
