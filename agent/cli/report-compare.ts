/**
 * What the receiver has printed, against what this agent has: its report (`report --json`), hour by hour, or its export,
 * message by message. Lines are read one at a time, whatever the size of the file.
 *
 * @module
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { type HourRange, hourOf } from "#reconcile/hours.ts";
import {
  type AgentLine,
  type ComparedLine,
  DIFFERENCES_MAX_COUNT,
  type Difference,
  lineKeyOf,
  lineOrder,
} from "#reconcile/lines.ts";
import { AgentError, codeOf } from "../errors.ts";
import type { UnlikeFact } from "../hour-desk.ts";
import { ExportWalk, type HeldPage } from "./export-walk.ts";
import { question } from "./question.ts";

export interface CompareCall {
  readonly stateDir: string;
  readonly file: string;
  readonly range: HourRange;
  readonly agent: string | undefined;
  readonly channel: string | undefined;
}

/** @throws {AgentError} `REPORT_FILE`: it cannot be read, is neither of the two, or is of several agents */
export async function compareFile(
  call: CompareCall,
  lines: readonly AgentLine[],
): Promise<ComparedLine[]> {
  const reported: ComparedLine[] = [];
  const walk = new ExportWalk();
  const compared = new ExportSums(call, lines);
  const agents = new Set<string>();
  for await (const row of rowsOf(call)) {
    if (typeof row["agent"] === "string") agents.add(row["agent"]);
    if (agents.size > 1) throw new AgentError("REPORT_FILE", { agents: agents.size });
    if (typeof row["hour"] === "number") reported.push(row as unknown as ComparedLine);
    else if (row["seq"] !== undefined) for (const page of walk.take(row)) await compared.page(page);
  }
  if (agents.size === 0) throw new AgentError("REPORT_FILE", {});
  if (!walk.isEmpty) {
    for (const page of walk.end()) await compared.page(page);
    return await compared.lines(walk.ended);
  }
  return await againstReport(call, lines, reported);
}

type Row = Readonly<Record<string, unknown>>;

async function* rowsOf({ file, agent }: CompareCall): AsyncGenerator<Row> {
  try {
    const input = createReadStream(file, "utf8");
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line.trim() === "") continue;
      // Numbers of 63 bits stay text: JSON's own are rounded.
      const exact = line.replace(/"(epoch|seq)":(\d+)/g, '"$1":"$2"');
      const row = JSON.parse(exact) as Row | null;
      if (row === null || typeof row !== "object") throw new SyntaxError("no object");
      if (agent === undefined || row["agent"] === agent) yield row;
    }
  } catch (error) {
    throw unreadable(error);
  }
}

const unreadable = (cause: unknown): AgentError =>
  cause instanceof AgentError
    ? cause
    : new AgentError("REPORT_FILE", { sysCode: codeOf(cause) }, { cause });

/** The receiver's own verdict counts, unless what it was told is not what stands here now. */
async function againstReport(
  call: CompareCall,
  lines: readonly AgentLine[],
  reported: readonly ComparedLine[],
): Promise<ComparedLine[]> {
  const theirs = new Map(reported.map((line) => [lineKeyOf(line), line]));
  const found: ComparedLine[] = [];
  for (const line of lines) {
    const their = theirs.get(lineKeyOf(line));
    theirs.delete(lineKeyOf(line));
    found.push(their === undefined ? alone(line) : await joined(call, line, their));
  }
  const { fromHour, toHour } = call.range;
  for (const their of theirs.values()) {
    const isAsked = call.channel === undefined || their.channel === call.channel;
    if (isAsked && their.hour >= fromHour && their.hour < toHour) found.push(their);
  }
  return found.sort(lineOrder);
}

const NOTHING_HELD = { stored: 0, digest: null, delivered: 0, aside: 0 };

/** Of an hour that its report does not have: it ends before, or it was told nothing. */
function alone(line: AgentLine): ComparedLine {
  const state = line.stored === 0 ? "equal" : line.waiting > 0 ? "arriving" : "untold";
  const { direction, channel, hour } = line;
  const key = { agent: "", direction, channel, hour };
  return { ...key, state, told: line, held: NOTHING_HELD, isOther: false, ...NONE };
}

const NONE = { differences: [], unnamed: 0 };

async function joined(
  call: CompareCall,
  line: AgentLine,
  their: ComparedLine,
): Promise<ComparedLine> {
  const { held } = their;
  const isSame = held.stored === line.stored && held.digest === line.digest;
  // More has come here since it was told.
  const isGrown = (their.told?.stored ?? 0) < line.stored;
  const state = their.state === "equal" && !isSame ? (isGrown ? "untold" : "differs") : their.state;
  const differences: Difference[] = [];
  for (const one of their.differences) differences.push(await withControlId(call, line, one));
  return { ...their, state, told: line, differences };
}

/** The receiver does not know what it does not have. */
async function withControlId(
  { stateDir }: CompareCall,
  { channel, direction }: AgentLine,
  difference: Difference,
): Promise<Difference> {
  const { epoch, seq, receiver, controlId } = difference;
  if (direction === "down" || receiver !== "lacks" || controlId !== null) return difference;
  const range = { afterSeq: String(BigInt(seq) - 1n), throughSeq: seq, rows: [] };
  const asked = { ask: "hoursCompare", channel, epoch, ...range };
  const [found] = (await question(stateDir, asked)) as UnlikeFact[];
  return { ...difference, controlId: found?.controlId ?? null };
}

