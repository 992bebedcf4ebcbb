/**
 * Judges what the receiver holds against what the senders were told; reads `export` and nothing else, and
 * shares no code with either end (10 section 1).
 *
 * @module
 */

import { hash } from "node:crypto";
import { createInterface } from "node:readline";
import { Started } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { messageOf } from "../seeded-messages.ts";

const RECEIVER = programFile("receiver/main.ts");

/** What the senders know. */
export interface Ledger {
  /** Control id to channel, of every message with a positive reply, in the order of the replies. */
  readonly acknowledged: ReadonlyMap<string, string>;
  readonly resends: number;
}

/** One line of `export --body`: a message, or a gap record. */
export interface ExportLine {
  readonly channel: string;
  readonly epoch: number;
  readonly seq?: number;
  readonly gap?: string;
  readonly controlId?: string;
  readonly sha256?: string;
  readonly body?: string;
}

/** Asks the running receiver for everything it holds. @throws {Error} if it does not answer to the end */
export async function* exported(config: string): AsyncGenerator<ExportLine> {
  const command = [process.execPath, RECEIVER, "export", "--body", "--config", config];
  await using asked = new Started(command);
  if (asked.child.stdout === null) throw new TypeError("Cannot read from a program without output");
  for await (const line of createInterface({ input: asked.child.stdout })) {
    yield JSON.parse(line) as ExportLine;
  }
  const { code } = await asked.ended;
  if (code !== 0) throw new Error(`export ended with ${code}\n${asked.errors}`);
}

/** The oracles. @returns why one does not hold; empty if all do */
export async function judge(
  lines: AsyncIterable<ExportLine> | Iterable<ExportLine>,
  { acknowledged }: Ledger,
): Promise<string[]> {
  const reasons: string[] = [];
  const held = new Set<string>();
  const lastSeqs = new Map<string, number>();
  const lastNumbers = new Map<string, number>();
  for await (const { channel, epoch, seq, gap, controlId = "", sha256, body = "" } of lines) {
    if (gap !== undefined || seq === undefined) {
      reasons.push(`honesty: ${channel} has a gap ${gap}, though nothing was lost`);
      continue;
    }
    const key = `${channel}/${epoch}`;
    const last = lastSeqs.get(key) ?? 0;
    if (seq !== last + 1) reasons.push(`order: ${key} holds ${seq} after ${last}`);
    lastSeqs.set(key, seq);
    if (held.has(controlId)) reasons.push(`uniqueness: ${controlId} is held twice`);
    held.add(controlId);
    reasons.push(...unlikeTheSent(controlId, channel, Buffer.from(body, "base64"), sha256));
    const [, connection = "", number = ""] = controlId.split(".");
    const before = lastNumbers.get(connection) ?? -1;
    if (Number(number) <= before) reasons.push(`order: ${controlId} comes after ${before}`);
    lastNumbers.set(connection, Number(number));
  }
  for (const controlId of acknowledged.keys()) {
    if (!held.has(controlId)) reasons.push(`conservation: ${controlId} has AA, is not there`);
  }
  return reasons;
}

function unlikeTheSent(
  controlId: string,
  channel: string,
  body: Buffer,
  sha256: string | undefined,
): string[] {
  const sent = messageOf(controlId);
  const whole = body.equals(sent) && sha256 === hash("sha256", sent);
  const there = controlId.split(".")[1]?.startsWith(`${channel}-`) === true;
  return whole && there ? [] : [`integrity: ${controlId} on ${channel} is not what was sent`];
}
