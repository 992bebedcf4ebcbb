/** Updates of this program, as a person reads them. @module */
import type { UpdateStatus } from "../update-desk.ts";
import { escaped } from "./terminal.ts";

const STEPS: Readonly<Record<UpdateStatus["step"], string>> = {
  off: "not enabled by root: holdfast update enable FILE",
  damaged: "the updater's journal cannot be read",
  idle: "nothing under way",
  installing: "a package is being installed",
  switching: "the new version is watched",
  committing: "the new version is being kept",
  goingBack: "going back to the version before",
  tidying: "the version before runs; the package manager is being told",
};

/** The first line says how it stands; what one may decide about follows. */
export function updateLines(status: UpdateStatus): string[] {
  const { mode, step, current, previous, offer, approved, outcome } = status;
  const what = current === undefined ? "" : `, with the package of ${current}`;
  return [
    `updates: ${mode}, ${STEPS[step]}${what}`,
    ...(offer === undefined
      ? []
      : [
          `  staged: ${offer.version}${offer.back ? ", which goes BACK" : ""}, ${escaped(offer.name)}`,
          `    holdfast update approve ${offer.digest}${offer.back ? " --back" : ""}`,
        ]),
    ...(previous === undefined
      ? []
      : [
          `  the release before: ${previous.version}`,
          `    holdfast update approve ${previous.digest} --back`,
        ]),
    ...(approved === undefined
      ? []
      : [`  approved by ${escaped(approved.by)}: ${approved.digest}`]),
    ...outcomeLines(outcome),
  ];
}

const KINDS = { committed: "done", wentBack: "went back", refused: "refused" } as const;

function outcomeLines(outcome: UpdateStatus["outcome"]): string[] {
  if (outcome === undefined) return [];
  const { kind, from, to = "?", reason, at, by } = outcome;
  const why = reason === undefined ? "" : ` (${escaped(reason)})`;
  return [`  last: ${KINDS[kind]} at ${at}, ${from} to ${to}${why}, approved by ${escaped(by)}`];
}
