/** From the cloud to a hospital system and back again with the outcome, real processes all the way (06 TP34, 03 O1, O10). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { loadConfiguration } from "#receiver/configuration.ts";
import { ask } from "#receiver/local-client.ts";
import type { SentLine, ToldLine } from "#receiver/questions.ts";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import { ack, HospitalSystem } from "#test/support/hospital-system.ts";
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

/** Receiver, agent and hospital system, each of which may be killed and comes back. */
class Way implements AsyncDisposable {
  readonly pair: Pair;
  readonly hospital: HospitalSystem;
  readonly #folder: string;
  #agent: Started | undefined;
  #receiver: Started | undefined;

  private constructor(folder: string, pair: Pair, hospital: HospitalSystem) {
    this.#folder = folder;
    this.pair = pair;
    this.hospital = hospital;
  }

  static async open(senderYaml = ""): Promise<Way> {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-downstream-"));
    const hospital = await HospitalSystem.open();
    const pair = await makePair({ folder });
    appendFileSync(
      pair.agentConfig,
      `  - name: ${CHANNEL}\n    kind: mllp-sender\n    host: 127.0.0.1\n    port: ${hospital.port}\n${senderYaml}`,
    );
    const way = new Way(folder, pair, hospital);
    await way.startReceiver();
    await way.startAgent();
    return way;
  }

  async startAgent(): Promise<void> {
    this.#agent = startAgent(this.pair.agentConfig);
    await this.#agent.ready();
  }

  async startReceiver(): Promise<void> {
    this.#receiver = startReceiver(this.pair.receiverConfig);
    await this.#receiver.ready();
  }

  async killAgent(): Promise<void> {
    await this.#agent?.end("SIGKILL");
  }

  async killReceiver(): Promise<void> {
    await this.#receiver?.end("SIGKILL");
  }

  /** What they have said on standard error. */
  get errors(): string {
    return `${this.#agent?.errors}\n${this.#receiver?.errors}`;
  }

  async send(controlId: string, text = adt(controlId)): Promise<SentLine> {
    const body = Buffer.from(text, "latin1").toString("base64");
    const key = controlId;
    const [line] = await this.#ask({ ask: "send", channel: CHANNEL, key, body, atMs: Date.now() });
    return JSON.parse(line ?? "") as SentLine;
  }

  async sent(): Promise<ToldLine[]> {
    const lines = await this.#ask({ ask: "sent", channel: CHANNEL });
    return lines.map((line) => JSON.parse(line) as ToldLine);
  }

  async outcomes(): Promise<(Record<string, unknown> | null)[]> {
    return (await this.sent()).map(({ outcome }) => outcome as Record<string, unknown> | null);
  }

