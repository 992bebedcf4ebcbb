/** Which files Mirth takes, and what it calls those it writes, as our patterns. Pure. @module */

const PATTERNS_MAX_COUNT = 100;
const PATTERN_MAX_CHARS = 255;

/**
 * `*.hl7, *.txt`.
 *
 * @returns `undefined` for what `includePatterns` cannot say
 */
export function patternsOfList(filter: string): readonly string[] | undefined {
  return usable(
    filter
      .split(",")
      .map((one) => one.trim())
      .filter((one) => one !== ""),
  );
}

/** Letters, `.*`, `.`, `\.`, and one group of alternatives of letters. */
const PLAIN = /^(?:\\[.\-_]|\.[*+]?|[A-Za-z0-9_ -]|\((?:\?:)?[A-Za-z0-9_|-]+\))+$/;
const PIECE = /\\.|\.[*+]?|\([^)]*\)|[^\\]/g;

/**
 * A regular expression for whole names that says no more than `*` and `?` can.
 *
 * @returns `undefined` for any other one
 */
export function patternsOfRegex(regex: string): readonly string[] | undefined {
  const plain = regex
    .replace(/^\(\?i\)/, "")
    .replace(/^\^/, "")
    .replace(/\$$/, "");
  if (plain.length > PATTERN_MAX_CHARS || !PLAIN.test(plain)) return undefined;
  const pieces = plain.match(PIECE) ?? [];
  const all = pieces.reduce<readonly string[]>(
    (begun, piece) => {
      const meant = meaningOf(piece);
      if (begun.length * meant.length > PATTERNS_MAX_COUNT) return [];
      return begun.flatMap((one) => meant.map((next) => one + next));
    },
    [""],
  );
  return usable(all);
}

function meaningOf(piece: string): readonly string[] {
  if (piece === ".*") return ["*"];
  if (piece === ".+") return ["?*"];
  if (piece === ".") return ["?"];
  if (piece.startsWith("\\")) return [piece.slice(1)];
  if (piece.startsWith("("))
    return piece
      .replace(/^\((?:\?:)?/, "")
      .slice(0, -1)
      .split("|");
  return [piece];
}

function usable(patterns: readonly string[]): readonly string[] | undefined {
  const isFit = (one: string): boolean =>
    one !== "" && one.length <= PATTERN_MAX_CHARS && !/[/\\$]|\p{C}/u.test(one);
  const isAny = patterns.length > 0 && patterns.length <= PATTERNS_MAX_COUNT;
  return isAny && patterns.every(isFit) ? patterns : undefined;
}

/** As Mirth writes a variable that it fills in. */
export const variable = (name: string): string => `\${${name}}`;

const FIELDS: Readonly<Record<string, string>> = {
  "message.messageId": "{id}",
  UUID: "{id}",
  COUNT: "{sequence}",
  SYSTIME: "{createdAt}",
  DATE: "{createdAt}",
  channelName: "{channel}",
  "message.channelName": "{channel}",
};

/**
 * A name that Mirth makes, as a `nameTemplate`.
 *
 * @returns `undefined` if it has a field or a character that ours cannot have
 */
export function templateOf(pattern: string): string | undefined {
  const template = pattern.replaceAll(/\$\{([^{}]*)\}/g, (field, name: string) =>
    name.startsWith("date.get(") ? "{createdAt}" : (FIELDS[name.trim()] ?? field),
  );
  const literal = template.replaceAll(/\{(?:id|sequence|createdAt|channel)\}/g, "");
  return template !== "" && /^[A-Za-z0-9._-]*$/.test(literal) ? template : undefined;
}

/** Whether no two messages get the same name. */
export const tellsApart = (template: string): boolean => /\{(?:id|sequence)\}/.test(template);
