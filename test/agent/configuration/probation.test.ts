/** What goes back by itself, and when nothing is changed any more (07 2.10, 2.11). */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { freePort } from "#scripts/free-port.ts";
import { drop, listener } from "#test/support/configurations.ts";
import {
  bundleOf,
  channelsOn,
  configOf,
  type Made,
  MINUTE_MS,
} from "#test/support/configured-documents.ts";
import { type Machine, passed, Site } from "#test/support/configured-site.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";

const PROBATION_MS = 2 * MINUTE_MS + 5_000;

/** A configuration is in force. */
async function committed(machine: Machine, site: Site, port: number): Promise<Made> {
  const made = configOf({ body: channelsOn(port) });
  await machine.imported(bundleOf(made));
  await machine.approved(made.digest);
  await passed(site.clock, PROBATION_MS);
  await machine.until("COMMITTED");
  return made;
}

async function offered(machine: Machine, made: Made): Promise<string> {
  assert.equal(await machine.taken(made.envelope), "AWAITING_APPROVAL");
  return await machine.approved(made.digest);
}

test("[U24] port in use, missing folder, bad certificate: PREFLIGHT; the old one runs, and the offer may run again", async (t) => {
  const folder = '  folderRoots: ["/tmp"]\n';
  await using site = await Site.make({ policy: `${folder}  tlsFolder: ../tls\n` });
  mkdirSync(join(site.folder, "tls"), { recursive: true });
  await using machine = await site.start();
  const port = await freePort();
  const first = await committed(machine, site, port);
  const taken = createServer().listen(0, "127.0.0.1");
  t.after(() => void taken.close());
  await once(taken, "listening");
  const { port: busy } = taken.address() as { port: number };
  await using socket = await MllpSocket.open(port);
  const missing = join(site.folder, "nowhere/in");
  const own = { ...listener({ name: "c1", host: "127.0.0.1", port, allow: ["127.0.0.1"] }) };
  const bad = [
    {
      channels: [
        own,
        listener({ name: "c2", host: "127.0.0.1", port: busy, allow: ["127.0.0.1"] }),
      ],
    },
    { channels: [own, drop({ name: "files", folder: missing })] },
    {
      channels: [
        { ...own, tls: { certificate: "a.crt", key: "a.key", clientCertificate: "optional" } },
      ],
    },
  ];
  let seq = 1;
  for (const [index, body] of bad.entries()) {
    seq += 1;
    const made = configOf({ seq, base: first.digest, body });
    assert.equal(await offered(machine, made), "REFUSED", String(index));
    const { newest } = machine.desk.status;
    assert.equal(newest?.reason, "PREFLIGHT");
    assert.equal(newest?.trouble.length, 1, "a person is told why");
    await socket.send(framed(adt(`B${index}`)));
    assert.equal((await socket.acknowledged(index + 1)).at(-1), `AA B${index}`);
    if (index === 0) {
      // The very same one, once the port is free.
      taken.close();
      await once(taken, "close");
      assert.equal(await offered(machine, made), "PROBATION");
      assert.equal(await machine.rolledBack(), "ROLLED_BACK");
    }
  }
  assert.deepEqual(machine.ports, [port]);
});

test("[U25] negative acknowledgments that are more than double in probation take it back, inside the probation", async () => {
  await using site = await Site.make();
  await using machine = await site.start();
  const port = await freePort();
  const first = await committed(machine, site, port);
  const channels = channelsOn(port).channels.map((one) => ({ ...one, allowedVersions: ["9.9"] }));
  const made = configOf({ seq: 2, base: first.digest, body: { channels } });
  assert.equal(await offered(machine, made), "PROBATION");
  await using socket = await MllpSocket.open(port);
  for (let count = 1; count <= 12; count++) await socket.send(framed(adt(`N${count}`)));
  await socket.acknowledged(12);
  await passed(site.clock, 15_000);
  await machine.until("ROLLED_BACK");
  const { newest, lastGood, effective } = machine.desk.status;
  assert.equal(newest?.reason, "probation");
  assert.match(newest?.trouble.join() ?? "", /twice as many errors/);
  assert.deepEqual([lastGood?.digest, effective?.digest], [first.digest, first.digest]);
  await using after = await MllpSocket.open(port);
  await after.send(framed(adt("P1")));
  assert.deepEqual(await after.acknowledged(1), ["AA P1"]);
  assert.equal(await machine.taken(made.envelope), "BURNT");
});

describe("the tunnel in probation", () => {
  const rows: readonly [text: string, up: boolean[], isWayOpen: boolean, state: string][] = [
    [
      "was up and stays down though the way is open: it goes back",
      [true, false, false, false, false],
      true,
      "ROLLED_BACK",
    ],
    ["was up and is down for a moment: nothing", [true, false, false, true], true, "PROBATION"],
    ["is down with the way cut: nothing", [true, false, false, false, false], false, "PROBATION"],
    ["was down before: nothing", [false, false, false, false, false], true, "PROBATION"],
  ];
  for (const [text, up, isWayOpen, state] of rows) {
    test(`[07 2.11] ${text}`, async () => {
      await using site = await Site.make();
      let isUp = up[0] === true;
      await using machine = await site.start({
        isTunnelUp: () => isUp,
        isWayOpen: async () => isWayOpen,
      });
      const made = configOf({ body: channelsOn(await freePort()) });
      await machine.imported(bundleOf(made));
      assert.equal(await machine.approved(made.digest), "PROBATION");
      for (const next of up.slice(1)) {
        isUp = next;
        await passed(site.clock, 5_000);
      }
      await passed(site.clock, 5_000);
      await machine.settled();
      await machine.until(state);
    });
  }
});

