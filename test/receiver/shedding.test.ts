import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import { TLSSocket } from "node:tls";
import { TUNNEL_PATH } from "#protocol/limits.ts";
import { Admission } from "#receiver/admission.ts";
import type { Facts } from "#receiver/errors.ts";
import { identifierFrom } from "#receiver/errors.ts";
import { systemClock } from "#receiver/host/clock.ts";
import { LiveAgents } from "#receiver/live-agents.ts";
import type { Registry } from "#receiver/store/registry.ts";
import { StrangerLog } from "#receiver/stranger-log.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { until } from "#test/support/processes.ts";
import { issueAgent } from "./support/identities.ts";
import { knock } from "./support/knock.ts";
import { PlayedAgent } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

/** Whoever asks it has gone too far. */
const asked = (): Promise<never> => Promise.reject(new TypeError("the store was asked"));
const NO_REGISTRY = new Proxy({} as Registry, { get: () => asked });
const NO_STORE = { findAgent: asked, registry: NO_REGISTRY };

describe("shedding", () => {
  test("[TP5] above limits.connections the upgrade is answered 503 with Retry-After, before the gate", async () => {
    using folder = new ReceiverFolder({ more: "limits: { connections: 2 }" });
    const [one, two, three] = [
      await folder.newAgent(),
      await folder.newAgent(),
      await folder.newAgent(),
    ];
    await using receiver = await folder.open();
    const { port } = receiver.address;
    await using _one = await PlayedAgent.greet(port, one.identity);
    await using second = await PlayedAgent.greet(port, two.identity);
    // The gate would refuse a stranger: it is not asked, and neither is the store.
    for (const identity of [three.identity, await issueAgent("north/stranger"), undefined]) {
      const { status, retryAfter, body, reason } = await knock(port, identity);
      assert.deepEqual([status, body, reason], [503, "", undefined]);
      assert.match(retryAfter ?? "", /^(3[1-9]|[45]\d|60)$/);
    }
    const shed = folder.logged.filter(({ event }) => event === "agentShed");
    assert.equal(shed.length, 3);
    assert.match(String(shed[0]?.facts["peer"]), /^127\.0\.0\.1:\d+$/);
    assert.equal(
      folder.logged.some(({ event }) => event === "agentRefused"),
      false,
    );

    second.socket.close();
    await second.closed;
    await until("a place is free", async () => (await knock(port, three.identity)).status === 101);
  });

  test("[TP5] Retry-After is spread over as much time again", async () => {
    const answers: (string | undefined)[] = [];
    for (const unit of [0, 0.5, 0.999]) {
      using folder = new ReceiverFolder({ more: "limits: { connections: 1 }" });
      const { identity } = await folder.newAgent();
      await using receiver = await folder.open({ chance: { unit: () => unit } });
      await using _agent = await PlayedAgent.greet(receiver.address.port, identity);
      answers.push((await knock(receiver.address.port, identity)).retryAfter);
    }
    assert.deepEqual(answers, ["30", "45", "60"]);
  });

  test("[TP5] an upgrade is shed while 256 others wait for their WELCOME, and looked at when it is one less", async () => {
    const live = new LiveAgents();
    const written: string[] = [];
    const strangers = { write: (event: string) => void written.push(event) };
    const admission = new Admission(
      {
        ...{ trustDomain: "holdfast.local", connections: 1_000, chance: { unit: () => 0 } },
        ...{ strangers, connectionCount: () => 1, sourceOf: () => null, agentCas: [] },
      },
      { live, clock: systemClock, store: NO_STORE },
    );
    const request = new IncomingMessage(new Socket());
    request.url = TUNNEL_PATH;
    const silent = { fence: () => {}, lock: () => {}, wake: () => {}, destroy: () => {} };
    for (let agent = 0; agent < 256; agent++) live.arrived(agent, silent);
    const one = new TLSSocket(new Socket());
    assert.equal(await admission.admit(request, one), null);
    assert.deepEqual(written, ["agentShed"]);
    live.begun(7, 1, silent);
    const other = new TLSSocket(new Socket());
    assert.equal(await admission.admit(request, other), null);
    assert.deepEqual(written, ["agentShed", "agentRefused"]);
  });
});

describe("the log about strangers", () => {
  const PEER: Facts = { peer: identifierFrom("192.0.2.1:1") };
  const written = () => {
    const lines: string[] = [];
    const log = {
      write: (event: string, facts: Facts) => void lines.push(`${event} ${facts["count"] ?? ""}`),
      fault: () => {},
    };
    return { lines, log };
  };

  test("[TP5] writes 20 lines of a kind a minute, then how many more there were", () => {
    const steps = new ManualClock();
    const clock = { ...systemClock, after: steps.after.bind(steps) };
    const { lines, log } = written();
    using strangers = new StrangerLog(log, clock);
    for (let i = 0; i < 1_000; i++) strangers.write("agentRefused", PEER);
    strangers.write("agentShed", PEER);
    assert.equal(lines.length, 21);
    steps.advance(60_000);
    assert.deepEqual(lines.splice(0).slice(21), ["linesLeftOut 980"]);
    for (let i = 0; i < 20; i++) strangers.write("agentRefused", PEER);
    steps.advance(60_000);
    assert.equal(lines.length, 20);
    assert.equal(steps.armedCount, 0, "a quiet minute costs no timer");
  });

  test("[TP5] says at the end what it left out, and nothing if that is nothing", () => {
    const { lines, log } = written();
    {
      using strangers = new StrangerLog(log, systemClock);
      for (let i = 0; i < 23; i++) strangers.write("agentRefused", PEER);
    }
    assert.deepEqual(lines.slice(20), ["linesLeftOut 3"]);
  });
});
