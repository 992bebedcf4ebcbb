import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { GOAWAY_CODE } from "#protocol/frame.ts";
import { LiveAgents } from "#receiver/live-agents.ts";
import { issueAgent } from "./support/identities.ts";
import { helloFrame, PlayedAgent } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const NAME = "north/ward-1";
const identity = await issueAgent(NAME);

/** Connects as one of two copies: they differ in the nonce alone. */
async function greetAs(copy: number, port: number, who: IssuedIdentity): Promise<PlayedAgent> {
  const agent = await PlayedAgent.connect(port, who);
  agent.send(helloFrame({ instanceNonce: new Uint8Array(16).fill(copy) }));
  return agent;
}

async function greetedAs(copy: number, port: number, who: IssuedIdentity): Promise<PlayedAgent> {
  const agent = await greetAs(copy, port, who);
  await agent.next("welcome");
  return agent;
}

describe("two live copies", () => {
  test("[TP33] [G8] [T-C08] both are told DUPLICATE_IDENTITY, nobody is let in until unlock, the alarm is logged", async () => {
    using folder = new ReceiverFolder();
    await folder.add(NAME, identity);
    await using receiver = await folder.open();
    const { port } = receiver.address;
    for (const copy of [1, 2, 1]) {
      await using _ = await greetedAs(copy, port, identity);
    }
    await using one = await greetedAs(2, port, identity);
    await using other = await greetAs(1, port, identity);
    for (const agent of [one, other]) {
      assert.equal((await agent.next("goaway")).code, GOAWAY_CODE.duplicateIdentity);
      assert.equal(await agent.closed, 1000);
    }
    const locked = folder.logged.filter(({ event }) => event === "agentLocked");
    assert.deepEqual(locked, [
      { event: "agentLocked", facts: { tenant: "north", agent: "ward-1" } },
    ]);

    await assert.rejects(PlayedAgent.connect(port, identity), /401/);
    assert.equal(folder.logged.at(-1)?.event, "agentRefused");
    assert.equal(folder.logged.at(-1)?.facts["reason"], "AGENT_LOCKED");
    const list = await folder.run("agent", "list", "--config", folder.config);
    assert.match(list.out, /^north\/ward-1 .* LOCKED since 20/);
    const unlock = await folder.run("agent", "unlock", NAME, "--config", folder.config);
    assert.deepEqual([unlock.code, unlock.out], [0, "north/ward-1 may connect\n"]);
    await using again = await greetedAs(1, port, identity);
    await again.open();
  });

  test("[07 1.7] unlock of an agent that is not known, or of no name, says so", async () => {
    using folder = new ReceiverFolder();
    const unknown = await folder.run("agent", "unlock", NAME, "--config", folder.config);
    assert.equal(unknown.code, 65);
    assert.match(unknown.err, /AGENT_UNKNOWN/);
    assert.equal((await folder.run("agent", "unlock", "x", "--config", folder.config)).code, 64);
  });
});

describe("one connection an agent", () => {
  test("[RI2] a newer session closes the older one at once with FENCED, though it is idle", async () => {
    using folder = new ReceiverFolder();
    await folder.add(NAME, identity);
    await using receiver = await folder.open();
    await using older = await greetedAs(1, receiver.address.port, identity);
    await using newer = await greetedAs(1, receiver.address.port, identity);
    assert.equal((await older.next("goaway")).code, GOAWAY_CODE.fenced);
    assert.equal(await older.closed, 1000);
    await newer.open();
  });

  test("[TP1] a socket that said nothing is dropped when the agent dials again", async () => {
    using folder = new ReceiverFolder();
    await folder.add(NAME, identity);
    await using receiver = await folder.open();
    await using silent = await PlayedAgent.connect(receiver.address.port, identity);
    await using next = await PlayedAgent.connect(receiver.address.port, identity);
    assert.equal(await silent.closed, 1006);
    assert.equal(next.socket.readyState, next.socket.OPEN);
  });

  const watched = () => {
    const told: string[] = [];
    const connection = {
      fence: () => void told.push("fence"),
      lock: () => void told.push("lock"),
      wake: () => void told.push("wake"),
      destroy: () => void told.push("destroy"),
    };
    return { told, connection };
  };

  test("[RI2] answers of a store that cross leave the higher session", () => {
    const live = new LiveAgents();
    const [young, old] = [watched(), watched()];
    assert.equal(live.begun(1, 8, young.connection), true);
    assert.equal(live.begun(1, 7, old.connection), false);
    assert.deepEqual(young.told, []);
    live.lock(1);
    assert.deepEqual([young.told, old.told], [["lock"], []]);
  });

  test("the end of an older connection does not make the newer one unknown", () => {
    const live = new LiveAgents();
    const [old, young, other] = [watched(), watched(), watched()];
    live.arrived(1, old.connection);
    live.begun(1, 1, old.connection);
    live.arrived(1, young.connection);
    assert.equal(live.silentCount, 1);
    live.begun(1, 2, young.connection);
    live.gone(1, old.connection);
    live.begun(2, 1, other.connection);
    live.lock(1);
    assert.deepEqual([old.told, young.told, other.told], [["fence"], ["lock"], []]);
    live.gone(1, young.connection);
    live.lock(1);
    assert.equal(young.told.length, 1);
    assert.equal(live.silentCount, 0);
  });
});
