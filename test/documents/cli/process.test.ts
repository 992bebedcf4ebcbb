/** The program as a process: exit codes, standard output, and a passphrase that nobody sees. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { readDraft } from "#documents/cli/draft.ts";
import { bytesToSign } from "#documents/sign.ts";
import { until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { configYaml, SigningDesk } from "#test/support/signing-desk.ts";

const MAIN = programFile("documents/cli/main.ts");
const hasScript = spawnSync("script", ["--version"]).status === 0;

test("usage is 64; what pae writes to standard output is what is signed", async () => {
  using desk = await SigningDesk.open();
  const ran = (...args: readonly string[]) =>
    spawnSync(process.execPath, [MAIN, ...args], { cwd: desk.folder });
  assert.equal(ran("--help").status, 0);
  desk.write("config.yaml", configYaml());
  await desk.sign("config", "config.yaml", "--out", "c.json");
  const attach = ["attach", "c.json", "--signature", "c.json"];
  for (const args of [["sing"], ["trust"], ["verify", "c.json"], attach]) {
    const { status, stderr } = ran(...args);
    assert.deepEqual([status, /--help/.test(`${stderr}`)], [64, true], `${args}`);
  }
  const pae = ran("pae", "c.json");
  assert.equal(pae.status, 0);
  assert.deepEqual(new Uint8Array(pae.stdout), bytesToSign(readDraft(desk.path("c.json"))));
});

test("a passphrase is asked for at the terminal, and does not appear there", {
  skip: hasScript ? false : "script of util-linux is missing: no terminal was asked",
}, async () => {
  using desk = await SigningDesk.open();
  const passphrase = "correct horse";
  const keygen = atTerminal(desk, ["keygen", "--out", "erika"]);
  await keygen.answer("New passphrase: ", passphrase);
  await keygen.answer("Once more: ", passphrase);
  assert.equal(await keygen.ended(), 0, keygen.seen());
  assert.match(Buffer.from(desk.read("erika.key.pem")).toString(), /ENCRYPTED/);

  desk.write("config.yaml", configYaml());
  await desk.sign("config", "config.yaml", "--out", "c.json");
  const add = ["add", "c.json", "--key", "erika.key.pem"];
  const question = "Passphrase of erika.key.pem: ";
  for (const [typed, status] of [
    ["wrong", 77],
    ["\u0003", 64],
    [passphrase, 0],
  ] as const) {
    const signing = atTerminal(desk, add);
    await signing.answer(question, typed);
    assert.equal(await signing.ended(), status, signing.seen());
    assert.ok(!signing.seen().includes(typed), "not echoed");
  }
  assert.equal(readDraft(desk.path("c.json")).signatures.length, 1);
});

/** `script` gives it a terminal, and types there what is written to it. */
function atTerminal(desk: SigningDesk, args: readonly string[]) {
  const command = [process.execPath, MAIN, ...args].join(" ");
  const child = spawn("script", ["-qec", command, "/dev/null"], { cwd: desk.folder });
  let seen = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    seen += text;
  });
  const status = once(child, "close").then(([code]) => code as number);
  return {
    seen: () => seen,
    ended: () => status,
    /** Types only once it is asked: before that a terminal echoes. */
    answer: async (question: string, typed: string): Promise<void> => {
      await until(question, () => seen.includes(question));
      child.stdin.write(`${typed}\n`);
    },
  };
}