test("[U23] a configuration during which the process ends twice is taken back at the second start; its number is burnt", async () => {
  await using site = await Site.make();
  const [port, other] = [await freePort(), await freePort()];
  let first: Made;
  const second = () => configOf({ seq: 2, base: first.digest, body: channelsOn(other) });
  {
    await using machine = await site.start();
    first = await committed(machine, site, port);
    assert.equal(await offered(machine, second()), "PROBATION");
    await passed(site.clock, MINUTE_MS);
  }
  {
    await using machine = await site.start();
    assert.deepEqual([machine.state, machine.ports], ["PROBATION", [other]], "begins again");
    // All of it again: what had passed does not count.
    await passed(site.clock, MINUTE_MS + 30_000);
    assert.equal(machine.state, "PROBATION");
  }
  await using machine = await site.start();
  assert.deepEqual([machine.state, machine.ports], ["ROLLED_BACK", [port]]);
  assert.equal(machine.desk.status.newest?.reason, "restarts");
  assert.equal(await machine.taken(second().envelope), "BURNT");
  assert.equal(machine.desk.status.seqHigh, 2);
});

test("[07 2.11] three in a row that go back freeze changes until a person repairs it; traffic goes on", async () => {
  await using site = await Site.make();
  const port = await freePort();
  await using machine = await site.start();
  const first = await committed(machine, site, port);
  for (const seq of [2, 3, 4]) {
    const made = configOf({ seq, base: first.digest, body: channelsOn(port, await freePort()) });
    assert.equal(await offered(machine, made), "PROBATION");
    assert.equal(await machine.rolledBack(), "ROLLED_BACK");
  }
  assert.equal(machine.desk.status.freeze, "safeMode");
  assert.ok(machine.conditionNames.includes("configFrozen"));
  assert.deepEqual(machine.ports, [port]);
  const fifth = configOf({ seq: 5, base: first.digest, body: channelsOn(port) });
  assert.equal(await machine.taken(fifth.envelope), "FROZEN");
  assert.equal(await machine.repaired(), "repaired");
  assert.ok(!machine.conditionNames.includes("configFrozen"));
  assert.equal(await machine.repaired(), "CONFIG_NOT_FROZEN");
  assert.equal(await machine.taken(fifth.envelope), "AWAITING_APPROVAL");
});

test("[07 2.11] two crashes of last known good within ten minutes freeze changes; a stop that was asked for counts nothing", async () => {
  await using site = await Site.make();
  const port = await freePort();
  {
    await using machine = await site.start();
    await committed(machine, site, port);
  }
  for (let stops = 0; stops < 3; stops++) {
    await using machine = await site.start();
    assert.equal(machine.desk.status.freeze, undefined);
  }
  await site.crash();
  await site.crash();
  await using machine = await site.start();
  assert.deepEqual([machine.desk.status.freeze, machine.ports], ["safeMode", [port]]);
});

test("[07 2.7] a policy that forbids a channel in effect closes it with an alarm, and nothing else", async () => {
  await using site = await Site.make();
  const [port, other] = [await freePort(), await freePort()];
  const made = configOf({ body: channelsOn(port, other) });
  {
    await using machine = await site.start();
    await machine.imported(bundleOf(made));
    await machine.approved(made.digest);
    await passed(site.clock, PROBATION_MS);
    await machine.until("COMMITTED");
  }
  site.options = { ports: `[${port}]` };
  await using machine = await site.start();
  assert.deepEqual(machine.ports, [port]);
  const open = machine.conditions.list().find(({ condition }) => condition === "policyForbids");
  assert.deepEqual([open?.subject, open?.facts["rule"]], ["c2", "policy.listenPorts"]);
  const fitting = configOf({ seq: 2, base: made.digest, body: channelsOn(port) });
  assert.equal(await offered(machine, fitting), "PROBATION");
  assert.ok(!machine.conditionNames.includes("policyForbids"), "what runs is forbidden nothing");
  assert.equal(await machine.rolledBack(), "ROLLED_BACK");
  assert.ok(machine.conditionNames.includes("policyForbids"), "it runs without that channel again");
});

test("[VC9] a policy that has become narrower while it waited refuses it before it is tried; in probation it goes back", async () => {
  const window = `  changeWindows: [{ days: [sun, mon, tue, wed, thu, fri, sat], from: "22:00", to: "23:00", zone: UTC }]\n`;
  await using site = await Site.make({ policy: window });
  const port = await freePort();
  const made = configOf({ body: channelsOn(port) });
  {
    await using machine = await site.start();
    await machine.imported(bundleOf(made));
    assert.equal(await machine.approved(made.digest), "SCHEDULED");
  }
  site.options = { policy: window, ports: "[1]" };
  {
    await using machine = await site.start();
    site.clock.advance(10 * 60 * MINUTE_MS);
    await machine.until("REFUSED");
    assert.equal(machine.desk.status.newest?.reason, "POLICY");
    assert.deepEqual(machine.ports, []);
  }
  site.options = {};
  const next = configOf({ seq: 2, body: channelsOn(port) });
  {
    await using machine = await site.start();
    assert.equal(await offered(machine, next), "PROBATION");
  }
  site.options = { ports: "[1]" };
  await using machine = await site.start();
  assert.deepEqual([machine.state, machine.ports], ["ROLLED_BACK", []]);
});
