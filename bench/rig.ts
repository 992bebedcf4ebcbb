/** A real agent, and where asked a real receiver, for one measurement. @module */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { askLocal } from "#agent/host/local-socket.ts";
import { Program } from "#scripts/demo/program.ts";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import type { HostileKind } from "#test/support/hostile-peers.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const AGENT = join(root, "agent/main.ts");
const RECEIVER = join(root, "receiver/main.ts");
const HOSTILE = join(root, "bench/hostile.ts");
/** A drain takes seconds: what is lost by looking so often is below a hundredth. */
const POLL_MS = 20;
const LOAD_SOURCE = join(root, "bench/load.c");
const LOAD = join(root, "build/load");

/** What `bench/load.c` prints. */
export interface LoadResult {
  readonly acknowledged: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Compiles the load generator if it is not there or older than its source. Needs gcc. */
function compileLoad(): void {
  if (existsSync(LOAD) && statSync(LOAD).mtimeMs > statSync(LOAD_SOURCE).mtimeMs) return;
  mkdirSync(join(root, "build"), { recursive: true });
  execFileSync("gcc", ["-O2", "-Wall", "-D_GNU_SOURCE", "-o", LOAD, LOAD_SOURCE], {
    stdio: "inherit",
  });
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

  /** @param folder emptied first */
  static async make(folder: string, maxConnections = 2_000): Promise<Rig> {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const channelYaml = `    maxConnections: ${maxConnections}\n`;
    return new Rig(folder, await makePair({ folder, channelYaml }));
  }

  /** @returns how long it took until messages were accepted, in ms */
  async startAgent(): Promise<number> {
    const startMs = performance.now();
    const args = [AGENT, "run", "--config", this.pair.agentConfig];
    this.#agent = await Program.start(args, join(this.folder, "agent.log"));
    return performance.now() - startMs;
  }

  async startReceiver(): Promise<void> {
    const args = [RECEIVER, "serve", "--config", this.pair.receiverConfig];
    this.#receiver = await Program.start(args, join(this.folder, "receiver.log"));
  }

  async stopAgent(): Promise<void> {
    await this.#agent?.stop("SIGTERM");
  }

  /** Resident memory of the agent's process now, in bytes. */
  agentMemoryBytes(): number {
    const status = readFileSync(`/proc/${this.#agent?.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
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
    const reply = (await askLocal(`${this.folder}/agent/state`, { ask: "status" })) as {
      readonly answer: RigStatus;
    };
    return reply.answer;
  }

  async load(connections: number, seconds: number, bytes = 1_024, rate = 0): Promise<LoadResult> {
    compileLoad();
    const args = [this.pair.mllp.port, connections, seconds, bytes, rate].map(String);
    const child = spawn(LOAD, args, { stdio: ["ignore", "pipe", "inherit"] });
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
