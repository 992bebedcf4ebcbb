import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt } from "#test/support/messages.ts";
import { StoreFile } from "#test/support/store-file.ts";

/** Debian's package python3-hl7; the container installs it where it may. */
function available(): boolean {
  const asks = (): boolean => spawnSync("mllp_send", ["--version"]).status === 0;
  if (asks()) return true;
  if (process.getuid?.() === 0) spawnSync("apt-get", ["install", "-y", "-q", "python3-hl7"]);
  return asks();
}

const skip = !available() && "not tested: mllp_send of python3-hl7, which cannot be installed here";

test("[A2, A10] mllp_send of python3-hl7 delivers three messages and reads their acknowledgments", {
  skip,
}, async () => {
  using folder = await AgentFolder.make();
  await using agent = await folder.start();
  const file = join(folder.path, "messages.hl7");
  writeFileSync(file, `\x0b${adt("P1")}\x1c\x0b${adt("P2")}\x1c\x0b${adt("P3")}\x1c`, "latin1");
  const args = ["--file", file, "--port", String(folder.port), "127.0.0.1"];
  const child = spawn("mllp_send", args, { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    out += text;
  });
  const [code] = await once(child, "close");
  assert.equal(code, 0);
  const acknowledged = [...out.matchAll(/MSA\|(\w\w)\|(\w+)/g)].map(
    ([, msa, id]) => `${msa} ${id}`,
  );
  assert.deepEqual(acknowledged, ["AA P1", "AA P2", "AA P3"]);
  await agent.end("SIGTERM");
  using store = new StoreFile(folder.stateDir);
  assert.equal(store.messageCount(), 3);
});
