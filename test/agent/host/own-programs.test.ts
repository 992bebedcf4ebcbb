/** The agent starts no program but its own: as the kernel says of one that runs (08 8, X1). @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { startAgent } from "#test/support/processes.ts";

const MODULE = pathToFileURL(join(import.meta.dirname, "../../../agent/host/own-programs.ts")).href;
const skip = process.platform === "linux" ? false : "not tested: Linux has it";

/** What a process of its own says once it has given up the rest. */
function said(body: string): string {
  const script = `import { spawnSync } from "node:child_process";
    import { startOnlyOwnProgram } from ${JSON.stringify(MODULE)};
    const isKept = await startOnlyOwnProgram();
    ${body}`;
  const args = ["--input-type=module", "--eval", script];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

test("[08 8] [X1] a shell is refused, and our own program is not; twice is as good as once", {
  skip,
}, (t) => {
  const body = `await startOnlyOwnProgram();
    const shell = spawnSync("/bin/sh", ["-c", "true"]).error?.code;
    const own = spawnSync(process.execPath, ["-p", "6 * 7"], { encoding: "utf8" }).stdout;
    console.log(JSON.stringify({ isKept, shell, own }));`;
  const { isKept, shell, own } = JSON.parse(said(body));
  if (!isKept) return t.skip("not tested: this kernel has no Landlock (Linux 5.13)");
  assert.equal(shell, "EACCES");
  assert.equal(own, "42\n");
});

test("[08 8] [P19] files go from folder to folder as before", { skip }, () => {
  const body = `const { mkdirSync, mkdtempSync, renameSync, linkSync, rmSync, writeFileSync } = await import("node:fs");
    const folder = mkdtempSync("/tmp/holdfast-refer-");
    for (const name of ["a", "b"]) mkdirSync(folder + "/" + name);
    writeFileSync(folder + "/a/one", "");
    renameSync(folder + "/a/one", folder + "/b/one");
    linkSync(folder + "/b/one", folder + "/a/two");
    rmSync(folder, { recursive: true });
    console.log("moved");`;
  assert.equal(said(body), "moved");
});

test("[08 8] [X1] of an agent that runs, no thread that runs our code can get more rights than it has", {
  skip,
}, async (t) => {
  if (said("console.log(isKept)") !== "true") {
    return t.skip("not tested: this kernel has no Landlock (Linux 5.13)");
  }
  using folder = await AgentFolder.make();
  await using agent = startAgent(folder.config);
  await agent.ready();
  const tasks = `/proc/${agent.child.pid}/task`;
  // Node's own threads were there before, and run none of ours.
  const kept = readdirSync(tasks).filter((id) =>
    /^NoNewPrivs:\s1$/m.test(readFileSync(join(tasks, id, "status"), "utf8")),
  );
  assert.ok(kept.includes(String(agent.child.pid)), "the main thread");
  assert.ok(kept.length > 1, "the writer, too");
  assert.equal((await agent.end("SIGTERM")).code, 0, agent.errors);
});
