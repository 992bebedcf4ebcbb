/** What a scenario is, and the two ways in which it may end other than well. @module */

/** One conversation with whoever is checked. */
export interface Scenario<Subject> {
  /** The rule of 06 that it checks; of those it checks, the one that most often breaks. */
  readonly rule: string;
  readonly title: string;
  /** @throws {Failed} at the first thing that is not as the rule says; {Skipped} if it cannot be run */
  readonly run: (subject: Subject) => Promise<void>;
}

/** Something is not as its rule says. Both texts are for a person. */
export class Failed extends Error {
  override readonly name = "Failed";
  readonly expected: string;
  readonly got: string;
  /** Of the scenario, unless a more exact one is known. */
  readonly rule: string | undefined;

  constructor(expected: string, got: string, rule?: string) {
    super(`expected ${expected}; got ${got}`);
    this.expected = expected;
    this.got = got;
    this.rule = rule;
  }
}

/** A scenario that cannot be run. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** @throws {Failed} unless `holds` */
export function expect(holds: boolean, expected: string, got: string, rule?: string): void {
  if (!holds) throw new Failed(expected, got, rule);
}

/** @throws {Failed} unless both are the same */
export function expectSame<T extends string | number | bigint | boolean | null | undefined>(
  what: string,
  actual: T,
  expected: T,
  rule?: string,
): void {
  expect(actual === expected, `${what} ${expected}`, `${what} ${actual}`, rule);
}
