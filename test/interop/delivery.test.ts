/** Hospital systems that nobody here wrote, at the far end of delivery (03 section 8). */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import type { AddressInfo, Server as NetServer } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { message } from "#test/support/messages.ts";
import { SenderBench } from "#test/support/sender-bench.ts";

/** What is used of `simple-hl7`, which has no types. */
interface SimpleServer {
  readonly server: NetServer;
  start(port: number): void;
  stop(): void;
}
interface SimpleHl7 {
  readonly Server: {
    createTcpServer(
      handle: (error: Error | null, request: { raw: string }, response: { end(): void }) => void,
    ): SimpleServer;
  };
}

/** What is used of `@medplum/hl7`. */
interface MedplumMessage {
  buildAck(options?: { readonly ackCode: string }): MedplumMessage;
  toString(): string;
}
interface MedplumConnection {
  addEventListener(name: "message", heard: (event: { message: MedplumMessage }) => void): void;
  send(message: MedplumMessage): void;
}
interface MedplumServer {
  readonly server: NetServer;
  start(port: number, encoding?: string, enhancedMode?: boolean): Promise<void>;
  stop(options: { readonly forceDrainTimeoutMs: number }): Promise<void>;
}
interface MedplumHl7 {
  readonly Hl7Server: new (handle: (connection: MedplumConnection) => void) => MedplumServer;
}

const require = createRequire(import.meta.url);
const simple = require("simple-hl7") as SimpleHl7;
const { Hl7Server } = require("@medplum/hl7") as MedplumHl7;

const IDS = ["D1", "D2", "D3"];
const portOf = (server: NetServer): number => (server.address() as AddressInfo).port;
const ACCEPTED = IDS.map(() => "accepted");

test("[O2, O3] a server of simple-hl7 takes three messages on one connection", async () => {
  const taken: string[] = [];
  const server = simple.Server.createTcpServer((error, { raw }, response) => {
    assert.equal(error, null);
    taken.push(raw.slice(1, -2));
    response.end();
  });
  server.start(0);
  await once(server.server, "listening");
  const texts = IDS.map((id) => message({ 10: id, 18: "UNICODE UTF-8" }));
  {
    await using bench = await SenderBench.open(portOf(server.server));
    for (const text of texts) bench.queue.append(text);
    await bench.stands(...ACCEPTED);
    assert.equal(bench.sender.status.counters.connections, 1);
  }
  server.stop();
  assert.deepEqual(taken, texts);
});

for (const enhanced of [false, true]) {
  const mode = enhanced ? "enhanced mode, CA and then AA" : "original mode, AA";
  test(`[O3, O6] a server of @medplum/hl7 in ${mode}, settles three messages`, async () => {
    const taken: string[] = [];
    const server = new Hl7Server((connection) => {
      connection.addEventListener("message", ({ message: heard }) => {
        taken.push(heard.toString());
        connection.send(heard.buildAck());
      });
    });
    await server.start(0, "utf-8", enhanced);
    const fields = enhanced ? { 15: "AL", 16: "AL" } : {};
    {
      await using bench = await SenderBench.open(portOf(server.server));
      for (const id of IDS) bench.queue.append(message({ ...fields, 10: id }));
      await bench.stands(...ACCEPTED);
      for (const { outcome } of bench.queue.rows) {
        assert.deepEqual([outcome?.flags, outcome?.reply?.code], [[], "AA"]);
      }
      assert.equal(bench.sender.status.counters.connections, 1);
    }
    await server.stop({ forceDrainTimeoutMs: 100 });
    assert.equal(taken.length, IDS.length);
  });
}

/** Prints its port, then MSH-10 of each message; acknowledges with what the package builds. */
const PYTHON_SERVER = `
import asyncio, hl7.mllp

async def serve(reader, writer):
    try:
        while True:
            message = await reader.readmessage()
            print(message.segment("MSH")[10], flush=True)
            writer.writemessage(message.create_ack())
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()

async def main():
    server = await hl7.mllp.start_hl7_server(serve, host="127.0.0.1", port=0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
`;
// Debian's own Python: another one on the path does not see Debian's packages.
const PYTHON = "/usr/bin/python3";
const available = spawnSync(PYTHON, ["-c", "import hl7.mllp"]).status === 0;
const skip = !available && "not tested: hl7.mllp of python3-hl7, which is not installed here";

test("[O2, O3] a server of python3-hl7 takes three messages", { skip }, async () => {
  const child = spawn(PYTHON, ["-c", PYTHON_SERVER], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  try {
    while (lines.length === 0) await once(child.stdout, "data");
    await using bench = await SenderBench.open(Number(lines[0]));
    for (const id of IDS) bench.queue.append(message({ 10: id }));
    await bench.stands(...ACCEPTED);
    await bench.until("it said so", () => lines.length === 1 + IDS.length);
    assert.deepEqual(lines.slice(1), IDS);
  } finally {
    child.kill();
    await once(child, "close");
  }
});
