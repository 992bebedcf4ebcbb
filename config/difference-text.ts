/** A {@link Difference} as people read it at the machine. @module */
import { type Difference, type DifferenceLine, KINDS } from "./difference.ts";

const TITLES: Readonly<Record<DifferenceLine["kind"], string>> = {
  opens: "What opens",
  closes: "What closes",
  goes: "Where data goes",
  changes: "What else changes",
};

/** One line of text for each line, under four titles; the gravest class first. */
export function differenceText({ risk, lines }: Difference): string {
  if (lines.length === 0) return "Nothing changes (low)\n";
  const parts = KINDS.flatMap((kind) => {
    const own = lines.filter((line) => line.kind === kind);
    return own.length === 0 ? [] : [TITLES[kind], ...own.map((line) => `  ${textOf(line)}`)];
  });
  return `Risk class of the whole: ${risk}\n${parts.join("\n")}\n`;
}

function textOf({ channel, setting, risk, reason, ...values }: DifferenceLine): string {
  const what = setting === "" ? channel : `${channel}: ${setting}`;
  return `${what} ${changeText(values)} (${risk}: ${reason})`;
}

function changeText({ before, after }: Pick<DifferenceLine, "before" | "after">): string {
  if (before === undefined) return `+ ${shown(after)}`;
  if (after === undefined) return `- ${shown(before)}`;
  return `${shown(before)} -> ${shown(after)}`;
}

/** Nothing that a terminal obeys, or that changes the direction of what is read. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "";
  return text.replaceAll(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
