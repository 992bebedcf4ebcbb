/**
 * One bit of the store's files flips: for the test and for `npm run soak -- --bit-flips` (T-S08).
 *
 * Nothing may be delivered altered or in another's place; what is gone, or cannot be read, is named; the
 * store opens, or refuses with a code, and never hangs.
 *
 * @module
 */
import { hash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scriptCommand } from "#test/support/bundled-script.ts";
import { Started } from "#test/support/processes.ts";
import { chances } from "../seeded-messages.ts";
import {
  CHANNELS,
  type Found,
  type FoundChannel,
  MESSAGES,
  type Message,
  SET_ASIDE,
  SETTLED,
} from "./content.ts";

const LIMIT_MS = 30_000;
const CODE_CACHE = join(tmpdir(), `holdfast-bit-flips-code-${process.pid}`);
process.once("exit", () => rmSync(CODE_CACHE, { recursive: true, force: true }));

/** Where one bit is flipped. */
export interface Flip {
  /** From the state folder. */
  readonly file: string;
  /** From the beginning of the file. */
  readonly bit: number;
}

export const VERDICTS = ["harmless", "refused", "named", "hidden", "altered", "broken"] as const;
/**
 * `harmless` every message reads back equal · `refused` the store does not open, with a code · `named` the
 * message is said to be damaged, or missing · and what must not be: `hidden` something is gone and nobody
 * says so · `altered` · `broken` a crash without a code, or no end.
 */
export type Verdict = (typeof VERDICTS)[number];

export interface Judged {
  readonly flip: Flip;
  readonly verdict: Verdict;
  /** What was found, for a person. */
  readonly text: string;
}

export const isWrong = ({ verdict }: Judged): boolean =>
  verdict === "hidden" || verdict === "altered" || verdict === "broken";

export const titleOf = ({ flip, verdict, text }: Judged): string =>
  `${verdict}: bit ${flip.bit % 8} of byte ${Math.floor(flip.bit / 8)} of ${flip.file}: ${text}`;

