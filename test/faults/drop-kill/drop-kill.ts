/**
 * A real agent and a real receiver: files are dropped while the agent is killed again and again. In the end the
 * receiver has each message once, the archive each file once, and nothing lies anywhere else.
 *
 * @module
 */
import { hash } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import { agentStatus, startAgent, startReceiver } from "#test/support/processes.ts";
import { exported } from "../kill-rounds/oracle.ts";
import { chances, controlIdOf, fateOf, messageOf } from "../seeded-messages.ts";
import { inspectStore } from "../stored-messages.ts";
import { filesBelow } from "./files-below.ts";

/** Of the agent, between two kills. */
const LOAD_MS = { least: 60, most: 900 };
/** Of each round's files so many are there before the agent is. */
const AHEAD_SHARE = 0.5;
const BATCH_EVERY = 7;
const BATCH_COUNT = 3;
/** Two looks of the agent into the folder. */
const WORK_LIMIT_MS = 2_000;
const DRAIN_LIMIT_MS = 120_000;

export interface DropKill {
  /** Decides what is dropped, and when the agent is killed. */
  readonly seed: number;
  readonly files: number;
  readonly kills: number;
}

export interface KillOutcome {
  readonly messages: number;
  /** How many files lay in `work/` when the agent was killed. */
  readonly caught: number;
  readonly reasons: readonly string[];
}

/** What was dropped: a sender's own memory. */
interface Ledger {
  /** SHA-256 of each file. */
  readonly files: Set<string>;
  /** Control id to body. */
  readonly messages: Map<string, string>;
}

