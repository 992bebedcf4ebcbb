import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import Client, { HL7_2_5, type InboundResponse } from "node-hl7-client";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { until } from "#test/support/processes.ts";
import { SecuredAgent } from "#test/support/secured-agent.ts";
import { StoreFile } from "#test/support/store-file.ts";

const built = (controlId: string) =>
  new HL7_2_5()
    .buildMSH({
      msh_3: "LAB",
      msh_4: "NORTH",
      msh_9_1: "ADT",
      msh_9_2: "A01",
      msh_10: controlId,
      msh_11_1: "P",
    })
    .buildEVN({ evn_1: "A01" })
    .buildPID({ pid_3: "TEST-0001", pid_5: "TEST^PATIENT" })
    .toMessage();

/** Sends each and waits for its reply. @returns MSA-1 and MSA-2 as the client parsed them */
async function deliver(client: Client, port: number, ids: readonly string[]): Promise<string[]> {
  const acknowledged: string[] = [];
  const connection = client.createConnection(
    { port, version: "2.5" },
    (response: InboundResponse) => {
      const reply = response.getMessage();
      acknowledged.push(`${reply.get("MSA.1").toString()} ${reply.get("MSA.2").toString()}`);
    },
  );
  await once(connection, "connect");
  for (const [index, id] of ids.entries()) {
    await connection.sendMessage(built(id));
    // It may wait for one reply alone: a second message before that makes it spin in its own queue.
    await until(`the reply to ${id} was read`, () => acknowledged.length === index + 1);
  }
  await connection.close();
  client.closeAll();
  return acknowledged;
}

const IDS = ["N1", "N2", "N3"];

test("[A2, A10, A11] the client of node-hl7-client delivers three messages and reads their MSA", async () => {
  using folder = await AgentFolder.make();
  await using agent = await folder.start();
  const client = new Client({ host: "127.0.0.1", version: "2.5" });
  const acknowledged = await deliver(client, folder.port, IDS);
  assert.deepEqual(acknowledged, ["AA N1", "AA N2", "AA N3"]);
  await agent.end("SIGTERM");
  using store = new StoreFile(folder.stateDir);
  assert.equal(store.messageCount(), 3);
});

test("[C4, A2, A11] the client of node-hl7-client delivers over mutual TLS with its own tls option", async () => {
  using secured = await SecuredAgent.make();
  const { folder, credentials } = secured;
  await using agent = await folder.start();
  const { host, port, ca, cert, key } = credentials;
  const tls = { ca, cert, key, rejectUnauthorized: true };
  const client = new Client({ host, version: "2.5", tls });
  assert.deepEqual(await deliver(client, port, IDS), ["AA N1", "AA N2", "AA N3"]);
  await agent.end("SIGTERM");
  using store = new StoreFile(folder.stateDir);
  assert.equal(store.messageCount(), 3);
});
