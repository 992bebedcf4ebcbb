/** Events of the block reader as short lines, so that a table can show them. @module */
import {
  type BlockEvent,
  BlockReader,
  type BlockReaderOptions,
} from "#agent/ingest/mllp/block-reader.ts";
import { latin1, textOf } from "#test/support/messages.ts";

export const newReader = (options: Partial<BlockReaderOptions> = {}): BlockReader =>
  new BlockReader({ blockMaxBytes: 1 << 20, lenientEnd: true, ...options });

/** `block:MSH|`, `lenient block:MSH|`, `fragment abandoned:MSH|`; bytes that went out in slices come first. */
export function lines(events: readonly BlockEvent[]): string[] {
  const shown: string[] = [];
  let slices = "";
  for (const event of events) {
    if (event.kind === "slice") slices += textOf(event.bytes);
    else if (event.kind === "junk") shown.push(`junk:${event.count}`);
    else if (event.kind === "junkSample") continue;
    else if (event.kind === "notMllp" || event.kind === "bytesAfterLenientEnd") {
      shown.push(event.kind);
    } else {
      shown.push(`${labelOf(event)}:${slices}${textOf(event.bytes)}`);
      slices = "";
    }
  }
  return slices === "" ? shown : [...shown, `slices:${slices}`];
}

/** What the chunks give, in order; the bytes are read before the next chunk, as the contract says. */
export function read(options: Partial<BlockReaderOptions>, ...chunks: string[]): string[] {
  const reader = newReader(options);
  return chunks.flatMap((chunk) => lines(reader.push(latin1(chunk))));
}

/** Runs of junk as one: how they are cut is the only thing that the cuts may change. */
export function merged(shown: readonly string[]): string[] {
  const out: string[] = [];
  for (const line of shown) {
    const last = out.at(-1);
    if (line.startsWith("junk:") && last?.startsWith("junk:")) {
      out[out.length - 1] = `junk:${Number(last.slice(5)) + Number(line.slice(5))}`;
    } else out.push(line);
  }
  return out;
}

function labelOf(event: Exclude<BlockEvent, { kind: "slice" | "junk" | "junkSample" }>): string {
  switch (event.kind) {
    case "block":
    case "malformed":
      return event.lenientEnd ? `lenient ${event.kind}` : event.kind;
    case "fragment":
      return `fragment ${event.reason}`;
    case "tooLarge":
      return `tooLarge ${event.ended ? "ended" : "cut off"} ${event.totalBytes}`;
    default:
      return event.kind;
  }
}
