/**
 * A configuration as it may leave (08 4.4): numbers, yes and no, and words of the schema; every other text is a token.
 * There is no list of what is secret: what is no word of the schema is not shown, whatever it is.
 *
 * @module
 */
import { identifierFrom } from "../errors.ts";
import { type Answer, nameFact } from "./answer.ts";
import type { Tokens } from "./tokens.ts";

/** Every word that a setting can be, besides numbers and texts of the hospital's own. */
const WORDS: ReadonlySet<string> = new Set([
  ...[
    "mllp-listener",
    "mllp-sender",
    "file-drop",
    "folder",
    "file",
    "dpapi",
    "credential",
    "local",
  ],
  ...["signed", "standing", "auto", "storeAA", "commitOnly", "none", "r2", "deferred", "close"],
  ...["error", "reject", "accept", "batch", "first", "urgent", "normal", "bulk", "hold"],
  ...["quarantine", "retryForever", "replayAck", "forwardFlagged", "off", "required", "optional"],
  ...["smb", "nfs", "stability", "controlFile", "rename", "hl7", "pdf", "zip", "mtimeThenName"],
  ...["name", "nameNatural", "binary", "row", "json", "archive", "delete", "leave", "send"],
  ...["suffix", "overwrite", "application", "any", "exact", "truncated", "heads", "entries"],
  ...["announce", "low", "medium", "high", "sun", "mon", "tue", "wed", "thu", "fri", "sat"],
  ...["zstd", "partial", "downstream", "commands"],
]);

const KEY = /^[A-Za-z][A-Za-z0-9]{0,63}$/;
const DEPTH_MAX = 8;

/** @param value of a schema: its keys are words of ours */
export function redacted(value: unknown, tokens: Tokens, key = "", depth = 0): Answer {
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "string") return redactedText(value, tokens, key);
  if (typeof value !== "object" || depth >= DEPTH_MAX) return null;
  if (Array.isArray(value)) return value.map((one) => redacted(one, tokens, key, depth + 1));
  const shown = Object.entries(value).flatMap(([name, inner]): [string, Answer][] =>
    inner === undefined || !KEY.test(name)
      ? []
      : [[name, redacted(inner, tokens, name, depth + 1)]],
  );
  return Object.fromEntries(shown);
}

function redactedText(text: string, tokens: Tokens, key: string): Answer {
  // Names of channels are facts of logs, too (08 PL2).
  if (key === "name") return nameFact(text);
  return WORDS.has(text) ? identifierFrom(text) : tokens.of(text);
}