/** Each line from what is not the same; what is the same is what is left of it. */
class ExportSums {
  readonly #call: CompareCall;
  readonly #lines: readonly AgentLine[];
  readonly #unlike = new Map<
    string,
    { readonly differences: Difference[]; unnamed: number; arriving: number; other: boolean }
  >();
  /** Messages that are only there: by the hour that the receiver knows. */
  readonly #alone = new Map<
    string,
    { readonly line: ComparedLine; readonly differences: Difference[] }
  >();

  constructor(call: CompareCall, lines: readonly AgentLine[]) {
    this.#call = call;
    this.#lines = lines;
  }

  async page(page: HeldPage): Promise<void> {
    const { channel, epoch, afterSeq, throughSeq, rows } = page;
    if (this.#call.channel !== undefined && channel !== this.#call.channel) return;
    const named = rows.map(({ seq, sha256 }) => [String(seq), sha256]);
    const range = { afterSeq: String(afterSeq), throughSeq: String(throughSeq) };
    const asked = { ask: "hoursCompare", channel, epoch: String(epoch), ...range, rows: named };
    const found = (await question(this.#call.stateDir, asked)) as UnlikeFact[];
    for (const one of found) this.#note(page, one);
  }

  /** @param ends of each channel and epoch in the file: what is here behind it is still to come, or was never sent */
  async lines(ends: readonly HeldPage[]): Promise<ComparedLine[]> {
    for (const end of ends) await this.#behind(end);
    const own = this.#lines
      .filter(({ direction }) => direction === "up")
      .map((line) => this.#line(line));
    return [...own, ...[...this.#alone.values()].map(({ line }) => line)].sort(lineOrder);
  }

  async #behind(end: HeldPage): Promise<void> {
    for (let after = end.throughSeq; ; after += PAGE_SEQS) {
      const page = { ...end, afterSeq: after, throughSeq: after + PAGE_SEQS, rows: [] };
      const range = { afterSeq: String(after), throughSeq: String(page.throughSeq), rows: [] };
      const asked = {
        ask: "hoursCompare",
        channel: end.channel,
        epoch: String(end.epoch),
        ...range,
      };
      const found = (await question(this.#call.stateDir, asked)) as UnlikeFact[];
      for (const one of found) this.#note(page, one);
      if (found.length === 0) return;
    }
  }

  #note({ channel, epoch, rows }: HeldPage, unlike: UnlikeFact): void {
    const { seq, kind, controlId, receivedAtMs, isSettled } = unlike;
    const there = rows.find((row) => String(row.seq) === seq);
    const hour = hourOf(receivedAtMs ?? there?.receivedAtMs ?? 0);
    if (hour < this.#call.range.fromHour || hour >= this.#call.range.toHour) return;
    const key = lineKeyOf({ direction: "up", channel, hour });
    const fresh = { differences: [], unnamed: 0, arriving: 0, other: false };
    const known = this.#unlike.get(key) ?? fresh;
    this.#unlike.set(key, known);
    if (kind === "absentThere" && !isSettled) {
      known.arriving += 1;
      return;
    }
    const difference: Difference = {
      ...{ epoch: String(epoch), seq, agent: kind === "absentHere" ? "lacks" : "has" },
      receiver: kind === "absentThere" ? "lacks" : kind === "other" ? "hasOther" : "has",
      controlId: controlId ?? (kind === "absentHere" ? (there?.controlId ?? null) : null),
    };
    if (known.differences.length < DIFFERENCES_MAX_COUNT) known.differences.push(difference);
    else known.unnamed += 1;
    if (kind === "absentHere") this.#onlyThere({ channel, hour }, known.differences);
  }

  #onlyThere(
    { channel, hour }: { channel: string; hour: number },
    differences: Difference[],
  ): void {
    const key = lineKeyOf({ direction: "up", channel, hour });
    const isOwn = this.#lines.some((line) => lineKeyOf(line) === key);
    if (isOwn) return;
    const held = { ...NOTHING_HELD, stored: differences.length };
    const line: ComparedLine = {
      ...{ agent: "", direction: "up", channel, hour, state: "differs", told: null, held },
      ...{ isOther: false, differences, unnamed: 0 },
    };
    this.#alone.set(key, { line, differences });
  }

  #line(line: AgentLine): ComparedLine {
    const { direction, channel, hour, stored, elsewhere, digest } = line;
    const unlike = this.#unlike.get(lineKeyOf(line));
    const { differences = [], unnamed = 0, arriving = 0 } = unlike ?? {};
    const lacking = differences.filter(({ receiver }) => receiver === "lacks").length + unnamed;
    const extra = differences.filter(({ agent }) => agent === "lacks").length;
    const count = stored - elsewhere - arriving - lacking + extra;
    const isEqual = differences.length + unnamed + arriving === 0;
    const isOther = differences.some(({ receiver }) => receiver === "hasOther");
    const differs = differences.length + unnamed > 0;
    return {
      ...{ agent: "", direction, channel, hour, told: line },
      state: differs ? "differs" : arriving > 0 ? "arriving" : "equal",
      held: { stored: count, digest: isEqual ? digest : null, delivered: 0, aside: 0 },
      ...{ isOther, differences, unnamed },
    };
  }
}

/** As many as one question answers. */
const PAGE_SEQS = 1_000n;
