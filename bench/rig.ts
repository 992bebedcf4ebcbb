/** A real agent, and where asked a real receiver, for one measurement. @module */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { askLocal } from "#agent/host/local-socket.ts";
import { Program } from "#scripts/demo/program.ts";
import { makePair, type Pair, type PairOptions } from "#scripts/make-pair.ts";
import type { HostileKind } from "#test/support/hostile-peers.ts";
import { compiledProgram } from "./compile.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const AGENT = join(root, "agent/main.ts");
const RECEIVER = join(root, "receiver/main.ts");
const HOSTILE = join(root, "bench/hostile.ts");
/** A drain takes seconds: what is lost by looking so often is below a hundredth. */
const POLL_MS = 20;

/** What `bench/load.c` prints. */
export interface LoadResult {
  readonly acknowledged: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface RigStatus {
  readonly memoryBytes: number;
  readonly channels: readonly {
    readonly lastSeq: number;
    readonly ackedSeq: number;
    readonly waiting: number;
    readonly connections: number;
  }[];
}

export class Rig implements AsyncDisposable {
  readonly folder: string;
  readonly pair: Pair;
  #agent: Program | undefined;
  #receiver: Program | undefined;

  private constructor(folder: string, pair: Pair) {
    this.folder = folder;
    this.pair = pair;
  }

  /**
   * @param folder emptied first
   * @param more such as a drop folder
   */
  static async make(
    folder: string,
    maxConnections = 2_000,
    more: Omit<PairOptions, "folder" | "channelYaml"> = {},
  ): Promise<Rig> {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const channelYaml = `    maxConnections: ${maxConnections}\n`;
    return new Rig(folder, await makePair({ ...more, folder, channelYaml }));
  }

  /** The agent's `stateDir`. */
  get stateDir(): string {
    return join(this.folder, "agent/state");
  }

  /**
   * @param environment what the agent finds beside this process's own
   * @returns how long it took until messages were accepted, in ms
   */
  async startAgent(environment: Readonly<Record<string, string>> = {}): Promise<number> {
    const startMs = performance.now();
    const args = [AGENT, "run", "--config", this.pair.agentConfig];
    const log = join(this.folder, "agent.log");
    this.#agent = await withEnvironment(environment, () => Program.start(args, log));
    return performance.now() - startMs;
  }

  async startReceiver(): Promise<void> {
    const args = [RECEIVER, "serve", "--config", this.pair.receiverConfig];
    this.#receiver = await Program.start(args, join(this.folder, "receiver.log"));
  }

  async stopAgent(): Promise<void> {
    await this.#agent?.stop("SIGTERM");
  }

  async stopReceiver(): Promise<void> {
    await this.#receiver?.stop("SIGTERM");
  }

  /** Resident memory of the agent's process now, in bytes. */
  agentMemoryBytes(): number {
    return this.#memoryBytes("VmRSS");
  }

  /** The most that it ever was since the start or the last `forgetPeak`: the kernel keeps it, no sample misses it. */
  agentPeakBytes(): number {
    return this.#memoryBytes("VmHWM");
  }

  forgetPeak(): void {
    writeFileSync(`/proc/${this.#agent?.pid}/clear_refs`, "5");
  }

  #memoryBytes(name: "VmRSS" | "VmHWM"): number {
    const status = readFileSync(`/proc/${this.#agent?.pid}/status`, "utf8");
    return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  }

  /** Adds a line to the agent's `local.yaml`, top level, for its next start. */
  addSetting(line: string): void {
    appendFileSync(this.pair.agentConfig, `${line}\n`);
  }

  /** What the agent's store takes of the disk: database, log and whatever stands beside them, in bytes. */
  storeBytes(): number {
    const folder = join(this.stateDir, "outbox");
    return readdirSync(folder)
      .map((name) => statSync(join(folder, name)).size)
      .reduce((sum, size) => sum + size, 0);
  }

  /** Processor time that the agent has used so far, in ms. */
  agentCpuMs(): number {
    const stat = readFileSync(`/proc/${this.#agent?.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  agentDescriptors(): number {
    return readdirSync(`/proc/${this.#agent?.pid}/fd`).length;
  }

  /** Asked over the local socket: a command for each question would take a core from what is measured. */
  async status(): Promise<RigStatus> {
    const reply = (await askLocal(this.stateDir, { ask: "status" })) as {
      readonly answer: RigStatus;
    };
    return reply.answer;
  }

  /**
   * Senders that wait for each reply.
   *
   * @param seconds 0: one message a connection, all at once
   * @param bytes of each message
   * @param rate messages a second over all connections; 0: as fast as replies come
   */
  async load(connections: number, seconds: number, bytes = 1_024, rate = 0): Promise<LoadResult> {
    const args = [this.pair.mllp.port, connections, seconds, bytes, rate].map(String);
    const child = spawn(compiledProgram("load"), args, { stdio: ["ignore", "pipe", "inherit"] });
    const parts: Buffer[] = [];
    child.stdout.on("data", (part: Buffer) => parts.push(part));
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`the load ended with ${code}`);
    return JSON.parse(Buffer.concat(parts).toString("utf8")) as LoadResult;
  }

  /** Peers in a process of their own, connected when it returns; of each kind in its turn, until disposal. */
  async hostile(count: number, kinds: readonly HostileKind[]): Promise<AsyncDisposable> {
    const args = [HOSTILE, String(this.pair.mllp.port), String(count), ...kinds];
    const peers = await Program.start(args, join(this.folder, "hostile.log"));
    return { [Symbol.asyncDispose]: () => peers.stop("SIGKILL") };
  }

  /**
   * Waits until the receiver takes messages: a tunnel may still be backing off.
   *
   * @param ackedBefore what it had when the agent was started
   * @returns a moment just before, as performance.now()
   */
  async streaming(ackedBefore: number): Promise<number> {
    for (;;) {
      const beforeMs = performance.now();
      if ((await this.progress()).acked > ackedBefore) return beforeMs;
      await sleep(POLL_MS);
    }
  }

  /** Over all channels, in messages. */
  async progress(): Promise<{ readonly acked: number; readonly waiting: number }> {
    const { channels } = await this.status();
    const sum = (pick: (channel: RigStatus["channels"][number]) => number): number =>
      channels.reduce((total, channel) => total + pick(channel), 0);
    return { acked: sum(({ ackedSeq }) => ackedSeq), waiting: sum(({ waiting }) => waiting) };
  }

  /** Waits until everything that is stored is acked by the receiver. @returns that moment, as performance.now() */
  async drained(): Promise<number> {
    for (;;) {
      const { channels } = await this.status();
      const nowMs = performance.now();
      if (channels.every(({ waiting }) => waiting === 0)) return nowMs;
      await sleep(POLL_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.stop("SIGTERM");
    await this.#receiver?.stop("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A child gets the environment of the moment it is spawned in: what it alone must see is set for that moment. */
function withEnvironment<T>(environment: Readonly<Record<string, string>>, spawning: () => T): T {
  Object.assign(process.env, environment);
  try {
    return spawning();
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
  }
}
