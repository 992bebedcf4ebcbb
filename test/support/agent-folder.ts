/** A folder with everything `holdfast run` needs; its receiver is written down and never runs. @module */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadKek } from "#agent/sealing/kek.ts";
import type { Kek } from "#agent/sealing/key-ring.ts";
import { makePair, type Pair, type PairOptions } from "#scripts/make-pair.ts";
import { type Started, startAgent } from "./processes.ts";

export class AgentFolder implements Disposable {
  readonly path: string;
  readonly #pair: Pair;

  private constructor(path: string, pair: Pair) {
    this.path = path;
    this.#pair = pair;
  }

  static async make(options: Omit<PairOptions, "folder"> = {}): Promise<AgentFolder> {
    const path = mkdtempSync(join(tmpdir(), "holdfast-agent-"));
    return new AgentFolder(path, await makePair({ folder: path, alone: true, ...options }));
  }

  get config(): string {
    return this.#pair.agentConfig;
  }

  get stateDir(): string {
    return join(this.path, "agent/state");
  }

  /** What `init` or `pair` made: the store can be opened by a test as well. */
  get kek(): Kek {
    const file = join(this.path, "agent/kek/holdfast.kek");
    return loadKek({ custody: "file", file }, this.stateDir);
  }

  /** The URL of its page. */
  get statusPage(): string {
    return this.#pair.statusPage;
  }

  get port(): number {
    return this.#pair.mllp.port;
  }

  changeConfig(from: RegExp, to: string): void {
    const text = readFileSync(this.config, "utf8");
    const changed = text.replace(from, to);
    if (changed === text) throw new Error("nothing of local.yaml was changed");
    writeFileSync(this.config, changed);
  }

  /** An agent in a process of its own, once it accepts messages. */
  async start(): Promise<Started> {
    const agent = startAgent(this.config);
    await agent.ready();
    return agent;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
