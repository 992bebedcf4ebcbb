import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { AuditDraft } from "#agent/audit/entry.ts";
import { answerDrill } from "#agent/drill-questions.ts";
import { AgentError } from "#agent/errors.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { OutageDrill } from "#agent/outage-drill.ts";
import type { AgentStatus } from "#agent/status.ts";
import { agentStatus, channelStatus } from "#test/support/agent-status.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";

const SAID = { reason: "exercise", by: "anna" };
const MINUTE_MS = 60_000;

async function open(store: TestOutbox, clock = new ManualClock()) {
  const [conditions, noted, tunnel] = [new Conditions(), [] as string[], [] as string[]];
  const tasks = new Tasks((name, error) => assert.fail(`${name}: ${String(error)}`));
  let status: Partial<AgentStatus> | AgentError | "hung" = {};
  const drill = await OutageDrill.open({
    ...{ trust: store.outbox.trust, conditions, clock, log: silentLog, tasks },
    tunnel: {
      holdDown: () => void tunnel.push("holdDown"),
      letUp: () => void tunnel.push("letUp"),
    },
    status: () =>
      status === "hung"
        ? new Promise(() => {})
        : status instanceof AgentError
          ? Promise.reject(status)
          : Promise.resolve(agentStatus({ startedAt: new Date(0).toISOString(), ...status })),
    aside: () => Promise.resolve(new Map()),
    note: ({ action, decision, reason = "" }: AuditDraft) =>
      void noted.push(`${action} ${decision} ${reason}`.trim()),
  });
  /** Time passes by the second; what it brings about is awaited. */
  const passes = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000);
      await tasks[Symbol.asyncDispose]();
    }
  };
  /** The same where something may hang: only what can end at once is awaited. */
  const goesBy = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000);
      for (let turns = 0; turns < 5; turns++) await turn();
    }
  };
  const is = (next: typeof status): void => {
    status = next;
  };
  const active = () => conditions.list().map(({ condition }) => condition);
  return { drill, clock, noted, tunnel, passes, goesBy, is, active };
}

