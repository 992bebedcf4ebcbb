/** What one check of `doctor` found, and how it is said. @module */
import {
  type AgentError,
  ERROR_CATALOGUE,
  type ErrorCode,
  type Facts,
  identifierFrom,
} from "../errors.ts";

/** Ordered: the last one that occurs is the verdict of the whole. */
export const VERDICTS = ["ok", "notice", "warning", "problem"] as const;
export type Verdict = (typeof VERDICTS)[number];

/**
 * What one check found. `notice`: worth knowing, nothing to do now. `warning`: it runs, and something should be done.
 * `problem`: the agent will not run like this, or must not.
 */
export interface Finding {
  readonly verdict: Verdict;
  readonly facts: Facts;
  /** For a person; one line, safe for a terminal. */
  readonly text: string;
  readonly remedy: string | undefined;
}

export const ok = (text: string, facts: Facts): Finding => ({
  verdict: "ok",
  facts,
  text,
  remedy: undefined,
});

export const notice = (text: string, facts: Facts, remedy?: string): Finding => ({
  verdict: "notice",
  facts,
  text,
  remedy,
});

export const warning = (text: string, facts: Facts, remedy: string): Finding => ({
  verdict: "warning",
  facts,
  text,
  remedy,
});

export const problem = (text: string, facts: Facts, remedy: string): Finding => ({
  ...warning(text, facts, remedy),
  verdict: "problem",
});

/** An error that `run` would end with. */
export const fault = (code: ErrorCode, facts: Facts): Finding => said("problem", code, facts);

/** An error with which the agent runs all the same. */
export const trouble = ({ code, facts }: AgentError): Finding => said("warning", code, facts);

function said(verdict: Verdict, code: ErrorCode, facts: Facts): Finding {
  const { summary, remedy } = ERROR_CATALOGUE[code];
  const text = `${summary}${shown(facts)} [${code}]`;
  return { verdict, facts: { code: identifierFrom(code), ...facts }, text, remedy };
}

function shown(facts: Facts): string {
  const all = Object.entries(facts).map(([name, value]) => `${name}=${value}`);
  return all.length === 0 ? "" : ` (${all.join(", ")})`;
}
