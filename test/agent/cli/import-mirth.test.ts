/** `holdfast import-mirth` as a person runs it, and what it prints in the hands of a real agent. */
import assert from "node:assert/strict";
import {
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { freePort } from "#scripts/free-port.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { framed, message } from "#test/support/messages.ts";
import { connector, LISTENER, mirthChannel } from "#test/support/mirth-exports.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-mirth-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const fileWith = (name: string, text: string | Uint8Array): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

async function run(...args: readonly string[]) {
  const command = [process.execPath, programFile("agent/main.ts"), ...args];
  await using started = new Started(command);
  let out = "";
  started.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  const { code } = await started.ended;
  return { out, errors: started.errors, code };
}

describe("import-mirth, exit codes", () => {
  test("0 if all is translated, 69 if something has no equivalent; what to read is counted", async () => {
    const all = await run("import-mirth", fileWith("all.xml", mirthChannel()));
    assert.equal(all.code, 0);
    assert.match(all.errors, /1 channels, 0 more as comments; 0 times NO EQUIVALENT, 2 times NOTE/);
    const scripted = mirthChannel({ settings: { deployScript: "s3cret()" } });
    const some = await run("import-mirth", fileWith("some.xml", scripted));
    assert.equal(some.code, 69);
    assert.match(some.out, /NO EQUIVALENT, line \d+, "ADT": a deploy script/);
    assert.doesNotMatch(`${some.out}${some.errors}`, /s3cret/);
  });

  test("65 with line and column for what is no export", async () => {
    const file = fileWith("broken.xml", "<channel>\n<a></b>");
    const { code, out, errors } = await run("import-mirth", file);
    assert.equal(code, 65);
    assert.equal(out, "");
    assert.ok(errors.startsWith(`holdfast: ${file}:2:`), errors);
    assert.match(errors, /docs\/migrate-from-mirth\.md/);
  });

  test("65 for what is not there, no file, a link, or larger than 20 MiB, which is not read", async () => {
    const large = fileWith("large.xml", "<list>");
    truncateSync(large, 100 * 1_048_576);
    const link = join(folder, "link.xml");
    symlinkSync(large, link);
    for (const [file, message] of [
      [join(folder, "none.xml"), /there is no such file/],
      [folder, /no regular file/],
      [link, /is a link/],
      [large, /larger than 20 MiB/],
    ] as const) {
      const { code, errors } = await run("import-mirth", file);
      assert.equal(code, 65);
      assert.match(errors, message);
    }
  });

  test("64 without a file", async () => {
    assert.equal((await run("import-mirth")).code, 64);
  });
});

test("import-mirth: a message to the translated port is acknowledged by a real agent", async () => {
  using site = await AgentFolder.make();
  const port = await freePort();
  const settings = { host: "127.0.0.1", port: String(port) };
  const source = connector(LISTENER, "sourceConnector", settings);
  const { out } = await run("import-mirth", fileWith("site.xml", mirthChannel({ source })));
  site.changeConfig(/^channels:[\s\S]*/m, out);
  const checked = await run("config", "check", "--config", site.config);
  assert.equal(checked.code, 0, checked.errors);
  await using agent = await site.start();
  await using sender = await MllpSocket.open(port);
  // MSH-15 asks for a commit acknowledgment, which Mirth never gave.
  await sender.send(framed(message({ 10: "MIRTH1", 15: "AL", 16: "NE" })));
  await until("the message is answered", () => sender.received.includes("MSA|"));
  assert.match(sender.received, /MSA\|AA\|MIRTH1/);
  assert.ok(agent.isRunning);
});

test("import-mirth: no other command loads its parser", async () => {
  const log = join(folder, "loaded");
  const hook = fileWith(
    "hook.mjs",
    `import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";
registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(log)}, url + "\\n"); return next(url, context); } });`,
  );
  const main = join(import.meta.dirname, "../../../agent/main.ts");
  const loadedBy = async (...args: readonly string[]): Promise<string> => {
    writeFileSync(log, "");
    await using started = new Started([process.execPath, "--import", hook, main, ...args]);
    await started.ended;
    return readFileSync(log, "utf8");
  };
  const PARSER = /node_modules\/sax\/|agent\/mirth\//;
  assert.match(await loadedBy("import-mirth", fileWith("one.xml", mirthChannel())), PARSER);
  assert.doesNotMatch(await loadedBy("version"), PARSER);
  assert.doesNotMatch(await loadedBy("--help"), PARSER);
});
