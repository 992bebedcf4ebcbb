/**
 * Regular expressions whose time is bounded (07 VC8).
 *
 * What makes an expression run for years is a repetition of something that can itself be taken in several
 * ways: `(a+)+`, `(a|a)*`. Such a one is refused by its form, without running it. What is left costs a power of
 * the name's length, and a name has 255 bytes and a tenth of a second (04 P43).
 *
 * @module
 */

const REPETITIONS_MAX_COUNT = 10;
/** `{n,m}` unrolls: a small text, a large program. */
const TIMES_MAX = 255;

interface Group {
  /** Something in it can be taken in several ways. */
  isAmbiguous: boolean;
}

/**
 * @param text of a regular expression that compiles with the flag `u`
 * @returns what is wrong with it, for people; nothing if its time is bounded
 */
export function patternFault(text: string): string | undefined {
  const groups: Group[] = [{ isAmbiguous: false }];
  let last: Group | undefined;
  let repetitions = 0;
  for (const token of tokensOf(text)) {
    const inside = groups.at(-1);
    if (token.startsWith("(")) groups.push({ isAmbiguous: false });
    else if (token === ")") {
      last = groups.pop();
      const around = groups.at(-1);
      if (last?.isAmbiguous && around) around.isAmbiguous = true;
      continue;
    } else if (token === "|" && inside) inside.isAmbiguous = true;
    else if (isQuantifier(token)) {
      // At most once is no repetition.
      const once = token === "?" || token === "??";
      if (!once && last?.isAmbiguous)
        return "must not repeat a group that repeats or has alternatives";
      if (inside) inside.isAmbiguous = true;
      repetitions += 1;
      if (repetitions > REPETITIONS_MAX_COUNT) {
        return `must not have more than ${REPETITIONS_MAX_COUNT} repetitions`;
      }
      if ((token.match(/\d+/g) ?? []).some((times) => Number(times) > TIMES_MAX)) {
        return `must not repeat anything more than ${TIMES_MAX} times`;
      }
    }
    last = undefined;
  }
  return undefined;
}

/** With the flag `u` a bare brace is an error: each that is left is a quantifier or stands behind `\`. */
const TOKEN =
  /\\(?:[pPu]\{[^}]*\}|k<[^>]*>|.)|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<[^>]*>|[a-z-]*:))?|(?:[*+?]|\{\d+(?:,\d*)?\})\??|[\s\S]/gsu;

const tokensOf = (text: string): readonly string[] => text.match(TOKEN) ?? [];

const isQuantifier = (token: string): boolean => /^(?:[*+?]|\{\d)/.test(token);
