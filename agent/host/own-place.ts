/** The place of an error that no part expected, as facts (08 PL3). @module */
import { ownFrame } from "#defects/own-frame.ts";
import { type Facts, identifierFrom } from "../errors.ts";

/** @param error whatever was thrown @returns `module` and `line`; empty where no frame of ours is known */
export function ownPlace(error: unknown): Facts {
  const frame = ownFrame(error);
  return frame === undefined ? {} : { module: identifierFrom(frame.module), line: frame.line };
}
