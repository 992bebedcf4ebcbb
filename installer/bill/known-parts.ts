/**
 * The names of all parts, as a person has seen them: a new one is a line of `known-parts.txt` that a reviewer reads
 * (08 H09). Versions are the lock file's to say.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Bill } from "./part.ts";

const FILE = join(import.meta.dirname, "known-parts.txt");

/** `holdfast ws`: the program, and what lies in it; in order, each once. */
export function namesOf(bills: readonly Bill[]): readonly string[] {
  const names = bills.flatMap(({ program, parts }) =>
    // Add-ons have a package for each platform.
    parts.map(({ name }) => `${program.name} ${name.replace(/^(@koromix\/koffi)-.*/, "$1")}`),
  );
  return [...new Set(names)].sort();
}

/** @throws {Error} that names what is new, and what has gone */
export function refuseUnknownParts(bills: readonly Bill[], file = FILE): void {
  const known = new Set(readFileSync(file, "utf8").split("\n").filter(Boolean));
  const found = namesOf(bills);
  const programs = new Set(bills.map(({ program }) => program.name));
  const gone = [...known].filter(
    (line) => programs.has(line.split(" ")[0] ?? "") && !found.includes(line),
  );
  const fresh = found.filter((line) => !known.has(line));
  if (fresh.length + gone.length === 0) return;
  const lines = [...fresh.map((line) => `new: ${line}`), ...gone.map((line) => `gone: ${line}`)];
  throw new Error(`installer/bill/known-parts.txt does not say so:\n${lines.join("\n")}`);
}
