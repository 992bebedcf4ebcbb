/** The console on two nodes of one database: a link that one has made, a session, who is connected. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, describe, test } from "node:test";
import { serialOf } from "#receiver/agent-certificate.ts";
import { loadConfiguration } from "#receiver/configuration.ts";
import { keepLink, keyOf, newSecret } from "#receiver/console/sessions.ts";
import { openStoreIn } from "#receiver/state-folder.ts";
import { freePort } from "#scripts/free-port.ts";
import { until } from "#test/support/processes.ts";
import { issueAgent } from "../support/identities.ts";
import { PlayedAgent } from "../support/played-agent.ts";
import { PostgresServer, withoutPostgres } from "../support/postgres.ts";
import { ReceiverFolder } from "../support/receiver-folder.ts";

const skip = withoutPostgres();

describe("the console on two nodes", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());

  test("[01 Receive] what one node knows of people and agents, the other knows, too", async () => {
    const database = await server.newDatabase();
    const place = `host: ${server.path}, database: ${database}, user: holdfast`;
    const nodeOn = (port: number) =>
      new ReceiverFolder({
        more: `store: { kind: postgres, ${place} }\nconsole: { port: ${port} }`,
      });
    const ports = [await freePort(), await freePort()] as const;
    using one = nodeOn(ports[0]);
    using two = nodeOn(ports[1]);
    const identity = await issueAgent("north/ward-1");
    const link = newSecret();
    {
      const { store: where } = loadConfiguration(one.config);
      await using store = await openStoreIn(one.stateDir, where);
      const serialHex = serialOf(new X509Certificate(identity.certificatePem));
      await store.addAgent({ tenant: "north", name: "ward-1", serialHex, atMs: 0 });
      const person = { name: "Ada", role: "administrator", atMs: Date.now() } as const;
      assert.equal(await keepLink(store.console, { ...person, key: keyOf(link) }), true);
    }
    await using first = await one.open();
    await using _second = await two.open();
    const [here, there] = ports.map((port) => `http://127.0.0.1:${port}`);
    const entered = await fetch(`${there}/enter`, {
      ...{ method: "POST", redirect: "manual", body: new URLSearchParams({ link }) },
      headers: { Origin: there ?? "" },
    });
    assert.equal(entered.status, 303);
    const Cookie = entered.headers.get("set-cookie")?.split(";")[0] ?? "";
    const see = async (at = "", path = "/") =>
      await (await fetch(`${at}${path}`, { headers: { Cookie } })).text();
    assert.match(await see(here), /Was never connected/);
    {
      await using agent = await PlayedAgent.stream(first.address.port, identity);
      agent.sendMessages(1n, "MSH|a", "MSH|b");
      await agent.acked(2n);
      for (const node of [here, there]) {
        await until("the agent is seen", async () => /connected <b>1<\/b>/.test(await see(node)));
      }
    }
    for (const node of [here, there]) {
      await until("the agent is gone", async () => /has just ended/.test(await see(node)));
    }
    assert.match(await see(here, "/log"), /signed in/);
    assert.match(await see(there, "/agents/north/ward-1"), /In the last hour<\/dt><dd>2/);
  });
});
