/**
 * One call of the store's life fails, whichever it is: for the test and for `npm run soak -- --every-call`.
 *
 * Each round runs the child under the recorder with its nth write or flush failing, then opens what is
 * left without the fault, sends everything again and judges.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { countCalls, recorded } from "#test/rigs/recorder.ts";
import { scriptCommand } from "#test/support/bundled-script.ts";
import { Started } from "#test/support/processes.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { entryOf, stagedEntry } from "#test/support/test-outbox.ts";
import { inspectStore } from "../stored-messages.ts";
import { EVERYTHING, type Said, type Sent } from "./load.ts";

export const FAULTS = ["write:ENOSPC", "write:EIO", "write:SHORT", "fsync:EIO"] as const;
export type Fault = (typeof FAULTS)[number];

const CHILD = join(import.meta.dirname, "child.ts");
const LIMIT_MS = 30_000;
/** Half of a round would be compiling: shared by all, and outside of what is recorded. */
const CODE_CACHE = join(tmpdir(), `holdfast-every-call-code-${process.pid}`);
process.once("exit", () => rmSync(CODE_CACHE, { recursive: true, force: true }));
const EXIT = { ok: 0, unavailable: 69, defect: 70 } as const;
/** How the process may end: a full disk stops nothing but the opening; an error of the device stops all. */
const MAY_END: Readonly<Record<Fault, readonly number[]>> = {
  "write:ENOSPC": [EXIT.ok, EXIT.unavailable],
  // 0 where the call belonged to what is not the store: the high-water mark, the last checkpoint.
  "write:EIO": [EXIT.ok, EXIT.defect],
  "write:SHORT": [EXIT.ok],
  "fsync:EIO": [EXIT.ok, EXIT.defect],
};
const MAY_SAY: Readonly<Record<Fault, readonly string[]>> = {
  // A slice that the full disk refused is missed when its message is appended.
  "write:ENOSPC": ["STORE_FULL"],
  "write:EIO": ["STORE_IO"],
  "write:SHORT": [],
  "fsync:EIO": ["STORE_IO"],
};

export interface Round {
  readonly fault: Fault;
  /** Which call, from 1. */
  readonly nth: number;
  /** And every one after it. */
  readonly forEver: boolean;
}

export interface Judged extends Round {
  /** How the child ended, or the signal that ended it. */
  readonly ended: number | string;
  /** Why the round does not hold; empty if it does. */
  readonly reasons: readonly string[];
}

/** How many writes and flushes a life without a fault makes. */
export async function callsOfOneLife(): Promise<{ writes: number; fsyncs: number }> {
  using place = new Place();
  const { said, ended } = await place.live();
  if (ended !== EXIT.ok) throw new Error(`a life without a fault ended with ${ended}`);
  const reasons = unkept(said, EVERYTHING.length);
  if (reasons.length > 0) throw new Error(reasons.join("\n"));
  return await countCalls(place.log);
}

/** Plays one round. */
export async function playRound(round: Round): Promise<Judged> {
  using place = new Place();
  const { said, ended } = await place.live(
    `${round.fault}:${round.nth}${round.forEver ? "+" : ""}`,
  );
  const reasons = [...unexpected(round, said, ended), ...(await place.judge(said))];
  return { ...round, ended, reasons };
}

/** So many rounds, evenly spread over the calls, of each fault, once and for ever. */
export function spread(count: number, calls: { writes: number; fsyncs: number }): Round[] {
  return FAULTS.flatMap((fault) => {
    const total = fault === "fsync:EIO" ? calls.fsyncs : calls.writes;
    const rounds = Math.min(count, total);
    return Array.from(
      { length: rounds },
      (_, index) => 1 + Math.floor((index * total) / rounds),
    ).flatMap((nth) => [false, true].map((forEver) => ({ fault, nth, forEver })));
  });
}

/** Plays rounds, several at once. @param told of each, in the order in which they end */
export async function playAll(
  rounds: readonly Round[],
  atOnce: number,
  told: (judged: Judged) => void,
): Promise<void> {
  const waiting = rounds.values();
  const play = async (): Promise<void> => {
    for (const round of waiting) told(await playRound(round));
  };
  await Promise.all(Array.from({ length: atOnce }, play));
}

export const titleOf = ({ fault, nth, forEver }: Round): string =>
  `${fault} at call ${nth}${forEver ? " and after" : ""}`;

