/** docs/receiver.md: its walkthrough is run, with PostgreSQL, HAProxy, two receivers and an agent as they are installed. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PostgresServer, withoutPostgres } from "#test/receiver/support/postgres.ts";
import { type ProgramMain, programFile } from "#test/support/programs.ts";
import { blocksOf, isAsSaid, Walk } from "#test/support/walkthrough.ts";

const ROOT = join(import.meta.dirname, "../..");
const PAGE = readFileSync(join(ROOT, "docs/receiver.md"), "utf8");
const HEADING = "## Two nodes, to try out";
const SHOWN_CHARACTERS = 3_000;
const PROGRAMS: Readonly<Record<string, ProgramMain>> = {
  holdfast: "agent/main.ts",
  "holdfast-receiver": "receiver/main.ts",
};

const hasBalancer = spawnSync("/usr/sbin/haproxy", ["-v"]).status === 0;
const skip =
  process.getuid?.() !== 0
    ? "needs root, which HAProxy gives up: not tested"
    : hasBalancer
      ? withoutPostgres()
      : "not tested: two nodes behind HAProxy; haproxy is not installed";

/** The programs under the names by which they are installed. */
function programsIn(folder: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const [name, main] of Object.entries(PROGRAMS)) {
    const command = `exec "${process.execPath}" "${programFile(main)}" "$@"`;
    writeFileSync(join(bin, name), `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  }
  return bin;
}

test("[TP4] two nodes behind HAProxy, as docs/receiver.md sets them up: one is killed, one is upgraded, and every message arrives once, in order", {
  skip,
}, async (t) => {
  await using database = await PostgresServer.start();
  const folder = mkdtempSync(join(tmpdir(), "holdfast-nodes-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // HAProxy, and psql, come through it as other users.
  chmodSync(folder, 0o755);
  const path = [programsIn(folder), process.env["PATH"], "/usr/sbin"].join(":");
  const env = { HOLDFAST: ROOT, PATH: path, PGHOST: database.path, PGUSER: "postgres" };
  using walk = new Walk(folder, { ...process.env, ...env });
  let before = "";
  for (const block of blocksOf(PAGE, HEADING)) {
    // Each block has a bash of its own here, and a person has one: what was defined stays defined.
    const { code, said } = await walk.run({ ...block, commands: before + block.commands });
    const where = `docs/receiver.md, line ${block.line}`;
    if (code !== 0) assert.fail(`${where} ends with ${code}:\n${said}\n${logsIn(folder)}`);
    before += definedBy(block.commands);
    if (block.prints === undefined || isAsSaid(said, block.prints)) continue;
    assert.equal(said.trimEnd(), block.prints, `${where} prints something else`);
  }
});

/** Functions, variables that are exported, and the roles of the two nodes. */
function definedBy(commands: string): string {
  const functions = commands.match(/^\w+\(\) \{[^\n]*\}$|^\w+\(\) \{\n[\s\S]*?\n\}$/gm) ?? [];
  const exports = commands.match(/^export .*$/gm) ?? [];
  const roles = commands.includes("> roles") ? ["read -r killed other < roles"] : [];
  return [...functions, ...exports, ...roles].map((line) => `${line}\n`).join("");
}

/** Their ends, for whoever looks for what went wrong. */
function logsIn(folder: string): string {
  return ["hospital/log", "one/log", "two/log", "balancer"]
    .map((name) => {
      try {
        return `${name}:\n${readFileSync(join(folder, name), "utf8").slice(-SHOWN_CHARACTERS)}`;
      } catch {
        return `${name}: none`;
      }
    })
    .join("\n");
}