describe("an outage drill of an agent", () => {
  test("[Operate] ends by itself when its time is over, and the audit hears of it", async () => {
    await using store = await TestOutbox.open();
    const { drill, tunnel, passes, noted, active, clock } = await open(store);
    await drill.start(2, SAID);
    assert.deepEqual([tunnel, active()], [["holdDown"], ["outageDrill"]]);
    await passes(119);
    assert.deepEqual(tunnel, ["holdDown"]);
    await passes(1);
    assert.deepEqual([tunnel, active()], [["holdDown", "letUp"], []]);
    await passes(1);
    assert.equal(drill.report?.outcome, "complete");
    assert.deepEqual(noted, ["drill.released time", "drill.ended complete 0 accepted"]);
    drill[Symbol.dispose]();
    await passes(10);
    assert.equal(clock.armedCount, 0);
  });

  test("[Operate] a store that fails ends it as trouble, long before its time; one failure does not", async () => {
    await using store = await TestOutbox.open();
    const { drill, tunnel, passes, is, active } = await open(store);
    await drill.start(480, SAID);
    for (let round = 0; round < 3; round++) {
      is(new AgentError("STORE_BUSY", {}));
      await passes(2);
      is({});
      await passes(1);
    }
    assert.deepEqual(tunnel, ["holdDown"]);
    is(new AgentError("STORE_BUSY", {}));
    await passes(3);
    assert.deepEqual([tunnel, active()], [["holdDown", "letUp"], []]);
    assert.partialDeepStrictEqual(drill.report, { state: "draining", releasedBecause: "trouble" });
    is({});
    await passes(1);
    assert.equal(drill.report?.state, "over");
    drill[Symbol.dispose]();
  });

  test("[Operate] a store that hangs ends it as trouble, is asked once only, and keeps no stop waiting", async () => {
    await using store = await TestOutbox.open();
    const { drill, tunnel, passes, goesBy, is, active } = await open(store);
    await drill.start(480, SAID);
    is("hung");
    await goesBy(9);
    assert.deepEqual([tunnel, active()], [["holdDown", "letUp"], []]);
    assert.equal(drill.report?.releasedBecause, "trouble");
    assert.equal((await drill.stop())?.state, "over");
    await passes(1);
    drill[Symbol.dispose]();
  });

  test("[Operate] a stop lets the tunnel up before it looks, and the look gives up", async () => {
    await using store = await TestOutbox.open();
    const { drill, tunnel, goesBy, is, active, noted } = await open(store);
    await drill.start(1, SAID);
    await goesBy(58);
    is("hung");
    // One that began before hangs, too, and would find that the time is over.
    await goesBy(2);
    const stopped = drill.stop();
    assert.deepEqual([tunnel, active()], [["holdDown", "letUp"], []]);
    await goesBy(4);
    assert.deepEqual(active(), []);
    await goesBy(2);
    assert.partialDeepStrictEqual(await stopped, { state: "draining", releasedBecause: "person" });
    assert.deepEqual([tunnel, noted], [["holdDown", "letUp"], ["drill.released person"]]);
    drill[Symbol.dispose]();
  });

  test("[Operate] where no look has come by then, the time itself ends it, and its condition", async () => {
    await using store = await TestOutbox.open();
    const { drill, tunnel, clock, is, active, noted } = await open(store);
    await drill.start(1, SAID);
    is("hung");
    // Nothing that was asked has a chance to be answered.
    clock.advance(66_000);
    assert.deepEqual([tunnel, active()], [["holdDown", "letUp"], []]);
    assert.partialDeepStrictEqual(drill.report, { state: "draining", releasedBecause: "time" });
    assert.deepEqual(noted, ["drill.released time"]);
    drill[Symbol.dispose]();
  });

  test("[Operate] one that a restart ended is in the audit, and is not gone on with", async () => {
    await using store = await TestOutbox.open();
    const first = await open(store);
    await first.drill.start(30, SAID);
    first.drill[Symbol.dispose]();
    await store.reopen();
    const second = await open(store, new ManualClock(first.clock.nowMs() + MINUTE_MS));
    assert.deepEqual(second.noted, ["drill.ended interrupted restart"]);
    assert.deepEqual([second.tunnel, second.active(), second.drill.report], [[], [], undefined]);
    await store.reopen();
    assert.deepEqual((await open(store)).noted, []);
  });

  test("[Operate] is refused where one is under way, the tunnel is down, an alarm is open, a configuration changes, or there is no room", async () => {
    await using store = await TestOutbox.open();
    const { drill, is, tunnel } = await open(store);
    const why = async (next: Partial<AgentStatus>, minutes = 60): Promise<unknown> => {
      is(next);
      const answer = await answerDrill(
        { ask: "drillStart", minutes, reason: "exercise", by: "anna" },
        drill,
      );
      return "fault" in answer ? answer.fault.facts["why"] : answer.done?.state;
    };
    const { tunnel: up } = agentStatus();
    const { store: room } = agentStatus();
    assert.equal(await why({ tunnel: { ...up, state: "connecting" } }), "notStreaming");
    const ill = { condition: "outboxFilling", subject: "", sinceMs: 0, facts: {}, remedy: "" };
    assert.equal(await why({ conditions: [ill as never] }), "alarm");
    const mute = { ...ill, condition: "auditUnwritable" };
    assert.equal(await why({ conditions: [mute as never] }), "alarm");
    const newest = { state: "PROBATION" };
    assert.equal(await why({ configuration: { newest } as never }), "configuration");
    // A thousandth of a byte each millisecond since 1970, three times that for an hour: 5.4 GB.
    const busy = { channels: [channelStatus({ counters: { receivedBytes: 0.5 * 1.7e12 } })] };
    assert.equal(await why({ ...busy, store: { ...room, freeBytes: 4_000_000 } }), "room");
    assert.equal(await why({ store: { ...room, freeBytes: undefined } }), "held");
    assert.equal(await why({}), "running");
    assert.deepEqual(tunnel, ["holdDown"]);
    drill[Symbol.dispose]();
  });

  test("[Operate] a question without its minutes or its reason is none", async () => {
    await using store = await TestOutbox.open();
    const { drill } = await open(store);
    for (const wrong of [{ minutes: 0 }, { minutes: 481 }, { reason: "" }, { reason: "a\nb" }]) {
      const question = { ask: "drillStart", minutes: 5, reason: "exercise", ...wrong };
      await assert.rejects(answerDrill(question, drill), TypeError);
    }
  });
});
