/** Under which licence a part is used, and its text (09 PK15). @module */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Licences that ask for nothing but to be named, in the order in which we choose where there is a choice. The last
 * three are those of parts of Node: they come with it.
 */
export const ALLOWED_LICENCES = [
  ...["MIT", "ISC", "BSD-3-Clause", "BSD-2-Clause", "Apache-2.0", "MIT-0", "0BSD"],
  // SQLite's.
  "blessing",
  // As MIT, in words that lawyers wrote.
  "BlueOak-1.0.0",
  ...["Zlib", "Unicode-3.0", "LicenseRef-public-domain"],
] as const;

/**
 * Packages that ship their licence in another place than all others, from the folder of the package. Each was read
 * by a person.
 */
const ELSEWHERE: Readonly<Record<string, string>> = {
  // Both have the whole text at the end of their README.
  "pg-types": "README.md",
  pgpass: "README.md",
};
const LICENCE_FILE = /^(?:licen[cs]e|copying|copyrightnotice|notice)(?:[.-].*)?$/i;
const README_HEADING = /^#{1,3}\s*licen[cs]e\s*$/im;
/** Shorter than any text of the licences above. */
const TEXT_MIN_CHARACTERS = 250;

/**
 * @param declared SPDX expression of alternatives
 * @throws {Error} that names the part, if none of them is allowed
 */
export function chosenLicence(name: string, declared: string): string {
  const alternatives = declared.replace(/^\((.*)\)$/, "$1").split(" OR ");
  const chosen = ALLOWED_LICENCES.find((licence) => alternatives.includes(licence));
  if (chosen !== undefined) return chosen;
  throw new Error(
    `${name}: its licence is "${declared}", which is not on the list of those allowed`,
  );
}

/**
 * @param folder of the package
 * @returns whole files; of a README, what follows its heading
 * @throws {Error} that names the package, if it has no text
 */
export function licenceTexts(name: string, folder: string): readonly string[] {
  const elsewhere = ELSEWHERE[name];
  const files =
    elsewhere === undefined
      ? readdirSync(folder)
          .filter((file) => LICENCE_FILE.test(file))
          .sort()
      : [elsewhere];
  const texts = files
    .map((file) => join(folder, file))
    .filter((path) => existsSync(path))
    .map((path) => textOf(path));
  const isWhole = texts.some((text) => text.length >= TEXT_MIN_CHARACTERS);
  if (isWhole) return texts;
  throw new Error(`${name}: the package has no licence text`);
}

function textOf(path: string): string {
  const text = readFileSync(path, "utf8").replaceAll("\r\n", "\n");
  if (!path.endsWith("README.md")) return text.trim();
  const heading = README_HEADING.exec(text);
  return heading === null ? "" : text.slice(heading.index + heading[0].length).trim();
}