/** A store to flip bits of: made once, copied for each. */
export class FlippedStore implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-bit-flips-"));
  readonly #sound = join(this.#folder, "sound");
  #copies = 0;

  /** @param end `close`: an orderly one · `kill`: the log is not yet in the database */
  static async make(end: "close" | "kill"): Promise<FlippedStore> {
    const store = new FlippedStore();
    const how = end === "close" ? "close" : "wait";
    await using made = await script("make.ts", [store.#sound, how]);
    await made.ready();
    if (end === "kill") await made.end("SIGKILL");
    else if ((await made.ended).code !== 0) throw new Error(made.errors);
    const judged = await store.judgeChanged(() => {});
    if (judged.verdict !== "harmless") throw new Error(`the store is not sound: ${judged.text}`);
    return store;
  }

  /** Names and lengths of its files, from the state folder. */
  files(): { readonly file: string; readonly bytes: number }[] {
    return ["outbox", "keys"].flatMap((folder) =>
      readdirSync(join(this.#sound, folder)).map((name) => {
        const file = `${folder}/${name}`;
        return { file, bytes: readFileSync(join(this.#sound, file)).length };
      }),
    );
  }

  /** Flips it in a copy, and reads that. */
  async judge(flip: Flip): Promise<Judged> {
    return {
      flip,
      ...(await this.judgeChanged((copy) => flipBit(join(copy, flip.file), flip.bit))),
    };
  }

  /** Reads a copy that `change` has changed. @param change given the state folder */
  async judgeChanged(change: (stateDir: string) => void): Promise<Omit<Judged, "flip">> {
    this.#copies += 1;
    const copy = join(this.#folder, String(this.#copies));
    try {
      cpSync(this.#sound, copy, { recursive: true });
      change(copy);
      return await judgeCopy(copy);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** So many places, each a bit of a file: of a file of its own with the chance of its share of all bytes. */
export function places(
  files: readonly { readonly file: string; readonly bytes: number }[],
  count: number,
  seed: number,
): Flip[] {
  const random = chances(seed);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return Array.from({ length: count }, () => {
    let at = Math.floor(random.next().value * total);
    const bit = Math.floor(random.next().value * 8);
    for (const { file, bytes } of files) {
      if (at < bytes) return { file, bit: at * 8 + bit };
      at -= bytes;
    }
    throw new RangeError("Cannot flip a bit of no file");
  });
}

/** Judges several at once, in any order. */
export async function judgeAll(
  store: FlippedStore,
  flips: readonly Flip[],
  atOnce: number,
  told: (judged: Judged) => void,
): Promise<void> {
  const waiting = flips.values();
  const work = async (): Promise<void> => {
    for (const flip of waiting) told(await store.judge(flip));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

async function script(name: string, args: readonly string[]): Promise<Started> {
  const command = [...(await scriptCommand(join(import.meta.dirname, name))), ...args];
  return new Started(command, { ...process.env, NODE_COMPILE_CACHE: CODE_CACHE });
}

function flipBit(file: string, bit: number): void {
  const bytes = readFileSync(file);
  const at = Math.floor(bit / 8);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
  // A key file may only be read: it is written as another one in its place.
  rmSync(file);
  writeFileSync(file, bytes, { mode: file.endsWith(".key") ? 0o400 : 0o600 });
}

async function judgeCopy(stateDir: string): Promise<Omit<Judged, "flip">> {
  await using reader = await script("read.ts", [stateDir]);
  let output = "";
  reader.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const limit = setTimeout(() => reader.child.kill("SIGKILL"), LIMIT_MS);
  const { code, signal } = await reader.ended;
  clearTimeout(limit);
  if (code !== 0 || !output.endsWith("\n")) {
    return { verdict: "broken", text: `${signal ?? code} ${reader.errors.slice(0, 400)}` };
  }
  return verdictOn(JSON.parse(output) as Found);
}

function verdictOn(found: Found): Omit<Judged, "flip"> {
  // Of the catalogue, but for what nobody foresaw.
  if (found.code === "AGENT_DEFECT") return { verdict: "broken", text: found.code };
  if (found.code !== undefined) return { verdict: "refused", text: found.code };
  const verdicts = CHANNELS.map((_, index) => channelVerdict(found, index));
  verdicts.push(quarantineVerdict(found));
  for (const verdict of ["altered", "hidden", "named"] as const) {
    const one = verdicts.find((judged) => judged.verdict === verdict);
    if (one !== undefined) return one;
  }
  return { verdict: "harmless", text: "" };
}

function channelVerdict(found: Found, index: number): Omit<Judged, "flip"> {
  const sent = MESSAGES.filter(({ channel }) => channel === index);
  const channel: FoundChannel | undefined = found.channels[index];
  if (channel === undefined) return { verdict: "hidden", text: `channel ${index} is gone` };
  const { messages, damagedSeq, acked } = channel;
  for (const [at, { seq, controlId, sha256 }] of messages.entries()) {
    const same = isSame(sent[seq - 1], controlId, sha256);
    if (!same) return { verdict: "altered", text: `seq ${seq} is given as ${controlId}` };
    if (seq !== at + 1 && !isNamed(found, index, at + 1)) {
      return { verdict: "hidden", text: `seq ${seq} follows ${at}` };
    }
  }
  if (acked > SETTLED) return { verdict: "hidden", text: `settled up to ${acked}` };
  if (messages.length === sent.length) return { verdict: "harmless", text: "" };
  const next = messages.length + 1;
  // The walk goes by rows, the relay by the index: damage of an index is seen by one of them alone.
  const isWalked = found.walked.some((one) => one.channel === index + 1 && one.seq === next);
  if (damagedSeq === next || isWalked) {
    const by = [...(damagedSeq === next ? ["reader"] : []), ...(isWalked ? ["walk"] : [])];
    return { verdict: "named", text: `damaged seq ${next}, says ${by.join(" and ")}` };
  }
  if (isNamed(found, index, next)) return { verdict: "named", text: `missing from ${next} on` };
  return { verdict: "hidden", text: `ends before ${next}, damaged ${damagedSeq}` };
}

/** Quarantine is shown to a person: a row that does not open is shown as such. */
function quarantineVerdict({ setAside, named }: Found): Omit<Judged, "flip"> {
  for (const { controlId, sha256 } of setAside) {
    const sent = SET_ASIDE.find((one) => one.controlId === controlId);
    if (controlId !== "" && !isSame(sent, controlId, sha256)) {
      return { verdict: "altered", text: `quarantine gives ${controlId}` };
    }
  }
  const gone = SET_ASIDE.length - setAside.length;
  const isSaid = named.some(({ channel }) => channel === 0);
  if (gone !== 0 && !isSaid) return { verdict: "hidden", text: `${gone} gone from quarantine` };
  const unreadable = setAside.filter(({ controlId }) => controlId === "").length;
  if (gone === 0 && unreadable === 0) return { verdict: "harmless", text: "" };
  return { verdict: "named", text: `quarantine: ${unreadable} unreadable, ${gone} missing` };
}

function isSame(sent: Message | undefined, controlId: string, sha256: string): boolean {
  return sent?.controlId === controlId && hash("sha256", sent.body) === sha256;
}

function isNamed({ named }: Found, index: number, seq: number): boolean {
  return named.some(
    ({ channel, epoch, firstSeq, lastSeq }) =>
      channel === index + 1 && epoch === 1 && firstSeq <= seq && seq <= lastSeq,
  );
}
