import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt, framed, message } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { SecuredAgent } from "#test/support/secured-agent.ts";

const MAIN = programFile("agent/main.ts");
const holdfast = (...args: readonly string[]): Started =>
  new Started([process.execPath, MAIN, ...args]);

/** Runs one command to its end. */
async function run(...args: readonly string[]): Promise<{ out: string; code: number | null }> {
  await using command = holdfast(...args);
  let out = "";
  command.child.stdout?.setEncoding("latin1").on("data", (text: string) => {
    out += text;
  });
  const { code } = await command.ended;
  return { out, code };
}

test("[A11] holdfast send delivers files as they are, and trace finds what it sent", async () => {
  using folder = await AgentFolder.make();
  await using agent = await folder.start();
  const port = ["--port", String(folder.port)];
  const good = join(folder.path, "good.hl7");
  const bad = join(folder.path, "bad.hl7");
  writeFileSync(good, adt("S1"));
  writeFileSync(bad, message({ 9: "", 10: "S2" }));
  const sent = await run("send", good, ...port, "--json");
  assert.equal(sent.code, 0, sent.out);
  const { reply, matches, controlId } = JSON.parse(sent.out) as Record<string, unknown>;
  assert.deepEqual([reply, matches, controlId], ["AA", true, "S1"]);
  assert.equal((await run("send", bad, ...port)).code, 65, "one reply was negative");
  assert.equal((await run("send", ...port, "--count", "3")).code, 0, "generated messages");
  const traced = await run("trace", "S1", "--config", folder.config, "--json");
  assert.equal(traced.code, 0);
  const rows = JSON.parse(traced.out) as Record<string, unknown>[];
  assert.deepEqual(
    rows.map(({ channel, ack, delivery }) => [channel, ack, delivery]),
    [["adt", "delivered", "stored"]],
  );
  assert.equal((await run("trace", "NONE", "--config", folder.config)).code, 65);
  await agent.end("SIGTERM");
  assert.equal((await run("send", good, ...port)).code, 69, "nobody listens");
});

test("[F12] holdfast send counts the acknowledgments of a batch, and shows the worst", async () => {
  using folder = await AgentFolder.make();
  await using _agent = await folder.start();
  const file = join(folder.path, "batch.hl7");
  const send = async (...messages: readonly string[]): Promise<unknown[]> => {
    writeFileSync(file, `BHS|^~\\&|LAB\r${messages.join("")}BTS|${messages.length}\r`);
    const { out, code } = await run("send", file, "--port", String(folder.port), "--json");
    const { reply, matches, controlId, acknowledgments } = JSON.parse(out);
    return [controlId, reply, matches, acknowledgments, code];
  };
  assert.deepEqual(await send(adt("B1"), adt("B2"), adt("B3")), ["B1", "AA", true, 3, 0]);
  const bad = message({ 9: "", 10: "B5" });
  assert.deepEqual(await send(adt("B4"), bad), ["B4", "AR", true, 2, 65]);
});

test("[C4] holdfast send speaks TLS with a client certificate, and says when it is refused", async () => {
  using secured = await SecuredAgent.make();
  const { folder, credentials } = secured;
  await using _agent = await folder.start();
  const files = ["ca", "cert", "key"].map((name) => join(folder.path, `${name}.pem`));
  const { ca, cert, key } = credentials;
  for (const [index, pem] of [ca, cert, key].entries()) writeFileSync(files[index] ?? "", pem);
  const [caFile = "", certFile = "", keyFile = ""] = files;
  const port = ["--port", String(folder.port), "--tls-ca", caFile];
  const own = ["--tls-certificate", certFile, "--tls-key", keyFile];
  assert.equal((await run("send", ...port, ...own)).code, 0);
  assert.notEqual((await run("send", ...port, "--timeout", "5")).code, 0, "without a certificate");
  assert.equal((await run("send", "--port", String(folder.port), "--tls-ca", "absent")).code, 65);
});

test("[A2] holdfast listen answers, keeps what came as it came, and stops although a sender stays", async () => {
  using folder = await AgentFolder.make();
  const out = join(folder.path, "out");
  await using listener = holdfast("listen", "--port", String(folder.port), "--out", out);
  await listener.ready();
  await using sender = await MllpSocket.open(folder.port);
  await sender.send(framed(adt("L1")), framed(adt("L2", "\xff")));
  assert.deepEqual(await sender.acknowledged(2), ["AA L1", "AA L2"]);
  const files = readdirSync(out).sort();
  assert.deepEqual(
    files.map((file) => readFileSync(join(out, file), "latin1")),
    [adt("L1"), adt("L2", "\xff")],
  );
  assert.deepEqual(await listener.end("SIGTERM"), { code: 0, signal: null });
});
