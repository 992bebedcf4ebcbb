/**
 * Runs one of our programs on the pinned Node, installing the locked dependencies first where they
 * are missing or changed. Plain JavaScript for any Node ≥ 20, because it runs before the pinned one
 * exists; it loads no dependency (Node 20 crashes on better-sqlite3 13). Spec 09 PK2.
 *
 *   node scripts/bootstrap.mjs FILE [ARGUMENT …]
 *
 * Standard output belongs to FILE alone: what the installation says goes to standard error.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const EXIT_UNAVAILABLE = 69;
/** Half the memory under load, at the same speed: a message is garbage within milliseconds. */
const NODE_FLAGS = ["--max-semi-space-size=4"];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const stamp = join(modules, ".installed-lock");

const platform = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
const node =
  process.platform === "win32"
    ? join(modules, `node-${platform}`, "bin", "node.exe")
    : join(modules, `node-${platform}`, "bin", "node");

function fail(what, next) {
  process.stderr.write(`holdfast: ${what}\n  ${next}\n`);
  process.exit(EXIT_UNAVAILABLE);
}

function install() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const installed = existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
  if (installed === lock && existsSync(node)) return;
  // npm would empty what the link points at.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    fail("node_modules is a link, and not what is locked here", "Remove the link and try again");
  }
  process.stderr.write("holdfast: installing the locked dependencies (once)\n");
  const npm = process.env.npm_execpath;
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const done = npm?.endsWith(".js")
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ["ignore", 2, 2] })
    : spawnSync("npm", args, {
        cwd: root,
        stdio: ["ignore", 2, 2],
        shell: process.platform === "win32",
      });
  if (done.status !== 0) {
    fail("npm ci failed", "See the lines above; is the npm registry reachable from here?");
  }
  if (!existsSync(node)) {
    fail(
      `there is no pinned Node for ${platform}`,
      "Supported: linux-x64, linux-arm64, win-x64. Was npm told to omit optional dependencies?",
    );
  }
  writeFileSync(stamp, lock);
}

if (Number(process.versions.node.split(".")[0]) < 20) {
  fail(`Node ${process.versions.node} is too old`, "Put Node 20 or newer on the path");
}
const [file, ...args] = process.argv.slice(2);
if (file === undefined)
  fail("nothing to run", "usage: node scripts/bootstrap.mjs FILE [ARGUMENT …]");
install();
const child = spawn(node, [...NODE_FLAGS, join(root, file), ...args], { stdio: "inherit" });
// The child decides how to stop; we only pass on what the terminal or a service manager says. On a
// terminal Ctrl-C reaches both of us, and a second SIGINT would mean "hang up now" to the child.
if (!process.stdin.isTTY) process.on("SIGINT", () => child.kill("SIGINT"));
else process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("error", (error) =>
  fail(`cannot start the pinned Node: ${error.message}`, "Delete node_modules and try again"),
);
child.on("close", (code, signal) => {
  if (signal === null) process.exitCode = code ?? 70;
  else {
    // Die of the same signal, so that whoever started us sees what happened.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
});
