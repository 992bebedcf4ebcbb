/** From the cloud into a folder, real processes all the way, killed and brought back (04 section 11; 06 TP34, 03 O1, O10). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { loadConfiguration } from "#receiver/configuration.ts";
import { ask } from "#receiver/local-client.ts";
import type { ToldLine } from "#receiver/questions.ts";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import { adt } from "#test/support/messages.ts";
import {
  agentStatus,
  type Started,
  startAgent,
  startReceiver,
  until,
} from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { chances } from "./seeded-messages.ts";

const AGENT = { tenant: "demo", name: "hospital" };
const CHANNEL = "orders";

/** Receiver, agent and a folder; the agent may be killed and comes back. */
class Way implements AsyncDisposable {
  readonly pair: Pair;
  readonly out: string;
  readonly #root: string;
  #agent: Started | undefined;
  #receiverAt: ReturnType<typeof loadConfiguration> | undefined;
  #receiver: Started | undefined;

  private constructor(root: string, pair: Pair) {
    this.#root = root;
    this.pair = pair;
    this.out = join(root, "orders/out");
  }

  static async open(yaml = ""): Promise<Way> {
    const root = mkdtempSync(join(tmpdir(), "holdfast-folder-"));
    const pair = await makePair({ folder: root });
    const way = new Way(root, pair);
    mkdirSync(way.out, { recursive: true });
    const lines = `  - name: ${CHANNEL}\n    kind: folder\n    folder: ${way.out}\n${yaml}`;
    appendFileSync(pair.agentConfig, lines);
    way.#receiver = startReceiver(pair.receiverConfig);
    await way.#receiver.ready();
    await way.startAgent();
    return way;
  }

  async startAgent(): Promise<void> {
    this.#agent = startAgent(this.pair.agentConfig);
    await this.#agent.ready();
  }

  async endAgent(signal: NodeJS.Signals): Promise<void> {
    await this.#agent?.end(signal);
  }

  get errors(): string {
    return this.#agent?.errors ?? "";
  }

  /** Files with a final name that has ended, sorted as they are named. */
  get names(): string[] {
    return readdirSync(this.out)
      .filter((name) => /\.(?:hl7|bin)$/.test(name))
      .sort();
  }

  async send(key: string, text = adt(key)): Promise<void> {
    const body = Buffer.from(text, "latin1").toString("base64");
    await this.#ask({ ask: "send", channel: CHANNEL, key, body, atMs: Date.now() });
  }

  async outcomes(): Promise<(Record<string, unknown> | null)[]> {
    const lines = await this.#ask({ ask: "sent", channel: CHANNEL });
    return lines.map((line) => (JSON.parse(line) as ToldLine).outcome as Record<string, unknown>);
  }

  async settled(count: number): Promise<boolean> {
    const outcomes = await this.outcomes();
    return outcomes.length === count && outcomes.every((one) => one !== null);
  }

  command(...args: readonly string[]): { readonly out: string; readonly status: number | null } {
    const all = [programFile("agent/main.ts"), ...args, "--config", this.pair.agentConfig];
    const { stdout, stderr, status } = spawnSync(process.execPath, all, { encoding: "utf8" });
    return { out: stdout + stderr, status };
  }

  async #ask(question: object): Promise<string[]> {
    this.#receiverAt ??= loadConfiguration(this.pair.receiverConfig);
    const { stateDir, store } = this.#receiverAt;
    const lines: string[] = [];
    const asked = { ...AGENT, ...question } as never;
    for await (const line of ask(stateDir, asked, store)) lines.push(line);
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]();
    await this.#receiver?.[Symbol.asyncDispose]();
    rmSync(this.#root, { recursive: true, force: true });
  }
}

