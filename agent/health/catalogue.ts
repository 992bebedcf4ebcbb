/**
 * Everything that can be wrong while the agent runs: the catalogue, to be read as a document.
 *
 * A code is never renamed or reused. What is not open is well: absence means healthy. Each has a runbook in
 * `docs/runbooks`.
 *
 * @module
 */
import { CHANNEL_WARNINGS } from "./channel-warnings.ts";
import { DELIVERY_WARNINGS } from "./delivery-warnings.ts";
import { FOLDER_WARNINGS } from "./folder-warnings.ts";
import { PAGE_WARNINGS } from "./page-warnings.ts";
import { STORE_WARNINGS } from "./store-warnings.ts";
import { TRUST_WARNINGS } from "./trust-warnings.ts";
import { TUNNEL_WARNINGS } from "./tunnel-warnings.ts";
import { type Warning, type WarningRow, warningOf } from "./warning.ts";

const ROWS = {
  ...STORE_WARNINGS,
  ...TUNNEL_WARNINGS,
  ...CHANNEL_WARNINGS,
  ...FOLDER_WARNINGS,
  ...DELIVERY_WARNINGS,
  ...TRUST_WARNINGS,
  ...PAGE_WARNINGS,
} as const satisfies Record<string, WarningRow>;

export type ConditionName = keyof typeof ROWS;

export const CONDITIONS = Object.fromEntries(
  Object.entries(ROWS).map(([code, row]) => [code, warningOf(code, row)]),
) as Readonly<Record<ConditionName, Warning>>;

/** Whether it is one of the catalogue: records of a newer version may hold others. */
export const isCondition = (code: string): code is ConditionName => Object.hasOwn(CONDITIONS, code);
