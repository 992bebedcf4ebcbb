/**
 * A receiver that has been taken over, with all that it has: its name, its TLS key, its database, every document and
 * question that ever went through it; and none of the keys that are kept offline (08 9, D10). It plays every frame that
 * the protocol knows, right ones at the wrong time and wrong ones of every shape, against a real agent that goes on
 * taking messages. Then the honest receiver comes back and is given everything.
 *
 * @module
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { hash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { askLocal } from "#agent/host/local-socket.ts";
import type { AgentStatus } from "#agent/status.ts";
import { encodeFrame } from "#protocol/codec.ts";
import { sendOnce } from "#test/faults/mllp-sender.ts";
import { readingOf, showFrameCase, type Wire } from "#test/fuzz/frame-cases.ts";
import { type FakeConnection, FakeReceiver } from "#test/support/fake-receiver.ts";
import { HospitalSystem } from "#test/support/hospital-system.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { startReceiver, until } from "#test/support/processes.ts";
import { ASKED_AGENT, QuestionedPair } from "#test/support/questioned-pair.ts";
import { filesBelow } from "./canaries.ts";
import { type Attack, attacks, mayAppear } from "./receiver-attacks.ts";

export const GROWN_MAX_BYTES = 64 * 1_048_576;
/** A message that is sent during an attack; on a machine that does other things, too. */
const REPLY_MAX_MS = 10_000;

export interface Outcome {
  readonly frames: number;
  readonly connections: number;
  /** Events of the agent's log, with how often each was written. */
  readonly events: Readonly<Record<string, number>>;
  readonly grownBytes: number;
}

