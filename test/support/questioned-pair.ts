/** An enrolled agent, its receiver, and an engineer with a command key: programs as they are installed. @module */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatTime } from "#documents/time.ts";
import type { TrustDocument } from "#documents/types/trust.ts";
import { enrolPair } from "#scripts/enrol-pair.ts";
import { AGENT, makePair, type Pair, type PairOptions } from "#scripts/make-pair.ts";
import { type ProgramMain, programFile } from "#test/support/programs.ts";
import { agentStatus, Started, startReceiver, until } from "./processes.ts";
import { KEYS, signed, trust } from "./signed-documents.ts";

const DAY_MS = 86_400_000;
export const ASKED_AGENT = `${AGENT.tenant}/${AGENT.agent}`;

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class QuestionedPair implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-questioned-"));
  readonly key = join(this.folder, "command.key.pem");
  #pair: Pair | undefined;
  #receiver: Started | undefined;
  #agent: Started | undefined;
  #count = 0;

  /** @param policy lines of `local.yaml`, such as `policy:` and what is under it */
  static async open(
    policy = "",
    change: Partial<TrustDocument> = {},
    more: Partial<PairOptions> = {},
  ): Promise<QuestionedPair> {
    const made = new QuestionedPair();
    const { folder } = made;
    const pair = await makePair({ folder, enrolling: true, ...more });
    made.#pair = pair;
    const local = readFileSync(pair.agentConfig, "utf8");
    writeFileSync(pair.agentConfig, `${local}${policy}`);
    const first = trust({
      tenant: AGENT.tenant,
      receiverCas: [readFileSync(join(folder, "receiver/tls/ca.crt"), "utf8")],
      issuedAt: formatTime(Date.now() - DAY_MS),
      ...change,
    });
    const twoOfThree = KEYS.trust.slice(0, 2);
    writeFileSync(join(folder, "receiver/trust.json"), signed("trust", first, twoOfThree));
    const anchor = { keys: KEYS.trust.map(({ hex }) => hex), threshold: 2 };
    writeFileSync(join(folder, "agent/anchor.json"), JSON.stringify(anchor));
    const [command] = KEYS.command;
    const pem = command.privateKey.export({ format: "pem", type: "pkcs8" });
    writeFileSync(made.key, pem, { mode: 0o600 });
    made.#receiver = startReceiver(pair.receiverConfig);
    await made.#receiver.ready();
    await enrolPair(pair);
    await made.start();
    return made;
  }

  get pair(): Pair {
    if (this.#pair === undefined) throw new TypeError("Cannot use a pair that is not made");
    return this.#pair;
  }

  get stateDir(): string {
    return join(this.folder, "agent/state");
  }

  get agent(): Started {
    if (this.#agent === undefined) throw new TypeError("Cannot use an agent that does not run");
    return this.#agent;
  }

  get served(): Started {
    if (this.#receiver === undefined)
      throw new TypeError("Cannot use a receiver that does not run");
    return this.#receiver;
  }

  /** Runs the agent, and waits until it streams. */
  async start(): Promise<void> {
    const main = programFile("agent/main.ts");
    const anchor = join(this.folder, "agent/anchor.json");
    const { agentConfig } = this.pair;
    this.#agent = new Started([
      ...[process.execPath, main, "run", "--config", agentConfig, "--anchor", anchor],
    ]);
    await this.#agent.ready();
    await until("the tunnel streams", async () => {
      const { tunnel } = await agentStatus(agentConfig);
      return tunnel.state === "streaming";
    });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#agent?.end(signal);
  }

  /** As an engineer signs it, with the tool of those who sign. @returns the file */
  sign(op: string, args: object = {}): string {
    const out = join(this.folder, `question-${++this.#count}.json`);
    const said = run("documents/cli/main.ts", [
      ...["command", op, "--out", out, "--key", this.key, "--args", JSON.stringify(args)],
      ...["--tenant", AGENT.tenant, "--agent", AGENT.agent],
      ...["--engineer", "e.engineer@vendor.example", "--ticket", "T-1"],
    ]);
    if (said.status !== 0) throw new Error(said.stderr);
    return out;
  }

  /** Signed with other content than the tool would write. @returns the file */
  forge(change: object, keys: readonly (typeof KEYS.command)[number][] = KEYS.command): string {
    const out = join(this.folder, `question-${++this.#count}.json`);
    const nowMs = Date.now();
    const document = {
      ...AGENT,
      ...{ op: "status.get", args: {}, nonce: randomBytes(16).toString("hex") },
      issuedAt: formatTime(nowMs),
      expires: formatTime(nowMs + 600_000),
      ...{ engineer: "e.engineer@vendor.example", ticket: "T-1", ...change },
    };
    writeFileSync(out, signed("command", document, keys));
    return out;
  }

  ask(file: string, ...more: readonly string[]): Ran {
    const { receiverConfig } = this.pair;
    const args = ["ask", ASKED_AGENT, "--command", file, "--wait", "30", ...more];
    return run("receiver/main.ts", [...args, "--config", receiverConfig]);
  }

  /** Signs and asks. @throws {Error} unless it is answered */
  answer<T>(op: string, args: object = {}): T {
    const said = this.ask(this.sign(op, args));
    if (said.status !== 0) throw new Error(said.stderr);
    return (JSON.parse(said.stdout) as { answer: T }).answer;
  }

  receiver(...args: readonly string[]): Ran {
    return run("receiver/main.ts", [...args, "--config", this.pair.receiverConfig]);
  }

  /** The tool of those who sign, and who open bundles. */
  vendor(...args: readonly string[]): Ran {
    return run("documents/cli/main.ts", args);
  }

  hospital(...args: readonly string[]): Ran {
    return run("agent/main.ts", [...args, "--config", this.pair.agentConfig]);
  }

  /** The audit's entries, oldest first. */
  audit(): { readonly action: string; readonly decision?: string; readonly reason?: string }[] {
    const { stdout } = this.hospital("audit", "show", "--json", "--limit", "1000");
    return JSON.parse(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]();
    await this.#receiver?.[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function run(program: ProgramMain, args: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [programFile(program), ...args], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return { status, stdout, stderr };
}
