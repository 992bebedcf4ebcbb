/** 08 PL3: what nobody caught is told by its code and its place, and never by its words. */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { codeOf } from "#agent/errors.ts";
import { ownPlace } from "#agent/host/own-place.ts";
import { ownPlace as receiverPlace } from "#receiver/host/own-place.ts";
import { makePair } from "#scripts/make-pair.ts";
import { Started } from "#test/support/processes.ts";
import { hitsIn, needlesOf } from "./canaries.ts";

const ROOT = join(import.meta.dirname, "../..");
const NAME = "ZEISIG^ANTON";
const NEEDLES = needlesOf(NAME);

/** With a stack as V8 writes it. */
function thrown(message: string, frames: readonly string[], header = "Error"): Error {
  const error = new Error(message);
  error.stack = [`${header}: ${message}`, ...frames.map((one) => `    at ${one}`)].join("\n");
  return error;
}

const FOREIGN = "Parser.parse (file:///opt/holdfast/node_modules/yaml/dist/parser.js:10:3)";
const OWN = "Outbox.append (file:///opt/holdfast/agent/outbox/outbox.ts:210:11)";

describe("[PL3] where an error comes from", () => {
  for (const [what, place] of Object.entries({ agent: ownPlace, receiver: receiverPlace })) {
    const own = OWN.replace("agent/outbox/outbox", `${what}/some-part/some-file`);
    const found = { module: `${what}:some-part:some-file.ts`, line: 210 };

    test(`${what}: the innermost module of ours, and its line`, () => {
      assert.deepEqual(place(thrown(NAME, [FOREIGN, own, OWN])), found);
      assert.deepEqual(place(thrown("", [own])), found);
      const frame = `async file:///opt/holdfast/${what}/some-part/some-file.ts:210:1`;
      assert.deepEqual(place(thrown(`${NAME}\n  and more`, [frame])), found);
    });

    test(`${what}: words that look like a frame are none, and of what cannot be told apart nothing is told`, () => {
      const trap = `${NAME}\n    at x (file:///${what}/zeisig-anton.ts:1948:1)`;
      assert.deepEqual(place(thrown(trap, [own])), found);
      assert.deepEqual(place(thrown(trap, [FOREIGN])), {});
      const renamed = thrown(trap, [own]);
      renamed.message = "something else";
      assert.deepEqual(place(renamed), {});
      const withSource = thrown("unexpected token", [own], `${NAME}\n^^^\n\nSyntaxError`);
      assert.deepEqual(place(withSource), {});
      for (const other of [NAME, undefined, null, { stack: own, message: "" }]) {
        assert.deepEqual(place(other), {});
      }
    });
  }

  test("an error's code is told if it is one, and nothing else", () => {
    assert.equal(codeOf(Object.assign(new Error(NAME), { code: "SQLITE_FULL" })), "SQLITE_FULL");
    for (const code of [NAME, `${"A".repeat(65)}`, 7, "", undefined]) {
      assert.equal(codeOf({ code }), "unknown");
    }
  });
});

/** What a defect does: it throws where nobody catches. As `kind` says, when it is asked to by a signal. */
const DEFECTS = {
  "an exception": `setImmediate(() => { throw error; });`,
  "a rejection": `Promise.reject(error);`,
  "something that is no error": `setImmediate(() => { throw error.message; });`,
} as const;

async function crashed(args: readonly string[], folder: string, defect: string) {
  const hook = join(folder, `defect-${hash("md5", defect)}.mjs`);
  const path = JSON.stringify(`/in/${NAME}.hl7`);
  writeFileSync(
    hook,
    `process.on("SIGUSR2", () => {
      const error = Object.assign(new Error("near ${NAME}"), { path: ${path}, code: "EBADMSG" });
      ${defect}
    });`,
  );
  await using program = new Started([process.execPath, "--import", hook, ...args]);
  await program.ready();
  const { code } = await program.end("SIGUSR2");
  return { code, said: program.errors };
}

test("[PL3] what nobody catches in agent or receiver ends it with 70, and its words and paths are nowhere", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-uncaught-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [one, other] = [join(folder, "one"), join(folder, "other")];
  const first = await makePair({ folder: one });
  const second = await makePair({ folder: other });
  const agent = (config: string) => [join(ROOT, "agent/main.ts"), "run", "--config", config];
  const serve = [join(ROOT, "receiver/main.ts"), "serve", "--config", first.receiverConfig];
  const runs: readonly { readonly args: readonly string[]; readonly kind: keyof typeof DEFECTS }[] =
    [
      { args: agent(first.agentConfig), kind: "an exception" },
      { args: agent(second.agentConfig), kind: "a rejection" },
      { args: serve, kind: "something that is no error" },
    ];
  await Promise.all(
    runs.map(async ({ args, kind }) => {
      const { code, said } = await crashed(args, folder, DEFECTS[kind]);
      assert.equal(code, 70, `${kind}: ${said}`);
      assert.deepEqual(hitsIn(kind, Buffer.from(said), NEEDLES), []);
      const last = said.trimEnd().split("\n").at(-1) ?? "";
      assert.match(last, /defect/);
      assert.match(last, kind === "something that is no error" ? /UNKNOWN/ : /EBADMSG/);
      assert.doesNotMatch(said, /^\s+at |node:internal/m, "no stack");
    }),
  );
});

test("[PL3] a command that meets a defect tells module and line of ours", async () => {
  const program = `
    import { explain } from ${JSON.stringify(join(ROOT, "agent/cli/explain.ts"))};
    import { identifierFrom } from ${JSON.stringify(join(ROOT, "agent/errors.ts"))};
    try { identifierFrom("${NAME}"); } catch (error) { process.exitCode = explain(error); }`;
  const args = ["--input-type=module-typescript", "--eval", program];
  await using said = new Started([process.execPath, ...args]);
  assert.equal((await said.ended).code, 70);
  assert.match(said.errors, /\(code=unknown, module=agent:errors\.ts, line=\d+\)\n$/);
});