export class TakenOverReceiver implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #accepted: string[] = [];
  readonly #pair: QuestionedPair;
  readonly #system: HospitalSystem;
  readonly #url: string;
  #frames = 0;
  #connections = 0;

  private constructor(pair: QuestionedPair, system: HospitalSystem, stack: AsyncDisposableStack) {
    this.#pair = pair;
    this.#system = system;
    this.#stack = stack;
    this.#url = pair.pair.receiver;
  }

  /** An enrolled agent that has worked with its receiver, been asked a question, and been sent an order. */
  static async open(): Promise<TakenOverReceiver> {
    const stack = new AsyncDisposableStack();
    const system = stack.use(await HospitalSystem.open());
    const sender = `  - name: orders\n    kind: mllp-sender\n    host: 127.0.0.1\n    port: ${system.port}\n`;
    const pair = stack.use(
      await QuestionedPair.open(
        "policy:\n  support: { consentLevel: 1 }\n",
        {},
        { files: true, filesYaml: sender },
      ),
    );
    const made = new TakenOverReceiver(pair, system, stack);
    await made.#send();
    return made;
  }

  get #agentStatus(): Promise<AgentStatus> {
    return askLocal(this.#pair.stateDir, { ask: "status" }).then(
      (reply) => (reply as { readonly answer: AgentStatus }).answer,
    );
  }

  /** @param rounds connections, each with some frames @throws {AssertionError} naming the seed of what did harm */
  async attack(rounds: number, seed: number): Promise<Outcome> {
    const question = readFileSync(this.#pair.sign("status.get"));
    this.#pair.ask(this.#saved("asked.json", question));
    await this.#pair.served.end("SIGTERM");
    const before = this.#state();
    const peakBytes = this.#peakBytes;
    const said = this.#pair.agent.errors.length;
    {
      await using taken = await this.#takeOver();
      const cases = fc.sample(attacks(question, [2, 4], ASKED_AGENT), { numRuns: rounds, seed });
      for (const [index, attack] of cases.entries()) {
        const what = `seed ${seed}, round ${index}: ${showFrameCase({ stage: attack.kind, wires: attack.wires })}`;
        try {
          await this.#round(taken, attack);
        } catch (error) {
          throw new Error(`${what}\n${this.#pair.agent.errors.slice(-2_000)}`, { cause: error });
        }
      }
    }
    const grownBytes = this.#peakBytes - peakBytes;
    assert.deepEqual(this.#state(), before, `seed ${seed}: something was changed`);
    await this.#recover();
    return {
      frames: this.#frames,
      connections: this.#connections,
      events: eventsOf(this.#pair.agent.errors.slice(said)),
      grownBytes,
    };
  }

  async #takeOver(): Promise<FakeReceiver> {
    const pem = (name: string): string =>
      readFileSync(join(this.#pair.folder, "receiver/tls", name), "utf8");
    const identity = {
      certificatePem: pem("server.crt"),
      privateKeyPem: pem("server.key"),
      serialHex: "",
    };
    return await FakeReceiver.open({ identity, port: Number(new URL(this.#url).port) });
  }

  async #round(taken: FakeReceiver, { kind, welcome, opened, wires }: Attack): Promise<void> {
    await askLocal(this.#pair.stateDir, { ask: "reconnect", by: "test" });
    const connection = await taken.connection();
    this.#connections += 1;
    if (kind !== "unwelcomed") {
      const upstreamCredit = kind === "fed" ? 1 << 30 : 0;
      await connection.next("hello");
      connection.send({ ...welcome, upstreamCredit });
    }
    if (kind === "fed") await openings(connection);
    const sending = this.#send();
    for (const wire of wires) {
      if (connection.isClosed) break;
      if (kind === "hungry") answerOpens(connection, opened);
      // The one lie that nobody can see through: that it has stored what it was sent.
      if (kind === "fed" && !mayAppear(readingOf(wire, Number.MAX_SAFE_INTEGER))) continue;
      connection.socket.send(wire);
      this.#frames += 1;
    }
    await sending;
    connection.socket.close();
    await until("the connection is over", () => connection.isClosed);
    connection.socket.terminate();
    assert.ok(this.#pair.agent.isRunning, "the agent has ended");
  }

  /** One message from a hospital system, which is accepted. */
  async #send(): Promise<void> {
    const controlId = `D10-${this.#accepted.length}`;
    const startMs = performance.now();
    const answer = await sendOnce(this.#pair.pair.mllp.port, latin1(adt(controlId)));
    assert.deepEqual(answer, { kind: "accepted", controlId });
    assert.ok(performance.now() - startMs < REPLY_MAX_MS, "ingest was held up");
    this.#accepted.push(controlId);
  }

  /** The honest one, with its store as it was, is given every message, once and byte for byte. */
  async #recover(): Promise<void> {
    await using receiver = startReceiver(this.#pair.pair.receiverConfig);
    await receiver.ready();
    await askLocal(this.#pair.stateDir, { ask: "reconnect", by: "test" });
    await until("everything is there", async () => {
      const { channels, tunnel } = await this.#agentStatus;
      return tunnel.state === "streaming" && channels.every(({ waiting }) => Number(waiting) === 0);
    });
    const { stdout } = this.#pair.receiver("export", "--body", "--channel", "adt");
    const bodies = stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) =>
        Buffer.from((JSON.parse(line) as { body: string }).body, "base64").toString("latin1"),
      );
    assert.deepEqual(bodies.sort(), this.#accepted.map((id) => adt(id)).sort());
    assert.equal((await this.#pair.agent.end("SIGTERM")).code, 0, this.#pair.agent.errors);
  }

  /** What nobody but a person at the machine may change. */
  #state(): object {
    const { folder, stateDir } = this.#pair;
    const outside = filesBelow(folder).filter(
      (file) => !file.startsWith(stateDir) && !file.startsWith(join(folder, "receiver")),
    );
    const digest = (file: string): string => hash("sha256", readFileSync(file));
    const settled = ["trust", "identity"].flatMap((part) =>
      filesBelow(join(stateDir, part)).filter(
        (file) => !/\.(?:tmp|lock)$|\/marks-[ab]$/.test(file),
      ),
    );
    return {
      marks: this.#marks(),
      files: [...outside, ...settled].sort().map((file) => `${file} ${digest(file)}`),
      ports: this.#listening(),
      children: this.#children(),
      configuration: this.#pair.hospital("config", "show", "--json").stdout,
    };
  }

  /** But how far the audit is: what is refused stands there. */
  #marks(): object {
    const files = ["marks-a", "marks-b"].map((name) => join(this.#pair.stateDir, "trust", name));
    const found = files.flatMap((file) => {
      const [line = ""] = readFileSync(file, "utf8").split("\n");
      // One that is being written is empty: the other is whole.
      return line.endsWith("}") ? [JSON.parse(line) as { readonly counter: number }] : [];
    });
    const newest = found.sort((one, other) => other.counter - one.counter)[0];
    assert.ok(newest !== undefined, "no marks");
    return { ...newest, counter: undefined, auditSeq: undefined };
  }

  #listening(): string[] {
    const { stdout } = spawnSync("ss", ["-ltnpH"], { encoding: "utf8" });
    const own = stdout
      .split("\n")
      .filter((line) => line.includes(`pid=${this.#pair.agent.child.pid},`));
    return own.map((line) => line.split(/\s+/)[3] ?? "").sort();
  }

  #children(): string {
    const { pid } = this.#pair.agent.child;
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  }

  get #peakBytes(): number {
    const status = readFileSync(`/proc/${this.#pair.agent.child.pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
  }

  #saved(name: string, bytes: Uint8Array): string {
    const folder = join(this.#pair.folder, "receiver/kept");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  }

  /** What hospital systems were sent: it may be anything, for the channel is approved. */
  get deliveredCount(): number {
    return this.#system.blocks.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** How often each event was written. */
function eventsOf(log: string): Record<string, number> {
  const events: Record<string, number> = {};
  for (const line of log.split("\n").filter((one) => one.startsWith("{"))) {
    const { message } = JSON.parse(line) as { readonly message: string };
    events[message] = (events[message] ?? 0) + 1;
  }
  return events;
}

/** Answers every OPEN as an empty receiver does, once it comes. */
async function openings(connection: FakeConnection): Promise<void> {
  await until(
    "the agent opens its channels",
    () => connection.isClosed || connection.frames.some(({ type }) => type === "open"),
  );
  answerOpens(connection, undefined);
}

/** @param lie instead of the truth */
function answerOpens(connection: FakeConnection, lie: Attack["opened"]): void {
  for (const frame of connection.frames.splice(0)) {
    if (frame.type !== "open") continue;
    const { stream, epoch } = frame;
    const truth = {
      lastSeq: 0n,
      chain: new Uint8Array(32),
      status: 0,
      epoch,
      credit: { streamLimit: 1 << 30 },
    } as const;
    const wire: Wire = encodeFrame({ ...truth, ...lie, type: "opened", stream });
    connection.socket.send(wire);
  }
}
