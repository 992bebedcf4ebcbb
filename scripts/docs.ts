/**
 * Writes the error catalogue into README.md between its markers, and the index of runbooks; with `--check` only says
 * whether they are there.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { ERROR_CATALOGUE } from "#agent/errors.ts";
import { CONDITIONS } from "#agent/health/catalogue.ts";
import type { Severity } from "#agent/health/warning.ts";

const BEGIN = "<!-- errors -->";
const END = "<!-- /errors -->";
const file = new URL("../README.md", import.meta.url);

const rows = Object.entries(ERROR_CATALOGUE).map(
  ([code, { exit, summary, remedy }]) => `| \`${code}\` | ${exit} | ${summary} | ${remedy} |`,
);
const table = [
  "| code | exit | what happened | what to do |",
  "| --- | --- | --- | --- |",
  ...rows,
];

const text = readFileSync(file, "utf8");
const before = text.slice(0, text.indexOf(BEGIN) + BEGIN.length);
const after = text.slice(text.indexOf(END));
const wanted = `${before}\n${table.join("\n")}\n${after}`;
if (!process.argv.includes("--check")) writeFileSync(file, wanted);
else if (wanted !== text) {
  console.log("README.md does not hold the error catalogue: npm run docs");
  process.exitCode = 1;
}

const HEADINGS: Readonly<Record<Severity, string>> = {
  critical: "Critical: messages are not accepted, or lost for good, or will be",
  warning: "Warning: something is broken or will be, and messages are kept",
  information: "Information: somebody has decided it so, or should know",
};
const index = new URL("../docs/runbooks/README.md", import.meta.url);
const sections = Object.entries(HEADINGS).map(([severity, heading]) =>
  [
    `## ${heading}`,
    "",
    "| alarm | what it means | for |",
    "| --- | --- | --- |",
    ...Object.entries(CONDITIONS)
      .filter(([, row]) => row.severity === severity)
      .map(([code, { means, whose, runbook }]) => {
        const name = runbook.slice(runbook.lastIndexOf("/") + 1);
        return `| [${code}](${name}) | ${means} | ${whose} |`;
      }),
    "",
  ].join("\n"),
);
const wantedIndex = `# Runbooks

One for each alarm, by how grave it is: what it means for patients, what to check, how to mend it, whom to call.
\`holdfast status\` names the runbook of each alarm that is open.

${sections.join("\n")}`;
if (!process.argv.includes("--check")) writeFileSync(index, wantedIndex);
else if (wantedIndex !== readFileSync(index, "utf8")) {
  console.log("docs/runbooks/README.md does not hold the catalogue of warnings: npm run docs");
  process.exitCode = 1;
}
