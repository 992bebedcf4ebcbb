/** What every store has to do with hours of agents (03 D4): one suite, run by each. @module */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { CHAIN_START, chainInput } from "#protocol/chain.ts";
import { type AgentReport, reportOf } from "#receiver/report/report.ts";
import type { AgentRecord } from "#receiver/store/store.ts";
import type { WholeStore } from "#receiver/store/whole-store.ts";
import { type CountRecord, HOURS_SCHEMA, type StretchRecord } from "#reconcile/hour-record.ts";
import { HOUR_MS } from "#reconcile/hours.ts";
import type { LineState } from "#reconcile/lines.ts";

const HOUR = 494_000;
const STORE = "ab".repeat(16);
const ALL = { fromHour: HOUR - 10, toHour: HOUR + 10, channel: null };
const bodyOf = (seq: number): Buffer => Buffer.from(`message ${seq}`);
const digestOf = (bytes: Uint8Array): Buffer => hash("sha256", bytes, "buffer");

/** The chain behind `seq` where all bodies are `bodyOf` their seqs. */
function chainAt(seq: number, epoch = 1n): Uint8Array {
  let chain: Uint8Array = CHAIN_START;
  for (let at = 1; at <= seq; at++) {
    chain = hash("sha256", chainInput(chain, epoch, BigInt(at), digestOf(bodyOf(at))), "buffer");
  }
  return chain;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

export const stretchOf = (
  first: number,
  last: number,
  more: Partial<StretchRecord> = {},
): StretchRecord => ({
  ...{ direction: "up", channel: "adt", epoch: "1", first: String(first), last: String(last) },
  ...{ hour: HOUR, copies: 0, before: base64(chainAt(first - 1)), after: base64(chainAt(last)) },
  ...more,
});

/** A store with an agent whose channel `adt` is open. */
class Stage {
  readonly store: WholeStore;
  readonly agent: AgentRecord;
  readonly session: number;

  private constructor(store: WholeStore, agent: AgentRecord, session: number) {
    this.store = store;
    this.agent = agent;
    this.session = session;
  }

  static async set(store: WholeStore): Promise<Stage> {
    const call = { tenant: "north", name: "ward-1", serialHex: "01", atMs: 4 };
    const added = await store.addAgent(call);
    assert.ok("agent" in added);
    const { agent } = added;
    const pair = { storeId: new Uint8Array(16), instanceNonce: new Uint8Array(16) };
    const greeted = await store.hello({ agent: agent.id, ...pair, atMs: 5 });
    assert.ok("session" in greeted);
    const stage = new Stage(store, agent, greeted.session);
    const opened = await store.open({ ...stage.#channel, epoch: 1n, atMs: 5, previous: null });
    assert.equal(opened.kind, "ok");
    return stage;
  }

  get #channel() {
    return { agent: this.agent.id, session: this.session, channel: "adt" };
  }

  async stored(first: number, count: number, hour = HOUR, body = bodyOf): Promise<void> {
    const items = Array.from({ length: count }, (_, at) => {
      const bytes = body(first + at);
      const meta = JSON.stringify({ attributes: { "hl7.controlId": `M${first + at}` } });
      const receivedAtMs = hour * HOUR_MS + at;
      return {
        sha256: digestOf(bytes),
        replaces: null,
        receivedAtMs,
        meta,
        body: new Uint8Array(bytes),
      };
    });
    const call = { ...this.#channel, epoch: 1n, atMs: 6, first: BigInt(first), items };
    const result = await this.store.ingest(call);
    assert.equal(result.kind, "ok");
  }

  async skipped(first: number, last: number): Promise<void> {
    const range = {
      first: BigInt(first),
      last: BigInt(last),
      reason: "damaged",
      chain: null,
    } as const;
    const result = await this.store.skip({ ...this.#channel, epoch: 1n, atMs: 6, ...range });
    assert.equal(result.kind, "ok");
  }

  async told(
    stretches: readonly StretchRecord[],
    counts: readonly CountRecord[] = [],
    throughHour = HOUR,
  ): Promise<void> {
    const head = { schema: HOURS_SCHEMA, store: STORE, sinceHour: HOUR - 5, throughHour } as const;
    const record = { ...head, stretches, counts };
    const call = { agent: this.agent.id, record, atMs: HOUR * HOUR_MS };
    assert.deepEqual(await this.store.hours.noteHours(call), { kind: "ok" });
  }

  report(): Promise<AgentReport> {
    return reportOf(this.store, this.agent, ALL);
  }

  async states(): Promise<LineState[]> {
    return (await this.report()).lines.map(({ state }) => state);
  }
}

/** @param open opens an empty store, and disposes of all it leaves when it is disposed */
export function hourSuite(name: string, open: () => Promise<WholeStore>): void {
  const scene = (title: string, play: (stage: Stage) => Promise<void>): void => {
    test(`${title} (${name})`, async () => {
      await using store = await open();
      await play(await Stage.set(store));
    });
  };

  scene(
    "[D4, TP15] an hour of which both sides hold the same is equal, by count and digest",
    async (stage) => {
      await stage.stored(1, 5);
      const counts = {
        channel: "adt",
        hour: HOUR,
        duplicates: 2,
        quarantined: 1,
        refused: 0,
        rejected: 0,
      };
      await stage.told([stretchOf(1, 5)], [counts]);
      const { lines, told, agent } = await stage.report();
      const [line, ...others] = lines;
      assert.deepEqual([others, agent, line?.state], [[], "north/ward-1", "equal"]);
      assert.deepEqual([line?.told?.received, line?.told?.stored, line?.held.stored], [8, 5, 5]);
      assert.equal(line?.told?.digest, line?.held.digest);
      assert.match(line?.held.digest ?? "", /^[0-9a-f]{16}$/);
      assert.deepEqual(told, { sinceHour: HOUR - 5, throughHour: HOUR, toldAtMs: HOUR * HOUR_MS });
    },
  );

  scene("[D4] what was told of and has not come is still on its way", async (stage) => {
    await stage.stored(1, 3);
    await stage.told([stretchOf(1, 5)]);
    assert.deepEqual(await stage.states(), ["arriving"]);
    await stage.stored(4, 2);
    assert.deepEqual(await stage.states(), ["equal"]);
  });

  scene("[D4, RI8] a number that will never come is named, with why", async (stage) => {
    await stage.stored(1, 2);
    await stage.skipped(3, 3);
    await stage.stored(4, 2);
    await stage.told([stretchOf(1, 5)]);
    const [line] = (await stage.report()).lines;
    assert.equal(line?.state, "differs");
    const named = { epoch: "1", seq: "3", agent: "has", receiver: "lacks", controlId: null };
    assert.deepEqual(line?.differences, [{ ...named, gap: "damaged" }]);
  });

  scene("[D4, TP15] another content under the same numbers differs", async (stage) => {
    await stage.stored(1, 5, HOUR, (seq) => Buffer.from(seq === 3 ? "altered" : `message ${seq}`));
    await stage.told([stretchOf(1, 5)]);
    const [line] = (await stage.report()).lines;
    assert.deepEqual([line?.state, line?.isOther, line?.held.stored], ["differs", true, 5]);
    assert.notEqual(line?.told?.digest, line?.held.digest);
  });

  scene(
    "[D4] what the agent has not told of is not proven; a later record replaces the earlier one",
    async (stage) => {
      await stage.stored(1, 5);
      await stage.told([stretchOf(1, 3)]);
      assert.deepEqual(await stage.states(), ["untold"]);
      await stage.told([stretchOf(1, 5)]);
      assert.deepEqual(await stage.states(), ["equal"]);
    },
  );

  scene("[D4, TP18] what the agent sent under other numbers is not looked for", async (stage) => {
    await stage.stored(1, 3);
    await stage.told([stretchOf(1, 5, { expected: "3" })]);
    const [line] = (await stage.report()).lines;
    assert.deepEqual([line?.state, line?.held.stored, line?.held.digest], ["equal", 3, null]);
  });

  scene(
    "[D4] hours outside of what is asked are left out, and old ones forgotten",
    async (stage) => {
      await stage.stored(1, 2);
      const old = stretchOf(1, 1, { hour: HOUR - 400 * 24 - 1 });
      await stage.told([old, stretchOf(2, 2, { hour: HOUR + 20 })]);
      assert.deepEqual((await stage.report()).lines, []);
      const [first] = await stage.store.hours.toldStretches({
        ...{ agent: stage.agent.id, fromHour: 0, toHour: HOUR + 100, after: null },
      });
      assert.equal(first?.hour, HOUR + 20);
    },
  );

  scene(
    "[D4, TP34] what goes down is compared with what the agent got, and what became of it",
    async (stage) => {
      const { store, agent, session } = stage;
      const to = { agent: agent.id, channel: "orders" };
      for (let seq = 1; seq <= 3; seq++) {
        const content = { key: null, sha256: digestOf(bodyOf(seq)), meta: "{}", body: bodyOf(seq) };
        const sent = await store.enqueue({ ...to, ...content, atMs: HOUR * HOUR_MS });
        assert.equal(sent.kind, "ok");
      }
      assert.deepEqual(await stage.states(), ["arriving"]);
      await store.settleOutgoing({ ...to, session, epoch: 1n, seq: 3n, atMs: 9 });
      assert.deepEqual(await stage.states(), ["untold"]);
      await stage.told([stretchOf(1, 3, { direction: "down", channel: "orders" })]);
      const accepted = '{"schema":"holdfast.outcome/1","outcome":"accepted"}';
      await store.noteOutcome({ ...to, epoch: 1n, seq: 1n, outcome: accepted });
      const aside = '{"schema":"holdfast.outcome/1","outcome":"quarantined"}';
      await store.noteOutcome({ ...to, epoch: 1n, seq: 2n, outcome: aside });
      const [line] = (await stage.report()).lines;
      assert.equal(line?.state, "equal");
      assert.deepEqual([line?.held.delivered, line?.held.aside], [1, 1]);
      const range = { epoch: 1n, after: 0n, through: 9n, ...to, direction: "down" } as const;
      const held = await store.hours.heldRows(range);
      assert.deepEqual(
        held.map(({ seq, fate }) => [seq, fate]),
        [
          [1n, "delivered"],
          [2n, "aside"],
          [3n, "none"],
        ],
      );
    },
  );
}
