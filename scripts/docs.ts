/** Writes the error catalogue into README.md between its markers; with `--check` only says whether it is there. @module */
import { readFileSync, writeFileSync } from "node:fs";
import { ERROR_CATALOGUE } from "#agent/errors.ts";

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
