/** 08 9, D04: who uses a probe to look around. X8: no host is reached that configuration does not name. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { Consent } from "#agent/control/consent.ts";
import type { ProbeHost } from "#agent/control/facts.ts";
import { isForbidden } from "#agent/control/probe-places.ts";
import { type ProbeNetwork, Probes } from "#agent/control/probes.ts";
import { SupportSwitch } from "#agent/control/support-switch.ts";
import { Tokens } from "#agent/control/tokens.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { probeNetwork } from "#agent/probe-network.ts";
import { policy } from "#config/policy.ts";
import { ManualClock } from "#test/support/clocks.ts";

const HOST: ProbeHost = { host: "ris.hospital.example", port: 2575, use: "destination" };
const LITERAL: ProbeHost = { host: "127.0.0.1", port: 22, use: "destination" };

function bench(hosts: readonly ProbeHost[], addresses: readonly string[]) {
  const clock = new ManualClock();
  const support = { ...policy.parse({}).support, consentLevel: 2 };
  const killSwitch = new SupportSwitch("/nonexistent/holdfast");
  const consent = new Consent({ policy: support, clock, killSwitch });
  consent.open(4, "T-1");
  const called: string[] = [];
  const network: ProbeNetwork = {
    resolve: async (host) => {
      called.push(`resolve ${host}`);
      return addresses;
    },
    connect: async (address, port) => {
      called.push(`connect ${address} ${port}`);
      return { destroy: () => {} } as unknown as Socket;
    },
    certificates: async () => [],
  };
  const probes = new Probes({ hosts: () => hosts, network, consent, clock });
  const ask = (kind: "dns" | "tcp" | "tls", index = 0) =>
    probes.probe(kind, index, new Tokens(systemChance), new AbortController().signal);
  return { clock, consent, called, ask };
}

describe("a probe that looks around", () => {
  test("[D04] [X8] of a host that is not listed nothing is asked", async () => {
    const { ask, called } = bench([HOST], ["10.1.2.3"]);
    await assert.rejects(ask("tcp", 1), { code: "PROBE_HOST_UNKNOWN" });
    await assert.rejects(ask("tcp", 65_535), { code: "PROBE_HOST_UNKNOWN" });
    assert.deepEqual(called, []);
  });

  for (const address of ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1"]) {
    test(`[D04] a name that leads to ${address} is not connected to`, async () => {
      const { ask, called } = bench([HOST], ["10.1.2.3", address]);
      await assert.rejects(ask("tcp"), { code: "PROBE_FORBIDDEN" });
      assert.deepEqual(called, [`resolve ${HOST.host}`]);
    });
  }

  test("[D04] what is forbidden, whatever it is written as, and what is not", () => {
    const forbidden = [
      "0.0.0.0",
      "127.9.9.9",
      "::",
      "fd00:ec2::254",
      "224.0.0.1",
      "x",
      "fe80::1%eth0",
    ];
    for (const one of forbidden) assert.equal(isForbidden(one), true, one);
    for (const one of [
      "10.0.0.1",
      "192.168.1.1",
      "172.16.0.1",
      "8.8.8.8",
      "fd12::1",
      "2001:db8::1",
    ]) {
      assert.equal(isForbidden(one), false, one);
    }
  });

  test("[D04] an address that stands in configuration is probed, without a look-up", async () => {
    const { ask, called } = bench([LITERAL], []);
    await ask("tcp");
    assert.deepEqual(called, ["connect 127.0.0.1 22"]);
  });

  test("[D04] DNS rebinding: a name is resolved once, and that address is the one connected to", async () => {
    const { ask, called } = bench([HOST], ["10.1.2.3"]);
    await ask("tls");
    assert.deepEqual(called, [`resolve ${HOST.host}`, "connect 10.1.2.3 2575"]);
  });

  test("[D04] 65,535 probes: one in ten seconds, twenty in a window", async () => {
    const { ask, clock, consent, called } = bench([LITERAL], []);
    await ask("tcp");
    await assert.rejects(ask("tcp"), { code: "PROBE_RATE" });
    for (let count = 1; count < 20; count++) {
      clock.advance(10_000);
      await ask("tcp");
    }
    clock.advance(10_000);
    await assert.rejects(ask("tcp"), { code: "PROBE_RATE" });
    assert.equal(called.length, 20);
    consent.open(4, "T-2");
    await ask("tcp");
  });

  test("[D05] a window ends by itself, and a machine that slept does not prolong it", () => {
    const { consent, clock } = bench([], []);
    assert.equal(consent.objection(2), undefined);
    clock.advance(4 * 3_600_000 - 1);
    assert.equal(consent.objection(2), undefined);
    clock.advance(1);
    assert.equal(consent.objection(2), "CONSENT");
    assert.throws(() => consent.open(5, "T-3"), { code: "SUPPORT_WINDOW_TOO_LONG" });
    consent.open(1, "T-3");
    consent.close();
    assert.equal(consent.objection(2), "CONSENT");
    assert.equal(consent.objection(1), undefined);
  });
});

test("[08 4.4] over the real network: reached or not is an answer, with a code and no name", async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { readonly port: number };
  const consent = { window: undefined };
  const clock = new ManualClock();
  const hosts = [
    { ...LITERAL, port },
    { ...LITERAL, port: 1 },
  ];
  const probes = new Probes({
    ...{ hosts: () => hosts, network: probeNetwork(systemClock), consent, clock },
  });
  const { signal } = new AbortController();
  const reached = await probes.probe("tcp", 0, new Tokens(systemChance), signal);
  assert.equal((reached as { readonly failed?: string }).failed, undefined);
  clock.advance(10_000);
  const refused = await probes.probe("tcp", 1, new Tokens(systemChance), signal);
  const { failed, code } = refused as Readonly<Record<string, unknown>>;
  assert.deepEqual([failed, code], ["connect", "TUNNEL_TCP_REFUSED"]);
  clock.advance(10_000);
  const unsecured = await probes.probe("tls", 0, new Tokens(systemChance), signal);
  assert.equal((unsecured as Readonly<Record<string, unknown>>)["failed"], "secure");
  server.close();
});