describe("downstream into a folder, end to end", () => {
  test("[P53, P54, O10, TP34] what is handed over lies in the folder as it is, and the outcome comes back", async () => {
    await using way = await Way.open("    outControlSuffix: .ok\n    keepSent: true\n");
    const large = adt("M2", "OBX|1|TX|||0123456789\r".repeat(60_000));
    await way.send("M1", adt("M1", "\xe4\x0b\x1c\r"));
    await way.send("M2", large);
    await until("both are settled", () => way.settled(2));
    const outcomes = await way.outcomes();
    assert.deepEqual(
      outcomes.map((one) => [one?.["outcome"], one?.["flags"]]),
      [
        ["accepted", []],
        ["accepted", []],
      ],
    );
    const bodies = way.names.map((name) => readFileSync(join(way.out, name), "latin1"));
    assert.deepEqual(bodies, [adt("M1", "\xe4\x0b\x1c\r"), large]);
    assert.equal(readdirSync(way.out).length, 4);
    const [day = ""] = readdirSync(join(way.out, "../sent"), { recursive: true })
      .map(String)
      .filter((path) => path.endsWith(".hl7"))
      .map((path) => path.slice(0, 10));
    assert.match(day, /^\d{4}\/\d\d\/\d\d$/);
    const shown = (await agentStatus(way.pair.agentConfig)).deliveries[0] as unknown as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      [shown["name"], shown["kind"], shown["state"], shown["waiting"], shown["connected"]],
      [CHANNEL, "folder", "idle", 0, true],
    );
    assert.ok(
      Date.parse(String(shown["since"])) > 0 && Date.parse(String(shown["lastAcceptedAt"])) > 0,
    );
    const { out } = way.command("status");
    assert.match(out, /^orders +folder +idle +20\S+Z +2 +20\S+Z +0 /m);
    assert.match(
      way.command("channel", "list", CHANNEL).out,
      /orders: delivers; folder, idle since/,
    );
  });

  test("[P3, P46, P52] a folder that goes away stops its own channel, is shown by every command, and comes back by itself", async () => {
    await using way = await Way.open("    retryMaxSeconds: 1\n");
    const away = `${way.out}.away`;
    renameSync(way.out, away);
    await way.send("M1");
    const delivery = async () => (await agentStatus(way.pair.agentConfig)).deliveries[0];
    await until("it is unreachable", async () => (await delivery())?.state === "unreachable");
    await until("the message waits", async () => (await delivery())?.waiting === 1);
    await until("the alarm", async () => {
      const { conditions } = await agentStatus(way.pair.agentConfig);
      return conditions.some(({ condition }) => condition === "targetUnreachable");
    });
    assert.match(way.command("status").out, /targetUnreachable \(orders\)/);
    const { out, status } = way.command("doctor");
    assert.match(
      out,
      /^folders:\n +warning +orders +Cannot be used as account \d+: target exists ENOENT/m,
    );
    assert.equal(status, 0);
    renameSync(away, way.out);
    await until("it is settled", () => way.settled(1));
    assert.equal((await delivery())?.state, "idle");
    assert.match(way.command("doctor").out, /^folders:\n +ok +orders +Every step works: target$/m);
    assert.ok(!way.errors.includes(way.out), "no path is in the log");
  });

  test("[P56, O5] a taken name holds the channel until `channel release`; the receiver hears why", async () => {
    await using way = await Way.open("    onCollision: hold\n    nameTemplate: '{id}.{ext}'\n");
    writeFileSync(join(way.out, "1-1.hl7"), "theirs");
    for (const id of ["M1", "M2"]) await way.send(id);
    const state = async () => (await agentStatus(way.pair.agentConfig)).deliveries[0]?.state;
    await until("it is held", async () => (await state()) === "held");
    const released = way.command("channel", "release", CHANNEL, "--decision", "quarantine");
    assert.equal(released.status, 0, released.out);
    await until("both are settled", () => way.settled(2));
    const outcomes = await way.outcomes();
    assert.deepEqual(
      outcomes.map((one) => [one?.["outcome"], one?.["reason"]]),
      [
        ["quarantined", "nameTaken"],
        ["accepted", undefined],
      ],
    );
    assert.equal(readFileSync(join(way.out, "1-1.hl7"), "latin1"), "theirs");
  });

  test("[P57, P53, P-A12] the agent is killed again and again while a reader takes files: each whole, in order, none missing", async () => {
    await using way = await Way.open("    outControlSuffix: .ok\n    retryMaxSeconds: 1\n");
    const drawn = chances(11);
    const chance = (): number => drawn.next().value;
    const count = 80;
    const textOf = (index: number): string =>
      adt(`M${index}`, "OBX|1|TX|||0123456789\r".repeat((index % 7) * 3_000));
    const taken: string[] = [];
    let isOver = false;
    const reading = (async () => {
      while (!isOver || readdirSync(way.out).some((name) => name.endsWith(".ok"))) {
        for (const name of readdirSync(way.out).sort()) {
          if (!name.endsWith(".ok")) continue;
          const data = join(way.out, name.slice(0, -3));
          // Taken before, and its control file made up for after a kill.
          if (existsSync(data)) {
            taken.push(readFileSync(data, "latin1"));
            unlinkSync(data);
          }
          unlinkSync(join(way.out, name));
        }
        await pause(5);
      }
    })();
    const sending = (async () => {
      for (let index = 1; index <= count; index++) await way.send(`M${index}`, textOf(index));
    })();
    for (let round = 0; round < 6; round++) {
      await pause(150 + 450 * chance());
      await way.endAgent("SIGKILL");
      await way.startAgent();
    }
    await sending;
    await until("every outcome is known", () => way.settled(count), 90_000);
    isOver = true;
    await reading;
    const all = Array.from({ length: count }, (_, index) => textOf(index + 1));
    assert.deepEqual([...new Set(taken)], all);
    assert.deepEqual(readdirSync(way.out), []);
    // What came more than once (a kill can strike the second time, too) is said to have.
    const outcomes = await way.outcomes();
    for (const [index, text] of all.entries()) {
      if (taken.indexOf(text) === taken.lastIndexOf(text)) continue;
      assert.deepEqual(outcomes[index]?.["flags"], ["possibleRepeat"], `M${index + 1}`);
    }
  });

  test("[E8] an agent that is asked to stop leaves no temporary file behind", async () => {
    await using way = await Way.open();
    const large = adt("M1", "OBX|1|TX|||0123456789\r".repeat(400_000));
    await way.send("M1", large);
    await until("something is there", () => readdirSync(way.out).length > 0);
    await way.endAgent("SIGTERM");
    assert.ok(
      readdirSync(way.out).every((name) => name.endsWith(".hl7")),
      readdirSync(way.out).join(),
    );
  });
});
