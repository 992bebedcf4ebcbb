/**
 * A file's name as it may be shown: one line, whatever its bytes (04 P34, section 12 rows 18 and 19).
 *
 * @module
 */
import { SHOWN_NAME_MAX_CHARACTERS } from "../limits.ts";

const BACKSLASH = 0x5c;
const SPACE = 0x20;
const TILDE = 0x7e;
const CUT = "...";
const REPLACEMENT = "\ufffd";
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Printable ASCII stays as it is, but for the backslash, which is doubled. Other characters are written
 * `\u{2028}` where the bytes are UTF-8, so that marks which turn the direction of text, or look like a
 * line end, are seen; control characters and bytes that are no UTF-8 are written `\x0a`. Two different names
 * look different, unless they are longer than the limit.
 *
 * @param name bytes of the system
 * @returns printable ASCII, at most 1,024 characters; a longer one is cut, and ends in `...`. A name of 255
 *   bytes is never cut. Not to be used as a name again, and not safe as HTML
 */
export function shownName(name: Uint8Array): string {
  let shown = "";
  for (let at = 0; at < name.length; ) {
    const [piece, bytes] = pieceAt(name, at);
    const isLast = at + bytes === name.length;
    const room = SHOWN_NAME_MAX_CHARACTERS - (isLast ? 0 : CUT.length);
    if (shown.length + piece.length > room) return shown + CUT;
    shown += piece;
    at += bytes;
  }
  return shown;
}

/** One character as it is shown, and how many bytes it has. */
function pieceAt(name: Uint8Array, at: number): [string, number] {
  const byte = name[at] ?? 0;
  if (byte === BACKSLASH) return ["\\\\", 1];
  if (byte >= SPACE && byte <= TILDE) return [String.fromCharCode(byte), 1];
  const count = byte < 0xc2 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  const character = count === 0 ? "" : decoder.decode(name.subarray(at, at + count));
  const isOne =
    [...character].length === 1 && (character !== REPLACEMENT || isReplacement(name, at));
  if (isOne) return [`\\u{${character.codePointAt(0)?.toString(16)}}`, count];
  return [`\\x${byte.toString(16).padStart(2, "0")}`, 1];
}

/** U+FFFD itself is a character, too. */
const isReplacement = (name: Uint8Array, at: number): boolean =>
  name[at] === 0xef && name[at + 1] === 0xbf && name[at + 2] === 0xbd;
