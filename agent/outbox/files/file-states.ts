/**
 * How a dropped file stands (`file_claim.state`).
 *
 * ```
 * claimed ─┬─► committed ─┬─► moved ──► the row goes, when nothing needs it any more
 *    │     └─► aside ─────┘
 *    └─► withdrawn: the row is gone at once; or moved, without a verdict, if steps of the file are stored
 * ```
 *
 * @module
 */
import { CLAIM_STATES, type ClaimState } from "../../ingest/file-drop/claims.ts";

export const FILE_STATE = { claimed: 0, committed: 1, aside: 2, moved: 3 } as const;

/** @returns `undefined` for a number that is none: storage has altered it */
export const stateNamed = (state: number): ClaimState | undefined => CLAIM_STATES[state];
