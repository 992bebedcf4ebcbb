/** Options that several commands have, and how their values are read. @module */
import { InvalidArgumentError, Option } from "commander";
import type { ExitCode } from "../exit-codes.ts";
import { isWindows } from "../host/platform.ts";
import { windowsPlaces } from "../host/windows/names.ts";
import { SERVICE_CONFIG } from "../service/linux/unit-places.ts";

export const DEFAULT_MLLP_PORT = 2575;

/** What a command does once it is chosen: parsing does nothing else. */
export type Act = () => ExitCode | Promise<ExitCode>;

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Must be a whole number from ${least} to ${most}.`);
  };
}

export const portParser = wholeNumber(0, 65_535);

const onWindows = isWindows ? windowsPlaces() : undefined;
/** That of the service. */
const DEFAULT_CONFIG = onWindows?.config ?? SERVICE_CONFIG;
export const DEFAULT_STATE_DIR = onWindows?.state ?? "/var/lib/holdfast";

export const configOption = (): Option =>
  new Option("--config <file>", "local.yaml").default(DEFAULT_CONFIG);
export const jsonOption = (): Option => new Option("--json", "print facts as JSON").default(false);

/** RFC 3339: a day, or a time with its offset. */
const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

export function timeOf(text: string): number {
  const atMs = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (atMs >= 0) return atMs;
  throw new InvalidArgumentError("Must be a time such as 2026-01-31T08:00:00Z.");
}

/** As in a list: 1 and up. */
export const blockNumber = wholeNumber(1, Number.MAX_SAFE_INTEGER);

/** `A` or `A-B`. */
export function seqRange(text: string): { readonly first: number; readonly last: number } {
  const [, first = "", last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const range = { first: blockNumber(first), last: blockNumber(last) };
  if (range.first <= range.last) return range;
  throw new InvalidArgumentError("Must be a number, or two such as 12-40.");
}
