/** Frames in words, for the lines of the report. Of a message nothing is said but its number. @module */
import {
  ERROR_CODE,
  type Frame,
  GOAWAY_CODE,
  OPENED_STATUS,
  REJECT_CODE,
} from "#protocol/frame.ts";

/** The name of a code, as 06 writes it. */
export function nameOf(codes: Readonly<Record<string, number>>, code: number): string {
  const name = Object.keys(codes).find((key) => codes[key] === code) ?? String(code);
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

export function frameInWords(frame: Frame): string {
  const name = frame.type.toUpperCase();
  switch (frame.type) {
    case "error":
      return `${name} ${nameOf(ERROR_CODE, frame.code)}`;
    case "goaway":
      return `${name} ${nameOf(GOAWAY_CODE, frame.code)}`;
    case "reject": {
      const kind = frame.permanent ? "permanent" : "not permanent";
      return `${name} ${nameOf(REJECT_CODE, frame.code)} of seq ${frame.seq} (${kind})`;
    }
    case "opened":
      return `${name} ${nameOf(OPENED_STATUS, frame.status)}, epoch ${frame.epoch}, last seq ${frame.lastSeq}`;
    case "open":
      return `${name} of epoch ${frame.epoch}, next seq ${frame.nextSeq}`;
    case "ack":
      return `${name} of epoch ${frame.epoch}, seq ${frame.lastSeq}`;
    case "data":
      return `${name} of seq ${frame.seq} at ${frame.offset}`;
    case "skip":
      return `${name} of ${frame.firstSeq} to ${frame.lastSeq}`;
    case "partial":
      return `${name} of seq ${frame.seq}, ${frame.durableOffset} bytes`;
    default:
      return name;
  }
}

/** The last few, oldest first; what only keeps the connection alive is left out. */
export function framesInWords(frames: readonly Frame[]): string {
  const telling = frames.filter(
    ({ type }) => type !== "credit" && type !== "ping" && type !== "pong",
  );
  return telling.length === 0 ? "nothing" : telling.slice(-3).map(frameInWords).join(", then ");
}
