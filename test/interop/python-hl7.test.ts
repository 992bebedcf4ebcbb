import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt } from "#test/support/messages.ts";
import { SecuredAgent } from "#test/support/secured-agent.ts";
import { StoreFile } from "#test/support/store-file.ts";

/** Debian's package python3-hl7; the container installs it where it may. */
function available(): boolean {
  const asks = (): boolean => spawnSync("mllp_send", ["--version"]).status === 0;
  if (asks()) return true;
  if (process.getuid?.() === 0) spawnSync("apt-get", ["install", "-y", "-q", "python3-hl7"]);
  return asks();
}

/** Runs a sender that prints its replies. @returns MSA-1 and MSA-2 of each */
async function acknowledgedBy(program: string, args: readonly string[]): Promise<string[]> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    out += text;
  });
  const [code] = await once(child, "close");
  assert.equal(code, 0);
  return [...out.matchAll(/MSA\|(\w\w)\|(\w+)/g)].map(([, msa, id]) => `${msa} ${id}`);
}

const skip = !available() && "not tested: mllp_send of python3-hl7, which cannot be installed here";

// Not over TLS: mllp_send and its MLLPClient open a plain socket themselves. The package's asyncio streams can.
test("[A2, A10] mllp_send of python3-hl7 delivers three messages and reads their acknowledgments", {
  skip,
}, async () => {
  using folder = await AgentFolder.make();
  await using agent = await folder.start();
  const file = join(folder.path, "messages.hl7");
  writeFileSync(file, `\x0b${adt("P1")}\x1c\x0b${adt("P2")}\x1c\x0b${adt("P3")}\x1c`, "latin1");
  const args = ["--file", file, "--port", String(folder.port), "127.0.0.1"];
  assert.deepEqual(await acknowledgedBy("mllp_send", args), ["AA P1", "AA P2", "AA P3"]);
  await agent.end("SIGTERM");
  using store = new StoreFile(folder.stateDir);
  assert.equal(store.messageCount(), 3);
});

/** Sends what it is given and prints each reply; argv: port, CA, certificate, key, messages. */
const TLS_SENDER = `
import asyncio, ssl, sys
import hl7, hl7.mllp

async def main(port, ca, certificate, key, *messages):
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(certificate, key)
    reader, writer = await hl7.mllp.open_hl7_connection("127.0.0.1", int(port), ssl=context)
    for message in messages:
        writer.writemessage(hl7.parse(message))
        await writer.drain()
        print(await reader.readmessage())
    writer.close()
    await writer.wait_closed()

asyncio.run(main(*sys.argv[1:]))
`;

test("[C4, A2, A10] hl7.mllp of python3-hl7 delivers three messages over mutual TLS", {
  skip,
}, async () => {
  using secured = await SecuredAgent.make();
  const { folder, credentials } = secured;
  await using agent = await folder.start();
  const pems = [credentials.ca, credentials.cert, credentials.key].map((pem, index) => {
    const file = join(folder.path, `client-${index}.pem`);
    writeFileSync(file, pem, { mode: 0o600 });
    return file;
  });
  const args = ["-c", TLS_SENDER, String(folder.port), ...pems, adt("P1"), adt("P2"), adt("P3")];
  // Debian's own Python: another one on the path does not see Debian's packages.
  const acknowledged = await acknowledgedBy("/usr/bin/python3", args);
  assert.deepEqual(acknowledged, ["AA P1", "AA P2", "AA P3"]);
  await agent.end("SIGTERM");
  using store = new StoreFile(folder.stateDir);
  assert.equal(store.messageCount(), 3);
});
