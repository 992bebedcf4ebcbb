/** `THIRD-PARTY-NOTICES.txt`: who made what lies inside, and under which licence, whole (09 PK15). @module */
import { type Bill, byPurl, type Part } from "./part.ts";

const RULE = "-".repeat(80);

/**
 * One file for all that is released together. Equal texts stand once, under all that they are of.
 *
 * @returns text that ends in a newline
 */
export function notices(bills: readonly Bill[]): string {
  const parts = new Map<string, Part>();
  for (const { parts: some } of bills) for (const part of some) parts.set(part.purl, part);
  const all = [...parts.values()].sort(byPurl);
  const lines = all.map(
    (part) =>
      `${part.name} ${part.version} · ${part.licence} · ${programsWith(part, bills)} · ${part.purl}`,
  );
  const byText = new Map<string, Part[]>();
  for (const part of all) {
    for (const text of part.texts) byText.set(text, [...(byText.get(text) ?? []), part]);
  }
  const texts = [...byText].map(([text, of]) =>
    [RULE, ...of.map(({ name, version }) => `${name} ${version}`), RULE, "", text, ""].join("\n"),
  );
  return [
    "What others made and what lies inside the programs of Holdfast, with the licences under which it is used.",
    "The licences of what lies in Node (OpenSSL, V8 and so on) stand in Node's own text.",
    "",
    ...lines,
    "",
    ...texts,
  ].join("\n");
}

function programsWith({ purl }: Part, bills: readonly Bill[]): string {
  const names = bills
    .filter(({ parts }) => parts.some((part) => part.purl === purl))
    .map(({ program }) => program.name);
  return [...new Set(names)].sort().join(", ");
}
