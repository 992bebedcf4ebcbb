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

/**
 * @param text of a regular expression that compiles with the flag `u`
 * @returns what is wrong with it, for people; nothing if its time is bounded
 */
export function patternFault(text: string): string | undefined {
  // Of each open group, the whole first: whether something in it can be taken in several ways.
  const isAmbiguous: boolean[] = [false];
  const mark = (): void => void isAmbiguous.splice(-1, 1, true);
  let wasAmbiguous = false;
  let repetitions = 0;
  for (const token of tokensOf(text)) {
    if (token.startsWith("(")) isAmbiguous.push(false);
    else if (token === "|") mark();
    else if (isQuantifier(token)) {
      // At most once is no repetition.
      const isRepeated = token !== "?" && token !== "??";
      if (isRepeated && wasAmbiguous)
        return "must not repeat a group that repeats or has alternatives";
      mark();
      repetitions += 1;
      if (repetitions > REPETITIONS_MAX_COUNT) {
        return `must not have more than ${REPETITIONS_MAX_COUNT} repetitions`;
      }
      if ((token.match(/\d+/g) ?? []).some((times) => Number(times) > TIMES_MAX)) {
        return `must not repeat anything more than ${TIMES_MAX} times`;
      }
    }
    wasAmbiguous = token === ")" && isAmbiguous.pop() === true;
    if (wasAmbiguous) mark();
  }
  return undefined;
}

/** With the flag `u` a bare brace is an error: each that is left is a quantifier or stands behind `\`. */
const TOKEN =
  /\\(?:[pPu]\{[^}]*\}|k<[^>]*>|.)|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<[^>]*>|[a-z-]*:))?|(?:[*+?]|\{\d+(?:,\d*)?\})\??|[\s\S]/gsu;

const tokensOf = (text: string): readonly string[] => text.match(TOKEN) ?? [];

const isQuantifier = (token: string): boolean => /^(?:[*+?]|\{\d)/.test(token);
