import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import Client, { HL7_2_5, type InboundResponse } from "node-hl7-client";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { until } from "#test/support/processes.ts";
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

test("[A2, A10, A11] the client of node-hl7-client delivers three messages and reads their MSA", async () => {
  using folder = await AgentFolder.make();
  await using agent = await folder.start();
  const client = new Client({ host: "127.0.0.1", version: "2.5" });
  const acknowledged: string[] = [];
  const connection = client.createConnection(
    { port: folder.port, version: "2.5" },
    (response: InboundResponse) => {
      const reply = response.getMessage();
      acknowledged.push(`${reply.get("MSA.1").toString()} ${reply.get("MSA.2").toString()}`);
    },
  );
  await once(connection, "connect");
  for (const [index, id] of ["N1", "N2", "N3"].entries()) {
    await connection.sendMessage(built(id));
    // It may wait for one reply alone: a second message before that makes it spin in its own queue.
    await until(`the reply to ${id} was read`, () => acknowledged.length === index + 1);
  }
  assert.deepEqual(acknowledged, ["AA N1", "AA N2", "AA N3"]);
  await connection.close();
  client.closeAll();
  await agent.end("SIGTERM");
  using store = new StoreFile(folder.stateDir);
  assert.equal(store.messageCount(), 3);
});
