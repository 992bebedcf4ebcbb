import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { AgentStack } from "#test/support/agent-stack.ts";
import { message, textOf } from "#test/support/messages.ts";
import { SecuredAgent } from "#test/support/secured-agent.ts";

/** What is used of `@medplum/hl7` and `@medplum/core`: their own types need a package that they do not bring. */
interface Hl7Message {
  getSegment(name: string): { getField(n: number): { toString(): string } } | undefined;
  toString(): string;
}

interface Hl7Client {
  /** With `first` any acknowledgment will do; otherwise it ignores CA and waits for AA, for ever. */
  sendAndWait(message: Hl7Message, options: { readonly returnAck: "first" }): Promise<Hl7Message>;
  close(): Promise<void>;
}

interface MedplumHl7 {
  /** The client's own connection, over a socket that somebody else opened. */
  readonly Hl7Connection: new (
    socket: Socket,
    encoding: string,
  ) => Hl7Client;
  readonly Hl7Client: new (options: {
    readonly host: string;
    readonly port: number;
    readonly encoding: string;
  }) => Hl7Client;
}

interface MedplumCore {
  readonly Hl7Message: { parse(text: string): Hl7Message };
}

const require = createRequire(import.meta.url);
const { Hl7Client, Hl7Connection } = require("@medplum/hl7") as MedplumHl7;
const { Hl7Message } = require("@medplum/core") as MedplumCore;

const oru = (controlId: string, charset: string, text: string): string =>
  `${message({ 9: "ORU^R01", 10: controlId, 18: charset })}OBX|1|ST|||${text}\r`;

/** Sends each and waits for its reply, as the client does. @returns MSA-1 and MSA-2 as it parsed them */
async function deliver(client: Hl7Client, texts: readonly string[]): Promise<string[]> {
  const acknowledged: string[] = [];
  for (const text of texts) {
    const reply = await client.sendAndWait(Hl7Message.parse(text), { returnAck: "first" });
    const msa = reply.getSegment("MSA");
    acknowledged.push(`${msa?.getField(1)} ${msa?.getField(2)}`);
  }
  await client.close();
  return acknowledged;
}

const CASES: readonly (readonly [string, BufferEncoding, string, string])[] = [
  ["utf-8", "utf8", "UNICODE UTF-8", "Größe 178 cm, Łódź, 日本"],
  ["iso-8859-1", "latin1", "8859/1", "Größe 178 cm, naïve"],
];
for (const [encoding, written, charset, text] of CASES) {
  test(`[A2, A11] Hl7Client of @medplum/hl7 delivers in ${encoding} and reads its own control ids`, {
    timeout: 60_000,
  }, async () => {
    using folder = await AgentFolder.make();
    const texts = [
      message({ 10: "MED-1" }),
      oru("MED-2", charset, text),
      oru("MED-é\\F\\ 3", charset, text),
      message({ 10: "MED-4", 15: "AL", 16: "NE" }),
    ];
    {
      await using agent = await folder.start();
      const client = new Hl7Client({ host: "127.0.0.1", port: folder.port, encoding });
      const acknowledged = await deliver(client, texts);
      assert.deepEqual(acknowledged, ["AA MED-1", "AA MED-2", "AA MED-é\\F\\ 3", "CA MED-4"]);
      await agent.end("SIGTERM");
    }
    await using store = await AgentStack.open({ stateDir: folder.stateDir, kek: folder.kek });
    const kept = (await store.messages()).map((one) => one.text);
    assert.deepEqual(
      kept,
      texts.map((one) => textOf(Buffer.from(one, written))),
    );
  });
}

test("[C4, A2, A11] Hl7Connection of @medplum/hl7 delivers over mutual TLS", {
  timeout: 60_000,
}, async () => {
  using secured = await SecuredAgent.make();
  const { folder, credentials } = secured;
  const texts = [message({ 10: "MED-1" }), oru("MED-é 2", "UNICODE UTF-8", "Größe, Łódź, 日本")];
  {
    await using agent = await folder.start();
    const socket = connect(credentials);
    await once(socket, "secureConnect");
    const acknowledged = await deliver(new Hl7Connection(socket, "utf-8"), texts);
    assert.deepEqual(acknowledged, ["AA MED-1", "AA MED-é 2"]);
    await agent.end("SIGTERM");
  }
  await using store = await AgentStack.open({ stateDir: folder.stateDir, kek: folder.kek });
  const kept = (await store.messages()).map((one) => one.text);
  assert.deepEqual(
    kept,
    texts.map((one) => textOf(Buffer.from(one, "utf8"))),
  );
});
