/** Where in our code an error came from that no part expected: all that is told of it (08 PL3). @module */
import { ownPlaces, type PlaceTable, placeIn } from "#packaged/own-places.ts";

const PARTS =
  "agent|certs|config|defects|documents|packaged|pages|protocol|receiver|reconcile|releases|service-manager|streams";
/** A frame of V8 in a source file of ours. */
const OWN_FRAME = new RegExp(`^ {4}at .*/((?:${PARTS})/[a-z0-9/-]+\\.ts):(\\d{1,6}):\\d+\\)?$`);
/** A frame in the packaged executable: its program keeps the name that it was built under, a thread has none. */
const PACKAGED_FRAME =
  /^ {4}at (?:.*\()?(?:build\/executables\/[a-z0-9/-]+\/main\.cjs|\[worker eval\]):(\d{1,6}):\d+\)?$/;
const MODULE_MAX_CHARACTERS = 64;

/** `module`: its path from the root, with colons for slashes, safe to print; `line` from 1. */
export interface OwnFrame {
  readonly module: string;
  readonly line: number;
}

/**
 * The innermost module of ours, with its line, that an error passed through.
 *
 * The text in front of the frames quotes values and paths, and a hostile one could look like a frame. It is cut off by
 * its length; of an error whose stack does not begin with it, nothing is told.
 *
 * @param error whatever was thrown
 * @returns `undefined` where no frame of ours is known
 */
export function ownFrame(error: unknown): OwnFrame | undefined {
  const places = ownPlaces();
  for (const frame of framesOf(error)) {
    const found = places === undefined ? sourceFrame(frame) : packagedFrame(frame, places);
    if (found === undefined || found.path.length > MODULE_MAX_CHARACTERS) continue;
    return { module: found.path.replaceAll("/", ":"), line: found.line };
  }
  return undefined;
}

interface Place {
  readonly path: string;
  readonly line: number;
}

function sourceFrame(frame: string): Place | undefined {
  const [, path, line] = OWN_FRAME.exec(frame) ?? [];
  return path === undefined ? undefined : { path, line: Number(line) };
}

function packagedFrame(frame: string, places: PlaceTable): Place | undefined {
  const [, line] = PACKAGED_FRAME.exec(frame) ?? [];
  return line === undefined ? undefined : placeIn(places, Number(line));
}

function framesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const { stack, message } = error;
  if (typeof stack !== "string" || typeof message !== "string") return [];
  const at = stack.indexOf(message);
  if (at < 0 || stack.slice(0, at).includes("\n")) return [];
  return stack
    .slice(at + message.length)
    .split("\n")
    .slice(1);
}
