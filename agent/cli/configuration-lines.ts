/** Where the configuration stands, in words. @module */
import type { ConfigurationStatus } from "../configuration-desk.ts";
import { escaped } from "./terminal.ts";

/** Which configuration is in effect, which is newest, and what it waits for. */
export function configurationLines(status: ConfigurationStatus): string[] {
  const { source, trustVersion, epoch, seqHigh, effective, lastGood, newest, freeze } = status;
  const ended = status.thawedBy === "higherEpoch" ? HIGHER_EPOCH : "holdfast config repair";
  return [
    `configuration: ${source}, for ${status.tenant}/${status.agent}; trust document ${trustVersion || "none yet"}, epoch ${epoch}, highest number ${seqHigh}`,
    ...(source === "local"
      ? ["  channels come from local.yaml; signed configurations are refused"]
      : [
          `  in effect: ${named(effective)}`,
          ...(lastGood?.digest === effective?.digest
            ? []
            : [`  last known good: ${named(lastGood)}`]),
        ]),
    ...(newest === undefined
      ? []
      : [
          `  newest: ${named(newest)}, class ${newest.risk}: ${newest.state}${newest.reason === undefined ? "" : ` (${newest.reason})`}`,
          ...(newest.waitsFor === undefined ? [] : [`  waits for ${newest.waitsFor}`]),
          ...newest.trouble.map((line) => `    ${escaped(line)}`),
        ]),
    ...(freeze === undefined ? [] : [`  FROZEN (${freeze}): nothing is changed until ${ended}`]),
  ];
}

const HIGHER_EPOCH =
  "a trust document with a higher configEpoch comes (holdfast config import), or holdfast enroll";

const named = (one: { readonly digest: string; readonly seq: number } | undefined): string =>
  one === undefined ? "nothing" : `number ${one.seq}, ${one.digest}`;