  async #ask(question: object): Promise<string[]> {
    const { stateDir, store } = loadConfiguration(this.pair.receiverConfig);
    const lines: string[] = [];
    const asked = { ...AGENT, ...question } as never;
    for await (const line of ask(stateDir, asked, store)) lines.push(line);
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]();
    await this.#receiver?.[Symbol.asyncDispose]();
    await this.hospital[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

describe("downstream, end to end", () => {
  test("[TP34] [O1] [O10] what is handed over reaches the hospital system as it is, and its reply comes back", async () => {
    await using way = await Way.open();
    const text = adt("M1", "OBX|1|TX|||\xe4\xf6\xfc\r");
    assert.equal((await way.send("M1", text)).known, false);
    await until("it was delivered", () => way.hospital.blocks.length === 1);
    assert.equal(way.hospital.blocks[0]?.text, text);
    await until("the outcome is known", async () => (await way.outcomes())[0] !== null);
    const [told] = await way.sent();
    const outcome = told?.outcome as Record<string, unknown>;
    assert.deepEqual(
      [outcome["outcome"], outcome["code"], outcome["flags"]],
      ["accepted", "AA", []],
    );
    const reply = Buffer.from(String(outcome["reply"]), "base64").toString("latin1");
    assert.match(reply, /\rMSA\|AA\|M1/);
    assert.ok(told?.agentHasItAt !== null);
    const shown = await agentStatus(way.pair.agentConfig);
    assert.equal(shown.deliveries[0]?.name, CHANNEL);
    assert.equal(shown.deliveries[0]?.waiting, 0);
    // Of our own channels nobody is told.
    assert.deepEqual(
      shown.channels.map(({ name }) => name),
      ["adt"],
    );
  });

  test("[TP34] [I-6] a channel that the agent does not deliver is held at the receiver; others go on", async () => {
    await using way = await Way.open();
    const { stateDir, store } = loadConfiguration(way.pair.receiverConfig);
    const body = Buffer.from(adt("SECRET1")).toString("base64");
    const other = { ask: "send", ...AGENT, channel: "nobody", key: null, body, atMs: 1 } as const;
    for await (const _ of ask(stateDir, other, store));
    await way.send("M1");
    await until("the other channel flows", () => way.hospital.blocks.length === 1);
    await until("it is said", () => way.errors.includes("downstreamHeld"));
    assert.ok(!way.errors.includes("SECRET1"));
  });

  test("[O5] a refused message holds its channel until a person decides; what is behind it does not pass", async () => {
    await using way = await Way.open();
    way.hospital.answer = ({ controlId }) => ack(controlId === "M2" ? "AR" : "AA", controlId);
    for (const controlId of ["M1", "M2", "M3"]) await way.send(controlId);
    const state = async () => (await agentStatus(way.pair.agentConfig)).deliveries[0]?.state;
    await until("it is held", async () => (await state()) === "held");
    assert.deepEqual(
      way.hospital.blocks.map(({ controlId }) => controlId),
      ["M1", "M2"],
    );
    // A restart does not let it go.
    await way.killAgent();
    await way.startAgent();
    await until("it is held again", async () => (await state()) === "held");
    const release = [process.execPath, programFile("agent/main.ts"), "channel", "release", CHANNEL];
    const [program = "", ...args] = [
      ...[...release, "--decision", "quarantine", "--config", way.pair.agentConfig],
    ];
    const done = spawnSync(program, args, { encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
    await until("the last one arrives", async () =>
      (await way.outcomes()).every((one) => one !== null),
    );
    const outcomes = await way.outcomes();
    assert.deepEqual(
      outcomes.map((one) => [one?.["outcome"], one?.["code"]]),
      [
        ["accepted", "AA"],
        ["quarantined", "AR"],
        ["accepted", "AA"],
      ],
    );
    const again = spawnSync(program, args, { encoding: "utf8" });
    assert.match(again.stderr, /CHANNEL_NOT_HELD/);
  });

  test("[T-S03] [O1] agent and receiver are killed again and again: everything arrives, in order, and no outcome is lost", async () => {
    await using way = await Way.open();
    const drawn = chances(7);
    const chance = (): number => drawn.next().value;
    const count = 60;
    const sending = (async () => {
      for (let number = 1; number <= count; number++) {
        // While the receiver is away, the command opens the store by itself, or is told to try again.
        for (let done = false; !done; ) {
          done = await way.send(`M${number}`).then(
            () => true,
            () => false,
          );
        }
      }
    })();
    for (let round = 0; round < 6; round++) {
      await pause(200 + 600 * chance());
      if (chance() < 0.5) {
        await way.killAgent();
        await way.startAgent();
      } else {
        await way.killReceiver();
        await until("the receiver is back", () =>
          way.startReceiver().then(
            () => true,
            () => false,
          ),
        );
      }
    }
    await sending;
    const settled = async (): Promise<boolean> => {
      const outcomes = await way.outcomes();
      return outcomes.length === count && outcomes.every((one) => one !== null);
    };
    await until("every outcome is known", settled, 90_000);
    const order = [...new Set(way.hospital.blocks.map(({ controlId }) => controlId))];
    assert.deepEqual(
      order,
      Array.from({ length: count }, (_, index) => `M${index + 1}`),
    );
    // What came twice is said to have: nothing else did.
    const twice = way.hospital.blocks.length - count;
    const flagged = (await way.outcomes()).filter((one) =>
      ((one?.["flags"] ?? []) as string[]).includes("possibleRepeat"),
    ).length;
    assert.ok(twice <= flagged, `${twice} came again, ${flagged} are said to`);
  });

  test("[TP17] [TP18] a receiver that is put back to an older store: what it knows again is not delivered twice, what is new is", async () => {
    await using way = await Way.open();
    await way.send("M1");
    await until("M1 is delivered", async () => (await way.outcomes())[0] !== null);
    await way.killReceiver();
    const { stateDir } = loadConfiguration(way.pair.receiverConfig);
    const files = ["receiver.db", "receiver.db-wal"];
    const copy = files.map((name) => [name, readOrNothing(join(stateDir, name))] as const);
    await way.startReceiver();
    await way.send("M2");
    await until("M2 is delivered", () => way.hospital.blocks.length === 2);
    await way.killReceiver();
    for (const [name, bytes] of copy) {
      rmSync(join(stateDir, name), { force: true });
      if (bytes !== undefined) writeFileSync(join(stateDir, name), bytes);
    }
    await way.startReceiver();
    // It gives number 2 to another message: the histories have parted.
    await way.send("M3");
    await until("M3 is delivered", () => way.hospital.blocks.length === 3, 30_000);
    assert.deepEqual(
      way.hospital.blocks.map(({ controlId }) => controlId),
      ["M1", "M2", "M3"],
    );
    await until("its outcome is known", async () => (await way.outcomes()).at(-1) !== null);
    assert.ok(way.errors.includes("downstreamParted"));
  });
});

function readOrNothing(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
