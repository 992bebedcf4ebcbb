/**
 * What the receiver says that it stores: the lines that `--export COMMAND` prints, one JSON object each,
 * as `holdfast-receiver export` prints them. Only these keys are looked at: `channel`, `epoch`, `seq`,
 * `sha256`, `bytes` and, if it is there, `body` (base64) of a message; `channel`, `epoch`, `gap`,
 * `firstSeq` and `lastSeq` of a gap record.
 *
 * @module
 */
import { exec } from "node:child_process";
import { promisify } from "node:util";
import { hex, sha256 } from "../messages.ts";
import { Failed } from "../scenario.ts";
import type { HeldGap, HeldMessage, Ledger } from "./ledger.ts";

const OUTPUT_MAX_BYTES = 1 << 30;
/** A seq may be larger than what a number holds. */
const INTEGER = /"(epoch|seq|firstSeq|lastSeq)":(\d+)/g;

interface Line {
  readonly channel: string;
  readonly epoch: string;
  readonly seq?: string;
  readonly sha256?: string;
  readonly bytes?: number;
  readonly body?: string;
  readonly gap?: string;
  readonly firstSeq?: string;
  readonly lastSeq?: string | null;
}

/** @throws {Failed} unless `command` shows of these channels exactly what the ledgers say */
export async function compareExport(command: string, ledgers: readonly Ledger[]): Promise<void> {
  const all = await exported(command);
  for (const ledger of ledgers) {
    const lines = all.filter(({ channel }) => channel === ledger.channel);
    const messages = lines.filter(({ seq }) => seq !== undefined);
    compare("messages", messages.map(messageInWords), ledger.messages.map(heldInWords), "RI7");
    // Gap records of a channel have no order of their own.
    const gaps = lines.filter(({ gap }) => gap !== undefined).map(gapInWords);
    compare("gap records", gaps.sort(), ledger.gaps.map(heldGapInWords).sort(), "RI8");
  }
}

function compare(
  what: string,
  actual: readonly string[],
  expected: readonly string[],
  rule: string,
): void {
  const at = expected.findIndex((one, index) => one !== actual[index]);
  if (at === -1 && actual.length === expected.length) return;
  const index = at === -1 ? expected.length : at;
  throw new Failed(
    `${expected.length} ${what} in export, and as number ${index + 1} ${expected[index] ?? "none"}`,
    `${actual.length} ${what}, and as number ${index + 1} ${actual[index] ?? "none"}`,
    rule,
  );
}

async function exported(command: string): Promise<readonly Line[]> {
  const { stdout } = await promisify(exec)(command, { maxBuffer: OUTPUT_MAX_BYTES });
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  // The command is a part of what is checked; a line of another shape fails the comparison.
  return lines.map((line) => JSON.parse(line.replaceAll(INTEGER, '"$1":"$2"')) as Line);
}

function messageInWords({ epoch, seq, sha256: announced, bytes, body }: Line): string {
  if (body !== undefined) {
    const content = Buffer.from(body, "base64");
    const actual = hex(sha256(content));
    if (actual !== announced || content.length !== bytes) {
      return `${epoch}/${seq}, whose body is not what it says`;
    }
  }
  return `${epoch}/${seq} of ${bytes} bytes, ${announced}`;
}

function heldInWords({ epoch, seq, bytes, sha256: hash }: HeldMessage): string {
  return `${epoch}/${seq} of ${bytes} bytes, ${hash}`;
}

function gapInWords({ gap, epoch, firstSeq, lastSeq }: Line): string {
  return `${gap} in epoch ${epoch}, ${firstSeq} to ${lastSeq ?? "unknown"}`;
}

function heldGapInWords({ kind, epoch, first, last }: HeldGap): string {
  return `${kind} in epoch ${epoch}, ${first} to ${last ?? "unknown"}`;
}
