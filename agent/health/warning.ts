/** What a row of the catalogue of warnings says. @module */

/**
 * `critical`: messages are not accepted, or lost for good, or will be. `warning`: something is broken or will be, and
 * messages are kept. `information`: somebody has decided it so, or should know.
 */
export type Severity = "critical" | "warning" | "information";

/** Who can mend it. `integration`: whoever looks after the systems that send and receive here. */
export type Whose = "hospital IT" | "integration" | "vendor";

/** As the catalogue writes it: what is left out is usual. */
export interface WarningRow {
  readonly severity: Severity;
  /** In one line, without a period. */
  readonly means: string;
  /** What a person does about it. */
  readonly remedy: string;
  readonly whose: Whose;
  /**
   * Codes that explain this one: while one of them is ill, of the whole agent or of the same channel, this one is
   * listed under it and is no alarm of its own. None is less severe than this one. [none]
   */
  readonly dependsOn?: readonly string[];
  /** An alarm opens only after it has lasted so long. [0, or {@link EXPLAINED_MS} where something may explain it] */
  readonly visibleAfterMs?: number;
  /** An alarm closes only after all has been well for so long. [{@link CLOSES_AFTER_MS}] */
  readonly closesAfterMs?: number;
  /**
   * A maintenance window mutes it: it is about a channel, the receiver or another system at work. What is about the
   * store, trust, the disk or damage, nothing mutes. [false]
   */
  readonly inMaintenance?: boolean;
}

export const CLOSES_AFTER_MS = 60_000;
/** What explains it may be found a moment later. */
export const EXPLAINED_MS = 5_000;
const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
/** One that came and went within it was a restart, a failover or a hiccup. */
export const HICCUP_MS = 30 * SECOND_MS;

/** Whole: with what is usual filled in. */
export interface Warning extends Required<WarningRow> {
  /** Path in this repository and in every package. */
  readonly runbook: string;
}

export function warningOf(code: string, row: WarningRow): Warning {
  const { dependsOn = [] } = row;
  return {
    ...{ closesAfterMs: CLOSES_AFTER_MS, inMaintenance: false },
    visibleAfterMs: dependsOn.length === 0 ? 0 : EXPLAINED_MS,
    ...{ ...row, dependsOn },
    runbook: `docs/runbooks/${kebab(code)}.md`,
  };
}

/** `tunnelDown` is `tunnel-down`. */
const kebab = (code: string): string =>
  code.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