export async function dropKills(options: DropKill): Promise<KillOutcome> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-drop-kill-"));
  try {
    const filesYaml = "    completion: rename\n    pollSeconds: 1\n";
    const pair = await makePair({ folder, files: true, filesYaml });
    await using receiver = startReceiver(pair.receiverConfig);
    await receiver.ready();
    const ledger: Ledger = { files: new Set(), messages: new Map() };
    const caught = await killWhileDropping(folder, pair, options, ledger);
    const reasons = [
      ...(await judgeReceiver(pair, ledger)),
      ...judgeFolders(folder, ledger),
      ...inspectStore(join(folder, "agent/state")).reasons,
    ];
    return { messages: ledger.messages.size, caught, reasons };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function killWhileDropping(
  folder: string,
  pair: Pair,
  { seed, files, kills }: DropKill,
  ledger: Ledger,
): Promise<number> {
  const random = chances(seed);
  const next = (): number => random.next().value;
  const dropper = new Dropper(join(folder, "in"), seed, ledger);
  let caught = 0;
  for (let round = 0; round < kills; round++) {
    const until = Math.round((files * (round + 1)) / kills);
    const ahead = Math.round((until - dropper.count) * AHEAD_SHARE);
    for (let n = 0; n < ahead; n++) dropper.drop();
    await using agent = startAgent(pair.agentConfig);
    await agent.ready();
    const loadMs = LOAD_MS.least + next() * (LOAD_MS.most - LOAD_MS.least);
    const rest = until - dropper.count;
    const isAtOnce = round % 2 === 1;
    for (let n = 0; n < rest; n++) {
      dropper.drop();
      if (!isAtOnce) await pause((loadMs / rest) * next() * 2);
    }
    // Every other time at any moment; else while a file is between the folders.
    if (isAtOnce) await untilAtWork(join(folder, "work"));
    await agent.end("SIGKILL");
    caught += filesBelow(join(folder, "work")).length;
  }
  await using agent = startAgent(pair.agentConfig);
  await agent.ready();
  await drained(folder, pair);
  const { code } = await agent.end("SIGTERM");
  if (code !== 0) throw new Error(`the agent ended with ${code}\n${agent.errors}`);
  return caught;
}

/** Until a file lies there, or the agent has had time for all of them. */
async function untilAtWork(work: string): Promise<void> {
  const deadline = performance.now() + WORK_LIMIT_MS;
  while (filesBelow(work).length === 0 && performance.now() < deadline) await pause(1);
}

async function drained(folder: string, pair: Pair): Promise<void> {
  const deadline = performance.now() + DRAIN_LIMIT_MS;
  const left = (): number[] => ["in", "work"].map((name) => filesBelow(join(folder, name)).length);
  for (;;) {
    const { channels, conditions, tunnel } = await agentStatus(pair.agentConfig);
    const waiting = channels.reduce((sum, channel) => sum + channel.waiting, 0);
    if (left().every((count) => count === 0) && waiting === 0) return;
    if (performance.now() > deadline) {
      const open = conditions.map(({ condition }) => condition).join(", ");
      const where = `${left().join(" and ")} files in drop folder and work`;
      throw new Error(`${where}, ${waiting} messages wait, ${tunnel.state}, ${open}`);
    }
    await pause(200);
  }
}

/** Names of all kinds; each file under a temporary name first, and flushed, for the machine stays. */
class Dropper {
  count = 0;
  readonly #folder: string;
  readonly #seed: number;
  readonly #ledger: Ledger;
  #message = 0;

  constructor(folder: string, seed: number, ledger: Ledger) {
    this.#folder = folder;
    this.#seed = seed;
    this.#ledger = ledger;
  }

  drop(): void {
    const number = this.count++;
    const count = number % BATCH_EVERY === 0 ? BATCH_COUNT : 1;
    const bodies = Array.from({ length: count }, () => this.#nextMessage());
    const content = Buffer.concat(bodies);
    this.#ledger.files.add(hash("sha256", content));
    const temporary = join(this.#folder, `${number}.tmp`);
    const descriptor = openSync(temporary, "wx");
    for (let at = 0; at < content.length; at += 65_536) {
      writeSync(descriptor, content.subarray(at, at + 65_536));
    }
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(temporary, Buffer.concat([Buffer.from(`${this.#folder}/`), nameOf(number)]));
  }

  #nextMessage(): Buffer {
    let id = "";
    do id = controlIdOf(this.#seed, "drop", this.#message++);
    while (fateOf(id) === "refused");
    const body = messageOf(id);
    this.#ledger.messages.set(id, hash("sha256", body));
    return body;
  }
}

function nameOf(number: number): Buffer {
  const kinds = [
    Buffer.from(`${number}.hl7`),
    Buffer.from(`Gr\u00fc\u00dfe an ${number}.HL7`),
    // No text in any character set.
    Buffer.concat([Buffer.of(0xff, 0xfe, 0x0a), Buffer.from(`${number}.hl7`)]),
    Buffer.from(`${number}${"n".repeat(240)}.hl7`),
    // A name that others have, too.
    Buffer.from(`result-${number}`),
  ];
  return kinds[number % kinds.length] ?? Buffer.from(String(number));
}

async function judgeReceiver(pair: Pair, { messages }: Ledger): Promise<string[]> {
  const reasons: string[] = [];
  const held = new Map<string, number>();
  for await (const { channel, controlId = "", body = "" } of exported(pair.receiverConfig)) {
    held.set(controlId, (held.get(controlId) ?? 0) + 1);
    const digest = hash("sha256", Buffer.from(body, "base64"));
    if (channel !== "files" || digest !== messages.get(controlId)) {
      reasons.push(`integrity: ${controlId} on ${channel} is not what was dropped`);
    }
  }
  for (const id of messages.keys()) {
    const count = held.get(id) ?? 0;
    if (count !== 1)
      reasons.push(`${count === 0 ? "conservation" : "uniqueness"}: ${id} ${count} times`);
  }
  return reasons;
}

function judgeFolders(folder: string, { files }: Ledger): string[] {
  const reasons: string[] = [];
  const archived = new Set<string>();
  for (const { digest } of filesBelow(join(folder, "archive"))) {
    if (!files.has(digest))
      reasons.push("integrity: a file in the archive is none that was dropped");
    if (archived.has(digest)) reasons.push("uniqueness: a file is in the archive twice");
    archived.add(digest);
  }
  if (archived.size < files.size) {
    reasons.push(`conservation: ${files.size - archived.size} files are not in the archive`);
  }
  for (const name of ["in", "work", "error"]) {
    const count = filesBelow(join(folder, name)).length;
    if (count > 0) reasons.push(`liveness: ${count} files are left in ${name}`);
  }
  return reasons;
}
