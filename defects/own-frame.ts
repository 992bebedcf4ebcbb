/** Where in our code an error came from that no part expected: all that is told of it (08 PL3). @module */

const PARTS =
  "agent|certs|config|defects|documents|packaged|pages|protocol|receiver|reconcile|releases|streams";
/** A frame of V8 in a source file of ours. */
const OWN_FRAME = new RegExp(`^ {4}at .*/((?:${PARTS})/[a-z0-9/-]+\\.ts):(\\d{1,6}):\\d+\\)?$`);
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
  for (const frame of framesOf(error)) {
    const [, file, line] = OWN_FRAME.exec(frame) ?? [];
    if (file === undefined || file.length > MODULE_MAX_CHARACTERS) continue;
    return { module: file.replaceAll("/", ":"), line: Number(line) };
  }
  return undefined;
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
