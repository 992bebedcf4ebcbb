import assert from "node:assert/strict";
import { describe, test } from "node:test";
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
  let status: Partial<AgentStatus> | AgentError = {};
  const drill = await OutageDrill.open({
    ...{ trust: store.outbox.trust, conditions, clock, log: silentLog, tasks },
    tunnel: {
      holdDown: () => void tunnel.push("holdDown"),
      letUp: () => void tunnel.push("letUp"),
    },
    status: () =>
      status instanceof AgentError
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
  const is = (next: typeof status): void => {
    status = next;
  };
  const active = () => conditions.list().map(({ condition }) => condition);
  return { drill, clock, noted, tunnel, passes, is, active };
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

  test("[Operate] a store that does not answer does not keep the tunnel down", async () => {
    await using store = await TestOutbox.open();
    const { drill, tunnel, passes, is } = await open(store);
    await drill.start(1, SAID);
    is(new AgentError("STORE_BUSY", {}));
    await passes(61);
    assert.deepEqual(tunnel, ["holdDown", "letUp"]);
    assert.equal(drill.report?.state, "draining");
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
