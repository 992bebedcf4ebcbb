import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { CONDITIONS } from "#agent/health/catalogue.ts";
import { programFile } from "#test/support/programs.ts";

const ROOT = join(import.meta.dirname, "../../..");
const HEADINGS = ["What it means for patients", "Check", "Fix", "Escalate"];
const NAMES = readdirSync(join(ROOT, "docs/runbooks"));

const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");

describe("runbooks", () => {
  test("[PL9] every alarm has one with its four parts, and there is no other", () => {
    for (const [code, { runbook }] of Object.entries(CONDITIONS)) {
      const text = textOf(runbook);
      assert.ok(text.startsWith(`# ${code}\n`), runbook);
      const parts = text.split(/^## /m).slice(1);
      assert.deepEqual(
        parts.map((part) => part.slice(0, part.indexOf("\n"))),
        HEADINGS,
        runbook,
      );
      for (const part of parts) assert.match(part, /\n\n\S[\s\S]{3,}[.?]\n/, `${runbook}: ${part}`);
    }
    const known = Object.values(CONDITIONS).map(({ runbook }) => runbook.split("/").at(-1));
    assert.deepEqual(NAMES.toSorted(), [...known, "README.md"].toSorted());
  });

  test("[PL9] every command that they, and the catalogue, name exists, with its options", () => {
    const texts = [
      ...NAMES.map((name) => textOf(join("docs/runbooks", name))),
      ...Object.values(CONDITIONS).map(({ remedy }) => `\`${remedy.split(": ").at(-1)}\``),
    ];
    const named = texts.flatMap((text) =>
      [...text.matchAll(/`(holdfast(?: [a-z-]+)+(?: [A-Z]+)?(?: --[a-z]+(?: [A-Za-z]+)?)*)`/g)].map(
        ([, command = ""]) => command,
      ),
    );
    const helps = new Map<string, string>();
    for (const command of new Set(named)) {
      const words = command.split(" ").slice(1);
      const path = words.filter((word) => /^[a-z]/.test(word)).slice(0, 2);
      // What follows an option is its value.
      const ends = words.findIndex((word) => word.startsWith("--"));
      const asked = path.slice(0, ends < 0 ? 2 : ends).join(" ");
      const help = helps.get(asked) ?? helpOf(asked);
      helps.set(asked, help);
      assert.match(help, new RegExp(`^Usage: holdfast ${asked} `), command);
      for (const option of words.filter((word) => word.startsWith("--"))) {
        assert.ok(help.includes(`${option} `), `${command}: ${option}`);
      }
    }
    assert.ok(helps.size > 15, `${helps.size}`);
  });
});

function helpOf(command: string): string {
  const main = programFile("agent/main.ts");
  const { stdout } = spawnSync(process.execPath, [main, ...command.split(" "), "--help"]);
  return stdout.toString("utf8");
}
