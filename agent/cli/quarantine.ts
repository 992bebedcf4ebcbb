/** `holdfast quarantine`: what was set aside, and what becomes of it. @module */
import { loadLocalConfig } from "#config/local.ts";
import { AgentError, type Facts } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { createFile } from "../host/atomic-file.ts";
import type { Released } from "../outbox/writing/writer-messages.ts";
import type { QuarantineContent, QuarantineEntry } from "../quarantine-desk.ts";
import type { AgentStatus } from "../status.ts";
import { notWritten } from "./not-written.ts";
import { question } from "./question.ts";
import { escapedLines, printFacts, readableBytes, table } from "./terminal.ts";

interface Common {
  readonly config: string;
  readonly json: boolean;
}

/** What is printed of a content that nobody limits: a person reads no more. */
const SHOWN_BYTES = 4_096;
const READ_BYTES = 524_288;

/** Newest first. @returns 0 whether or not there is anything */
export async function quarantineList(
  options: Common & { readonly channel: string | undefined; readonly limit: number },
): Promise<ExitCode> {
  const { channel, limit } = options;
  const { stateDir } = loadLocalConfig(options.config);
  if (channel !== undefined) await refuseUnknownChannel(stateDir, channel);
  const found: QuarantineEntry[] = [];
  for (let beforeId = Number.MAX_SAFE_INTEGER; beforeId > 0 && found.length < limit; ) {
    const page = (await question(stateDir, { ask: "quarantineList", beforeId })) as {
      readonly entries: readonly QuarantineEntry[];
      readonly nextId: number;
    };
    found.push(...page.entries.filter((one) => channel === undefined || one.channel === channel));
    beforeId = page.nextId;
  }
  const entries = found.slice(0, limit);
  printFacts(options.json, entries, () => listLines(entries, channel));
  return EXIT.ok;
}

async function refuseUnknownChannel(stateDir: string, channel: string): Promise<void> {
  const { channels } = (await question(stateDir, { ask: "status" })) as AgentStatus;
  if (!channels.some(({ name }) => name === channel)) throw new AgentError("CHANNEL_UNKNOWN", {});
}

function listLines(entries: readonly QuarantineEntry[], channel: string | undefined): string[] {
  if (entries.length === 0) {
    return [
      channel === undefined ? "Quarantine is empty" : `Nothing of ${channel} is in quarantine`,
    ];
  }
  return table([
    ["number", "channel", "received", "times", "bytes", "control id", "from", "reason"],
    ...entries.map((one) => [
      String(one.id),
      one.channel,
      one.receivedAt,
      String(one.count),
      String(one.bytes),
      one.controlId ?? "-",
      one.source,
      one.reason,
    ]),
  ]);
}

/** One block; its content only where it was asked for, for it may name a patient. */
export async function quarantineShow(
  options: Common & {
    readonly id: number;
    readonly content: boolean;
    readonly out: string | undefined;
  },
): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const maxBytes = options.content ? SHOWN_BYTES : 0;
  const { entry, text, encoding } = await read(stateDir, options.id, 0, maxBytes);
  if (options.out !== undefined) writeOut(options.out, await readWhole(stateDir, options.id));
  const facts = options.content ? { ...entry, content: text, encoding } : entry;
  printFacts(options.json, facts, () => [
    ...entryLines(entry),
    ...(options.content ? ["", `as ${encoding}:`, ...escapedLines(text)] : []),
    ...(options.out === undefined ? [] : ["", `bytes written to ${options.out}`]),
  ]);
  return EXIT.ok;
}

function entryLines(entry: QuarantineEntry): string[] {
  const { id, channel, reason, text, receivedAt, lastAt, count, bytes, source } = entry;
  const times = count === 1 ? "once" : `${count} times, last ${lastAt ?? receivedAt}`;
  const next = entry.releasable
    ? `holdfast quarantine release ${id}   (sends it to the receiver as it is)`
    : "a fragment: it can only be discarded";
  return [
    `${id} on ${channel}: ${reason}`,
    `  ${text}`,
    `  received ${receivedAt} from ${source}, ${times}`,
    `  ${readableBytes(bytes)}, control id ${entry.controlId ?? "none that may be shown"}`,
    `  sha256 ${entry.sha256}`,
    `  next: ${next}`,
    `        holdfast quarantine discard ${id}`,
  ];
}

/** @returns 0 if all of them were released; stops at the first that cannot be */
export async function quarantineRelease(
  options: Common & { readonly ids: readonly number[] },
): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  for (const [index, id] of options.ids.entries()) {
    try {
      const released = (await question(stateDir, { ask: "quarantineRelease", id })) as Released;
      printFacts(options.json, { id, seq: Number(released.seq) }, () => [
        `${id} is message ${released.seq} of its channel now, and leaves in its turn`,
      ]);
    } catch (error) {
      throw named(error, { id, notTried: options.ids.length - index - 1 });
    }
  }
  return EXIT.ok;
}

/** @returns 65 if one of them was not there; the others are gone all the same */
export async function quarantineDiscard(
  options: Common & { readonly ids: readonly number[] },
): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const { ids } = options;
  const count = (await question(stateDir, { ask: "quarantineDiscard", ids })) as number;
  printFacts(options.json, { discarded: count }, () => [`${count} discarded`]);
  const unknown = new Set(ids).size - count;
  if (unknown > 0) throw new AgentError("QUARANTINE_UNKNOWN", { count: unknown });
  return EXIT.ok;
}

async function read(
  stateDir: string,
  id: number,
  from: number,
  maxBytes: number,
): Promise<QuarantineContent> {
  const request = { ask: "quarantineShow", id, from, maxBytes };
  try {
    return (await question(stateDir, request)) as QuarantineContent;
  } catch (error) {
    throw named(error, { id });
  }
}

/** The agent's answer is a code alone: what was asked is known here. */
function named(error: unknown, facts: Facts): unknown {
  return error instanceof AgentError
    ? new AgentError(error.code, { ...error.facts, ...facts }, { cause: error })
    : error;
}

async function readWhole(stateDir: string, id: number): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for (let from = 0; ; ) {
    const part = Buffer.from((await read(stateDir, id, from, READ_BYTES)).base64, "base64");
    if (part.length === 0) return Buffer.concat(parts);
    parts.push(part);
    from += part.length;
  }
}

/** Never overwrites; private to whoever asked. @throws {AgentError} `FILE_EXISTS`, `FILE_NOT_WRITABLE` */
function writeOut(file: string, bytes: Uint8Array): void {
  try {
    createFile(file, bytes, 0o600);
  } catch (error) {
    throw notWritten(error);
  }
}
