/** `holdfast files list`: what became of files that were dropped, asked of a real agent (04 P31, P34). @module */
import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { FileEntry } from "#agent/files-desk.ts";
import type { AgentStatus } from "#agent/status.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt } from "#test/support/messages.ts";
import { Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const MAIN = programFile("agent/main.ts");

interface Ran {
  readonly out: string;
  readonly errors: string;
  readonly code: number | null;
}

async function run(...args: readonly string[]): Promise<Ran> {
  await using command = new Started([process.execPath, MAIN, ...args]);
  let out = "";
  command.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  const { code } = await command.ended;
  return { out, errors: command.errors, code };
}

const filesYaml = "    completion: rename\n    pollSeconds: 1\n";
const folder = await AgentFolder.make({ files: true, filesYaml });
let agent: Started;

const asked = (...args: readonly string[]): Promise<Ran> => run(...args, "--config", folder.config);
const listed = async (...args: readonly string[]): Promise<FileEntry[]> =>
  JSON.parse((await asked("files", "list", "--json", ...args)).out) as FileEntry[];
const namesOf = (entries: readonly FileEntry[]): string[] => entries.map(({ name }) => name);
const statusOf = async (): Promise<AgentStatus> =>
  JSON.parse((await asked("status", "--json")).out) as AgentStatus;

/** As a sender that renames when it is done. */
async function drop(name: string, content: string): Promise<void> {
  const path = join(folder.path, "in", name);
  writeFileSync(`${path}.tmp`, content, "latin1");
  renameSync(`${path}.tmp`, path);
  await until(`${name} is done`, async () => {
    const [newest] = await listed("--limit", "1");
    return newest?.name.startsWith(name.slice(0, 3)) === true && newest.state === "moved";
  });
}

before(async () => {
  agent = await folder.start();
  await drop("one.hl7", adt("ONE"));
  await drop("bad.txt", "no header at all");
  await drop("two.hl7", `${adt("TWO1")}${adt("TWO2")}`);
  await drop("two-again.hl7", `${adt("TWO1")}${adt("TWO2")}`);
  await drop("red\x1b[31m.hl7", adt("RED"));
});

after(async () => {
  await agent[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("holdfast files list", () => {
  test("[P31, P34] every file, newest first: what became of it, its messages, and where it lies", async () => {
    const found = await listed();
    assert.deepEqual(
      found.map(({ name, state, verdict, reason, messages }) => [
        ...[name, state, verdict ?? reason, messages],
      ]),
      [
        ["red\\x1b[31m.hl7", "moved", "sent", 1],
        ["two-again.hl7", "moved", "duplicate", 0],
        ["two.hl7", "moved", "sent", 2],
        ["bad.txt", "moved", "noHeader", 0],
        ["one.hl7", "moved", "sent", 1],
      ],
    );
    assert.ok(found.every(({ movedTo }) => movedTo !== undefined));
  });

  test("[P34] as a table: one line a file, with nothing that a terminal would obey", async () => {
    const { out, code } = await asked("files", "list");
    assert.equal(code, 0);
    const lines = out.trimEnd().split("\n");
    assert.equal(lines.length, 6);
    assert.match(lines[0] ?? "", /^claim +channel +claimed +state +what +bytes +messages +name/);
    assert.match(out, /^[0-9a-f]{16} +files +\S+ +moved +noHeader .* bad\.txt +error\/bad\.txt$/m);
    assert.match(out, / sent .* one\.hl7 +archive\/\d{4}\/\d\d\/\d\d\/one\.hl7$/m);
    assert.match(out, /^[\n\x20-\x7e]*$/);
  });

  test("[P31] --aside: those that were set aside, though they were moved; --state aside has none of them", async () => {
    assert.deepEqual(namesOf(await listed("--aside")), ["bad.txt"]);
    assert.deepEqual(await listed("--state", "aside"), []);
    assert.deepEqual(namesOf(await listed("--aside", "--state", "moved")), ["bad.txt"]);
    const [{ movedTo = "" } = {}] = await listed("--aside");
    assert.ok(existsSync(join(folder.path, "error", movedTo)));
  });

  test("[P31] one claim, a number of them, one channel; a claim that is not there is told by the exit code", async () => {
    const [, second, third] = await listed();
    assert.ok(second !== undefined && third !== undefined);
    assert.deepEqual(await listed("--claim", second.claim), [second]);
    assert.equal((await listed("--limit", "2")).length, 2);
    assert.equal((await listed("--channel", "files")).length, 5);
    const missing = await asked("files", "list", "--claim", "0".repeat(16));
    assert.deepEqual([missing.code, missing.out], [65, "No such file has been taken\n"]);
    const other = await asked("files", "list", "--channel", "adt");
    assert.match(other.errors, /CHANNEL_UNKNOWN/);
  });

  test("[P31] status says how many were set aside, also when the alarm has ended with the process", async () => {
    const isAlarmed = ({ conditions }: AgentStatus): boolean =>
      conditions.some(({ condition }) => condition === "fileQuarantined");
    assert.equal(isAlarmed(await statusOf()), true);
    await agent[Symbol.asyncDispose]();
    agent = await folder.start();
    const status = await statusOf();
    assert.equal(isAlarmed(status), false);
    const drop = status.channels.find(({ name }) => name === "files");
    assert.equal(drop?.folder?.setAside, 1);
    const { out } = await asked("status");
    assert.match(out, /^ {2}1 set aside within 90 days: holdfast files list --aside$/m);
    assert.deepEqual(namesOf(await listed("--aside")), ["bad.txt"]);
  });

  test("[P34] no name is in the log", () => {
    assert.doesNotMatch(agent.errors, /bad\.txt|one\.hl7/);
  });

  test("[P31] the reason beside the file has the claim that the list has", async () => {
    const [aside] = await listed("--aside");
    const reason = JSON.parse(
      readFileSync(join(folder.path, "error", "bad.txt.reason.json"), "utf8"),
    ) as { readonly claim: string; readonly code: string };
    assert.deepEqual([reason.claim, reason.code], [aside?.claim, aside?.reason]);
  });
});
