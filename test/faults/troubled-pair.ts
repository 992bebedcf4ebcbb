/**
 * A real agent and a real receiver, each started as a test says: with a preloaded library, under a limit.
 *
 * @module
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askLocal } from "#agent/host/local-socket.ts";
import { makePair, type Pair, type PairOptions } from "#scripts/make-pair.ts";
import { agentCommand, Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const RECEIVER = programFile("receiver/main.ts");

/** What tests ask of `status`, over the local socket: a command each time would take a core from the agent. */
export interface TroubledStatus {
  readonly conditions: readonly { readonly condition: string }[];
  readonly tunnel: { readonly state: string; readonly session?: number };
  readonly channels: readonly {
    readonly name: string;
    readonly lastSeq: number;
    readonly ackedSeq: number;
    readonly waiting: number;
  }[];
  readonly store: { readonly oldestRetainedAt?: string; readonly ballastHeld: boolean };
}

export interface Start {
  /** What it finds beside this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The program that starts it, with its arguments. */
  readonly through?: readonly string[];
}

export class TroubledPair implements Disposable {
  readonly folder: string;
  readonly pair: Pair;

  private constructor(folder: string, pair: Pair) {
    this.folder = folder;
    this.pair = pair;
  }

  static async make(options: Omit<PairOptions, "folder"> = {}): Promise<TroubledPair> {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-trouble-"));
    return new TroubledPair(folder, await makePair({ folder, ...options }));
  }

  get stateDir(): string {
    return join(this.folder, "agent/state");
  }

  get port(): number {
    return this.pair.mllp.port;
  }

  /** An agent once it accepts messages. */
  agent(start: Start = {}): Promise<Started> {
    return ready(agentCommand(this.pair.agentConfig), start);
  }

  /** A receiver once it accepts agents. */
  receiver(start: Start = {}): Promise<Started> {
    const { receiverConfig } = this.pair;
    return ready([process.execPath, RECEIVER, "serve", "--config", receiverConfig], start);
  }

  /** Makes the store, so that the next start finds one: that takes fewer flushes. */
  async makeStore(): Promise<void> {
    await using agent = await this.agent();
    await agent.end("SIGTERM");
  }

  async status(): Promise<TroubledStatus> {
    const { answer } = (await askLocal(this.stateDir, { ask: "status" })) as {
      readonly answer: TroubledStatus;
    };
    return answer;
  }

  async streaming(limitMs = 20_000): Promise<void> {
    const is = async (): Promise<boolean> => (await this.status()).tunnel.state === "streaming";
    await until("the tunnel carries messages", is, limitMs);
  }

  /** Waits until the receiver has everything. */
  async drained(limitMs = 30_000): Promise<void> {
    const is = async (): Promise<boolean> => (await this.status()).channels[0]?.waiting === 0;
    await until("nothing waits for the receiver", is, limitMs);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function ready(command: readonly string[], { env, through = [] }: Start): Promise<Started> {
  const started = new Started([...through, ...command], { ...process.env, ...env });
  await started.ready();
  return started;
}

/**
 * Resident memory of a process, in bytes.
 *
 * @param name `VmHWM`: the most that it ever was; `RssAnon`: now, without the pages of files
 */
export function residentBytes({ child }: Started, name: "VmHWM" | "RssAnon"): number {
  return residentBytesOf(child, name);
}

/** The same, of any process that this one has started. */
export function residentBytesOf(
  child: { readonly pid?: number | undefined },
  name: "VmHWM" | "RssAnon",
): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1_024;
}

export const descriptorCount = ({ child }: Started): number =>
  readdirSync(`/proc/${child.pid}/fd`).length;
