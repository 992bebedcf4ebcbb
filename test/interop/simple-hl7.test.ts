import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { pipeline } from "node:stream";
import { test } from "node:test";
import { connect } from "node:tls";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { AgentStack } from "#test/support/agent-stack.ts";
import { message, textOf } from "#test/support/messages.ts";
import { type ClientCredentials, SecuredAgent } from "#test/support/secured-agent.ts";

/** What is used of `simple-hl7`, which has no types. */
interface Hl7Message {
  getSegment(name: string): { getField(n: number): string } | undefined;
  toString(): string;
}

interface TcpClient {
  send(message: Hl7Message, callback: (error: Error | null, reply: Hl7Message) => void): void;
  close(): void;
}

interface SimpleHl7 {
  readonly Parser: new () => { parse(text: string): Hl7Message };
  readonly Server: {
    createTcpClient(options: {
      readonly host: string;
      readonly port: number;
      readonly keepalive: boolean;
    }): TcpClient;
  };
}

const { Parser, Server } = createRequire(import.meta.url)("simple-hl7") as SimpleHl7;

/** Sends each and waits for its reply. @returns MSA-1 and MSA-2 as the client parsed them */
async function deliver(
  port: number,
  keepalive: boolean,
  texts: readonly string[],
): Promise<string[]> {
  const client = Server.createTcpClient({ host: "127.0.0.1", port, keepalive });
  const acknowledged: string[] = [];
  for (const text of texts) {
    const { promise, resolve, reject } = Promise.withResolvers<Hl7Message>();
    client.send(new Parser().parse(text), (error, reply) =>
      error ? reject(error) : resolve(reply),
    );
    const msa = (await promise).getSegment("MSA");
    acknowledged.push(`${msa?.getField(1)} ${msa?.getField(2)}`);
  }
  client.close();
  return acknowledged;
}

const RESULT = "Größe 178 cm, Łódź, 日本";

for (const keepalive of [true, false]) {
  const how = keepalive ? "one connection" : "a connection a message";
  test(`[A2, A11] the TCP client of simple-hl7 delivers over ${how} and reads its own control ids`, {
    timeout: 60_000,
  }, async () => {
    using folder = await AgentFolder.make();
    const oru = message({ 9: "ORU^R01", 10: "SIM-é 2", 18: "UNICODE UTF-8" });
    const texts = [
      message({ 10: "SIM-1" }),
      `${oru}OBX|1|ST|||${RESULT}\r`,
      message({ 10: "SIM-3", 15: "AL", 16: "NE" }),
    ];
    {
      await using agent = await folder.start();
      const acknowledged = await deliver(folder.port, keepalive, texts);
      assert.deepEqual(acknowledged, ["AA SIM-1", "AA SIM-é 2", "CA SIM-3"]);
      await agent.end("SIGTERM");
    }
    await using store = await AgentStack.open({ stateDir: folder.stateDir, kek: folder.kek });
    const kept = (await store.messages()).map((one) => one.text);
    // The client writes UTF-8 whatever MSH-18 says, and leaves out what ends the last segment.
    assert.deepEqual(
      kept,
      texts.map((one) => textOf(Buffer.from(one.replace(/\r$/, ""), "utf8"))),
    );
  });
}

/** What sites put before a sender that knows no TLS: plain on one side, TLS on the other. */
async function tlsRelay(
  credentials: ClientCredentials,
): Promise<AsyncDisposable & { port: number }> {
  const server = createServer((plain) => {
    // Whatever ends one side ends the other; why does not matter here.
    pipeline(plain, connect(credentials), plain, () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

for (const keepalive of [true, false]) {
  const how = keepalive ? "one connection" : "a connection a message";
  test(`[C4, A2, A11] simple-hl7, which has no TLS of its own, delivers over ${how} through a TLS relay`, {
    timeout: 60_000,
  }, async () => {
    using secured = await SecuredAgent.make();
    const { folder, credentials } = secured;
    const texts = [message({ 10: "SIM-1" }), message({ 10: "SIM-2", 15: "AL", 16: "NE" })];
    {
      await using agent = await folder.start();
      await using relay = await tlsRelay(credentials);
      const acknowledged = await deliver(relay.port, keepalive, texts);
      assert.deepEqual(acknowledged, ["AA SIM-1", "CA SIM-2"]);
      await agent.end("SIGTERM");
    }
    await using store = await AgentStack.open({ stateDir: folder.stateDir, kek: folder.kek });
    const kept = (await store.messages()).map((one) => one.text);
    assert.deepEqual(
      kept,
      texts.map((one) => one.replace(/\r$/, "")),
    );
  });
}
