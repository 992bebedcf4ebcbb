/** A configuration from its arrival to the day it is known to be good, or goes back (07 2.10, 2.11). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "#scripts/free-port.ts";
import { bundleOf, channelsOn, configOf, MINUTE_MS } from "#test/support/configured-documents.ts";
import { passed, Site } from "#test/support/configured-site.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";

async function answeredOn(port: number, controlId: string): Promise<string[]> {
  await using socket = await MllpSocket.open(port);
  await socket.send(framed(adt(controlId)));
  return await socket.acknowledged(1);
}

test("[VC11] a bundle is imported, a person says yes, its listener opens, and after its probation it is known good", async () => {
  await using site = await Site.make();
  const port = await freePort();
  const made = configOf({ body: channelsOn(port) });
  {
    await using machine = await site.start();
    assert.deepEqual(machine.ports, []);
    assert.deepEqual(await machine.imported(bundleOf(made)), [
      "trust accepted",
      "config AWAITING_APPROVAL",
    ]);
    assert.equal(machine.desk.status.newest?.risk, "high");
    assert.deepEqual(machine.ports, [], "nothing is opened before the yes");
    assert.equal(await machine.approved(made.digest), "PROBATION");
    assert.deepEqual(machine.ports, [port]);
    assert.deepEqual(await answeredOn(port, "A1"), ["AA A1"]);
    await passed(site.clock, 2 * MINUTE_MS + 5_000);
    await machine.until("COMMITTED");
    assert.equal(machine.desk.status.lastGood?.digest, made.digest);
    assert.deepEqual(await machine.audit("config."), [
      ...["config.risk high", "config.received", "config.verified", "config.awaitingApproval"],
      ...["config.scheduled", "config.preflight", "config.applying", "config.probation"],
      "config.committed",
    ]);
  }
  // And after a restart it runs without anybody.
  await using again = await site.start();
  assert.deepEqual([again.ports, again.state], [[port], "COMMITTED"]);
  assert.deepEqual(await answeredOn(port, "A2"), ["AA A2"]);
});

test("[07 2.11] what a person takes back in probation is gone, what was good before runs, and its number is burnt", async () => {
  await using site = await Site.make();
  const [port, other] = [await freePort(), await freePort()];
  const first = configOf({ body: channelsOn(port) });
  await using machine = await site.start();
  await machine.imported(bundleOf(first));
  await machine.approved(first.digest);
  await passed(site.clock, 2 * MINUTE_MS + 5_000);
  await machine.until("COMMITTED");
  const second = configOf({ seq: 2, base: first.digest, body: channelsOn(port, other) });
  assert.equal(await machine.taken(second.envelope), "AWAITING_APPROVAL");
  assert.equal(await machine.rolledBack(), "CONFIG_NOT_IN_PROBATION");
  assert.equal(await machine.approved(second.digest), "PROBATION");
  assert.deepEqual(machine.ports, [port, other]);
  assert.equal(await machine.rolledBack(), "ROLLED_BACK");
  assert.deepEqual(machine.ports, [port]);
  assert.equal(await machine.taken(second.envelope), "BURNT");
  const third = configOf({ seq: 3, base: first.digest, body: channelsOn(other) });
  assert.equal(await machine.taken(third.envelope), "AWAITING_APPROVAL");
});
