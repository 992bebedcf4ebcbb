/**
 * Judges what the receivers hold: reads `export` and nothing else, and shares no code with either end
 * (10 section 1). Each body says where it belongs.
 *
 * @module
 */

import { hash } from "node:crypto";
import { createInterface } from "node:readline";
import { Started } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { messageAt } from "./numbered-messages.ts";

const RECEIVER = programFile("receiver/main.ts");

/** One line of `export --body`: a message, or a gap record. */
export interface ExportLine {
  readonly agent: string;
  readonly channel: string;
  readonly epoch: number;
  readonly seq?: number;
  readonly gap?: string;
  readonly firstSeq?: number;
  readonly lastSeq?: number;
  readonly controlId?: string;
  readonly sha256?: string;
  readonly body?: string;
}

export interface Verdict {
  readonly heldCount: number;
  readonly lostCount: number;
  readonly duplicateCount: number;
  readonly disorderCount: number;
  /** Why an oracle does not hold; empty if all do. */
  readonly reasons: readonly string[];
}

/** Asks a running receiver for everything of one agent, or of all. @throws {Error} if it does not answer to the end */
export async function* exported(config: string, agent?: string): AsyncGenerator<ExportLine> {
  const only = agent === undefined ? [] : ["--agent", agent];
  const command = [process.execPath, RECEIVER, "export", "--body", "--config", config, ...only];
  await using asked = new Started(command);
  if (asked.child.stdout === null) throw new TypeError("Cannot read from a program without output");
  for await (const line of createInterface({ input: asked.child.stdout })) {
    yield JSON.parse(line) as ExportLine;
  }
  const { code } = await asked.ended;
  if (code !== 0) throw new Error(`export ended with ${code}\n${asked.errors}`);
}

/** @param expected of each `agent channel` the editions of all that it has sent; lines of others are passed over */
export async function judgeNumbered(
  lines: AsyncIterable<ExportLine>,
  seed: number,
  expected: ReadonlyMap<string, readonly number[]>,
): Promise<Verdict> {
  const reasons: string[] = [];
  const held = new Map<string, Set<number>>();
  const counts = { heldCount: 0, lostCount: 0, duplicateCount: 0, disorderCount: 0 };
  let last = { place: "", seq: 0 };
  for await (const { agent, channel, epoch, seq, gap, sha256, body = "" } of lines) {
    const place = `${agent} ${channel}`;
    const editions = expected.get(place);
    if (editions === undefined) continue;
    if (gap !== undefined || seq === undefined) {
      reasons.push(`honesty: ${place} has a gap ${gap}, though nothing was lost`);
      continue;
    }
    counts.heldCount += 1;
    const bytes = Buffer.from(body, "base64");
    const number = Number(bytes.toString("latin1", 0, 200).split(" ")[2]);
    const before = last.place === place ? last.seq : 0;
    last = { place, seq };
    if (epoch !== 1 || seq !== before + 1 || number !== seq) {
      counts.disorderCount += 1;
      reasons.push(`order: ${place} holds message ${number} as ${epoch}.${seq} after ${before}`);
    }
    const numbers = held.get(place) ?? new Set();
    held.set(place, numbers);
    if (numbers.has(number)) {
      counts.duplicateCount += 1;
      reasons.push(`uniqueness: ${place} holds message ${number} twice`);
    }
    numbers.add(number);
    const sent = messageAt({ seed, agent, channel, number: seq, edition: editions[seq - 1] ?? 0 });
    if (!bytes.equals(sent) || sha256 !== hash("sha256", sent)) {
      reasons.push(`integrity: ${place} ${seq} is not what was sent`);
    }
  }
  for (const [place, { length: count }] of expected) {
    const lost = count - (held.get(place)?.size ?? 0);
    if (lost === 0) continue;
    counts.lostCount += lost;
    reasons.push(`conservation: ${place} lacks ${lost} of ${count}`);
  }
  return { ...counts, reasons };
}
