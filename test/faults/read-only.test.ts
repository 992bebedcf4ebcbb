/** The file system of the state directory is mounted read-only, as Linux does after an error of the disk. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { startAgent } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

const MAIN = programFile("agent/main.ts");

test("[S3] a state directory that is mounted read-only ends with 77, and run and doctor say to remount it", async (t) => {
  const disk = SmallDisk.make(8 << 20);
  if (typeof disk === "string") return t.skip(disk);
  using _disk = disk;
  mkdirSync(disk.stateDir, { mode: 0o700 });
  using folder = await AgentFolder.make();
  const yaml = readFileSync(folder.config, "utf8");
  writeFileSync(folder.config, yaml.replace(/^stateDir: .*$/m, `stateDir: ${disk.stateDir}`));
  if (!/^allowVolatileState:/m.test(yaml)) {
    appendFileSync(folder.config, "allowVolatileState: true\n");
  }
  spawnSync("mount", ["-o", "remount,ro", disk.path]);
  await using agent = startAgent(folder.config);
  assert.equal((await agent.ended).code, 77, agent.errors);
  assert.match(
    agent.errors,
    /read-only .*\[STORE_READ_ONLY\]\n {2}(?!.*chmod).*mount -o remount,rw/,
  );
  const args = [MAIN, "doctor", "--json", "--config", folder.config];
  const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.match(stdout, /STORE_READ_ONLY/);
});
