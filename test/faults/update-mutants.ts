/** The updater (07 section 3): each of its conditions removed in turn. @module */
import type { Mutant } from "./mutants.ts";
import { oneEdit } from "./one-edit.ts";

const order = (only: string) => ["test/agent/updater/updater.test.ts", only] as const;
const attack = (only: string) => ["test/abuse/updates.test.ts", only] as const;

export const UPDATE_MUTANTS: readonly Mutant[] = [
  oneEdit(
    "updates: the health test is skipped",
    "agent/updater/updater.ts",
    ["    if (worse !== undefined) return await this.#goBack(worse);\n", ""],
    order("never ready: the one before"),
  ),
  oneEdit(
    "updates: verification is skipped",
    "releases/package.ts",
    ['if (checks.every(({ verdict }) => verdict === "ok")) await keep', "await keep"],
    attack("unsigned, by another publisher"),
  ),
  oneEdit(
    "updates: what was approved may be another package",
    "agent/updater/candidate.ts",
    ["if (found.digest !== digest) return", "if (found.digest.length > 64) return"],
    attack("another package than was approved"),
  ),
  oneEdit(
    "updates: a name leads elsewhere",
    "agent/updater/candidate.ts",
    [
      "const file = stagedPath(places.staged, name);",
      "const file: string | undefined = join(places.staged, name);",
    ],
    attack("a staged name that leads elsewhere"),
  ),
  oneEdit(
    "updates: marks before the health test",
    "agent/updater/updater.ts",
    [
      "    hands.exchange();\n    const worse = await this.#watch(before",
      "    hands.exchange();\n    await this.#options.marks.write(marksAfterInstall(await this.#options.marks.read(), next.releaseCounter));\n    const worse = await this.#watch(before",
    ],
    order("a release with less than before"),
  ),
  oneEdit(
    "updates: what was interrupted goes on",
    "agent/updater/updater.ts",
    ['return await this.#goBack("interrupted");', "return await this.#commit();"],
    order("a kill of the updater at each point of a release that is never ready"),
  ),
  oneEdit(
    "updates: a yes counts twice",
    "agent/updater/updater.ts",
    ["if (yes === undefined || this.#journal.used.includes(yes.id))", "if (yes === undefined)"],
    order("takes the place of the one before"),
  ),
  oneEdit(
    "updates: the store's schema is not looked at",
    "agent/updater/updater.ts",
    ["return isSame ? found", "return isSame || schema !== -1 ? found"],
    order("another schema of the store is not begun"),
  ),
  oneEdit(
    "updates: mode is not looked at",
    "agent/updater/updater.ts",
    ['if (policy.updates.mode !== "apply") return waiting("off");', ""],
    order("nothing is touched without"),
  ),
];
