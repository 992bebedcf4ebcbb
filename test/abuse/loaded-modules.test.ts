/** 08 9, H14: what the running service has loaded, as the runtime says it. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makePair } from "#scripts/make-pair.ts";
import { Started } from "#test/support/processes.ts";

/** Writes down each module as it is loaded, in the main thread and in every worker. */
const HOOK = `
import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.LOADED_MODULES, url + "\\n");
    return next(url, context);
  },
});
`;

test("[H14] the service has loaded neither systeminformation, nor more of node-forge than the writer of requests", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-loaded-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [hook, log] = [join(folder, "hook.mjs"), join(folder, "loaded")];
  writeFileSync(hook, HOOK);
  const { agentConfig } = await makePair({ folder, alone: true });
  const main = join(import.meta.dirname, "../../agent/main.ts");
  const command = [process.execPath, "--import", hook, main, "run", "--config", agentConfig];
  await using agent = new Started(command, { ...process.env, LOADED_MODULES: log });
  await agent.ready();
  assert.equal((await agent.end("SIGTERM")).code, 0);
  assert.ok(existsSync(log), "the hook works");
  const loaded = readFileSync(log, "utf8").split("\n");
  assert.ok(
    loaded.some((url) => url.endsWith("agent/outbox/writing/writer.ts")),
    "in workers, too",
  );
  const foreign = [
    ...new Set(loaded.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])),
  ];
  assert.ok(foreign.includes("ws"), "packages are seen");
  assert.ok(!foreign.includes("systeminformation"));
  // Of `import-mirth` alone.
  assert.ok(!foreign.includes("sax"));
  const forge = loaded.flatMap((url) => /node-forge\/lib\/(\w+)/.exec(url)?.[1] ?? []);
  // 07, Libraries: the writer of ASN.1, and what it is made of; never what parses, verifies or speaks TLS.
  const writer = ["asn1", "baseN", "forge", "oids", "util"];
  assert.deepEqual(
    [...new Set(forge)].filter((part) => !writer.includes(part)),
    [],
  );
});
