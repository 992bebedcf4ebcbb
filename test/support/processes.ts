/** Real agents and receivers in processes of their own: start, await, signal, never leave one behind. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { question } from "#agent/cli/question.ts";
import { loadLocalConfig } from "#config/local.ts";
import { type Recording, recorded } from "#test/rigs/recorder.ts";

const ROOT = join(import.meta.dirname, "../..");

/** How a process ended: by itself with `code`, or by `signal`. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started program. Disposal kills it if it still runs. */
export class Started implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #errors = "";

  constructor(command: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    const [program = "", ...args] = command;
    this.child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
    // "close", not "exit": by then everything it said has been read.
    this.ended = once(this.child, "close").then(([code, signal]) => ({ code, signal }));
  }

  /** Everything it has said on standard error. */
  get errors(): string {
    return this.#errors;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits for its first line of output, by which both programs say that they accept traffic. */
  async ready(): Promise<string> {
    if (this.child.stdout === null)
      throw new TypeError("Cannot read from a program without output");
    const [first] = await Promise.race([
      once(createInterface({ input: this.child.stdout }), "line"),
      this.ended.then(({ code, signal }) => {
        throw new Error(`ended before it was ready: ${signal ?? code}\n${this.#errors}`);
      }),
    ]);
    return String(first);
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.end("SIGKILL");
  }
}

/** The command line of `holdfast run`. @param root of another tree than this one: a planted copy */
export function agentCommand(config: string, root = ROOT): readonly string[] {
  return [process.execPath, join(root, "agent/main.ts"), "run", "--config", config];
}

/** Starts `holdfast run`, under rig A if `recording` is given; does not wait until it is ready. */
export function startAgent(config: string, recording?: Recording, root = ROOT): Started {
  const command = agentCommand(config, root);
  return new Started(recording === undefined ? command : recorded(recording, command));
}

/** Starts `holdfast-receiver serve`; does not wait until it is ready. */
export function startReceiver(config: string, root = ROOT): Started {
  const main = join(root, "receiver/main.ts");
  return new Started([process.execPath, main, "serve", "--config", config]);
}

/** What `holdfast status --json` says, as far as tests ask. */
export interface ShownStatus {
  readonly health: string;
  readonly conditions: readonly { readonly condition: string; readonly subject: string }[];
  readonly tunnel: { readonly state: string };
  readonly channels: readonly {
    readonly name: string;
    readonly lastSeq: number;
    readonly ackedSeq: number;
    readonly waiting: number;
  }[];
  readonly deliveries: readonly {
    readonly name: string;
    readonly state: string;
    readonly waiting: number;
  }[];
}

/** Asks a running agent how it is. @throws {Error} if none answers */
export async function agentStatus(config: string): Promise<ShownStatus> {
  // As the command asks; a process for each look would take more of the machine than what is looked at.
  const { stateDir } = loadLocalConfig(config);
  return (await question(stateDir, { ask: "status" })) as ShownStatus;
}

/** A machine with two cores runs several tests at once: what takes milliseconds can take seconds. */
const PATIENCE_MS = 30_000;

/** Waits for a condition. @throws {Error} naming `what` if it does not hold within `limitMs` */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await pause(20);
  }
}