/** The end, and every code on the way, are those of the fault; a full disk is not fatal. */
function unexpected(
  { fault, forEver }: Round,
  said: readonly Said[],
  ended: number | string,
): string[] {
  const reasons: string[] = [];
  if (typeof ended === "string" || !MAY_END[fault].includes(ended)) {
    reasons.push(`process: ended with ${ended}`);
  }
  for (const one of said) {
    if ("code" in one && !MAY_SAY[fault].includes(one.code)) {
      reasons.push(`process: ${one.said} with ${one.code}`);
    }
    if (fault === "write:ENOSPC" && one.said === "fatal") reasons.push("process: full is fatal");
  }
  // What fails once is over: whoever asks again is served.
  if (ended === EXIT.ok && !(forEver && fault === "write:ENOSPC")) {
    reasons.push(...unkept(said, EVERYTHING.length));
  }
  return reasons;
}

function unkept(said: readonly Said[], wanted: number): string[] {
  const kept = keptIn(said);
  return kept.size === wanted ? [] : [`liveness: ${kept.size} of ${wanted} kept`];
}

const keptIn = (said: readonly Said[]): ReadonlySet<string> =>
  new Set(said.flatMap((one) => (one.said === "kept" ? [one.controlId] : [])));

/** A state folder, and what became of it. */
class Place implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-every-call-"));
  readonly #stateDir = join(this.#folder, "state");
  readonly log = join(this.#folder, "calls.log");

  constructor() {
    mkdirSync(this.#stateDir, { mode: 0o700 });
  }

  /** @param fail `OP:ERR:N[+]` */
  async live(fail?: string): Promise<{ said: readonly Said[]; ended: number | string }> {
    const recording = { dir: this.#stateDir, log: this.log };
    const command = recorded(fail === undefined ? recording : { ...recording, fail }, [
      ...(await scriptCommand(CHILD)),
      this.#stateDir,
    ]);
    await using child = new Started(command, { ...process.env, NODE_COMPILE_CACHE: CODE_CACHE });
    let output = "";
    child.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const limit = setTimeout(() => child.child.kill("SIGKILL"), LIMIT_MS);
    const { code, signal } = await child.ended;
    clearTimeout(limit);
    const said = output.split("\n").filter((line) => line !== "");
    const crashed = code === 1 ? `1: ${child.errors.slice(0, 500)}` : code;
    return {
      said: said.map((line) => JSON.parse(line) as Said),
      ended: crashed ?? `${signal}`,
    };
  }

  /** Without the fault: what was kept is recognised, the rest is taken, and the oracles hold. */
  async judge(said: readonly Said[]): Promise<string[]> {
    const kept = keptIn(said);
    const reasons: string[] = [];
    {
      await using outbox = await this.#open(reasons);
      for (const one of outbox === undefined ? [] : EVERYTHING) {
        const outcome = await appended(outbox, one);
        const known = outcome === "repeat" || outcome === "repeated";
        if (kept.has(one.controlId) && !known) {
          reasons.push(`uniqueness: ${one.controlId} was kept, its resend is ${outcome}`);
        }
        if (outcome === "refused") reasons.push(`liveness: ${one.controlId} is refused`);
      }
    }
    if (reasons.length > 0) return reasons;
    const {
      bodies,
      setAside,
      missing,
      reasons: wrong,
    } = inspectStore(this.#stateDir, TEST_KEK.current);
    if (missing.length > 0) reasons.push(`honesty: ${missing.length} ranges said to be missing`);
    for (const { controlId, body, kind } of EVERYTHING) {
      const found = (kind === "setAside" ? setAside : bodies).get(controlId);
      if (found?.equals(body) !== true) reasons.push(`conservation: ${controlId} is not there`);
    }
    return [...reasons, ...wrong];
  }

  async #open(reasons: string[]): Promise<Outbox | undefined> {
    try {
      return await Outbox.open({
        ...{ stateDir: this.#stateDir, allowVolatileState: true, kek: TEST_KEK },
        ...{ channels: [{ name: "adt" }], clock: systemClock, chance: systemChance },
        onFatal: (error) => reasons.push(`liveness: fatal ${error.code} without a fault`),
      });
    } catch (error) {
      reasons.push(`liveness: does not open without the fault: ${(error as Error).message}`);
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function appended(
  outbox: Outbox | undefined,
  { controlId, body, kind }: Sent,
): Promise<string> {
  if (outbox === undefined) return "refused";
  const quarantine = kind === "setAside" ? ({ quarantine: "noMessageType" } as const) : {};
  const entry =
    kind === "large"
      ? stagedEntry(outbox, controlId, body)
      : entryOf({ controlId, body, ...quarantine });
  return await new Promise((resolve) => {
    outbox.append([entry], LIMIT_MS, ([outcome]) => {
      const repeated = outcome?.kind === "quarantined" && outcome.repeated;
      resolve(repeated ? "repeated" : (outcome?.kind ?? "refused"));
    });
  });
}
