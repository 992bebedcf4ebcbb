import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Latency } from "#agent/health/latency.ts";
import type { AgentStatus } from "#agent/status.ts";
import { Metrics } from "#agent/status-page/metrics.ts";
import { agentStatus, alarmed, at, channelStatus, NOW_MS } from "#test/support/agent-status.ts";

const latency = new Latency();
for (const tookMs of [0.4, 3, 3, 20_000]) latency.add(tookMs);

/** Something of everything. */
const FULL: Partial<AgentStatus> = {
  ...alarmed("tunnelDown", ""),
  channels: [
    channelStatus({
      ...{ replyLatency: latency.snapshot(), waiting: 3n, oldestWaitingAt: at(65) },
      counters: { received: 12, duplicates: 2, charsetMismatch: 1 },
    }),
    channelStatus({ name: "files", host: undefined, replyLatency: undefined }),
  ],
  deliveries: [
    {
      ...({ name: "to-lis", configured: true, kind: "mllp-sender", state: "idle" } as const),
      ...{ since: undefined, connected: true, epoch: 1n, lastSeq: 4n, waiting: 2 },
      ...{ waitingBytes: 20, oldestWaitingAt: at(9), awaitingAcknowledgment: 0, uncollected: 0 },
      ...{ asideCount: 0, counters: { accepted: 2 }, lastReply: undefined },
      lastAcceptedAt: at(30),
    },
  ],
};
const metricsOf = (change: Partial<AgentStatus>) => new Metrics().of(agentStatus(change), NOW_MS);

/** Names and labels of every line. */
function seriesIn(text: string): { readonly name: string; readonly labels: readonly string[] }[] {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [, name = "", inside = ""] = /^([a-z_]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    assert.notEqual(name, "", line);
    return { name, labels: [...inside.matchAll(/([a-z]+)="/g)].map(([, label = ""]) => label) };
  });
}

describe("[PL7] metrics", () => {
  test("have no label but channel, direction, code and state", async () => {
    const series = seriesIn(await metricsOf(FULL));
    const labels = new Set(series.flatMap(({ labels: found }) => found));
    labels.delete("le");
    assert.deepEqual([...labels].sort(), ["channel", "code", "direction", "state"]);
  });

  test("pass promtool's check of names, types and help", async (t) => {
    if (spawnSync("promtool", ["--version"]).status !== 0) {
      t.skip("metrics are not checked: no promtool (Debian package prometheus)");
      return;
    }
    for (const change of [FULL, {}]) {
      const input = await metricsOf(change);
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input });
      assert.equal(`${status} ${stdout}${stderr}`, "0 ");
    }
  });

  test("count acknowledgments up to each bound, and all of them", async () => {
    const text = await metricsOf(FULL);
    const line = (part: string): string | undefined =>
      text.split("\n").find((one) => one.startsWith(`holdfast_acknowledgment_seconds_${part}`));
    assert.match(text, /_bucket\{channel="adt",le="0.0005"\} 1\n/);
    assert.match(text, /_bucket\{channel="adt",le="0.005"\} 3\n/);
    assert.match(text, /_bucket\{channel="adt",le="10"\} 3\n/);
    assert.match(text, /_bucket\{channel="adt",le="\+Inf"\} 4\n/);
    assert.match(line("count") ?? "", / 4$/);
    assert.match(line("sum") ?? "", / 20\.0064/);
    assert.doesNotMatch(text, /seconds_count\{channel="files"/);
  });

  test("say what waits, which way, and for how long; 0 where nothing does", async () => {
    const text = await metricsOf(FULL);
    assert.match(text, /waiting_age_seconds\{channel="adt",direction="upstream"\} 65\n/);
    assert.match(text, /waiting_age_seconds\{channel="files",direction="upstream"\} 0\n/);
    assert.match(text, /waiting_messages\{channel="to-lis",direction="downstream"\} 2\n/);
    assert.match(text, /events_total\{channel="adt",direction="upstream",code="received"\} 12\n/);
  });

  test("show every condition, open or not, so that a rule has something to compare", async () => {
    const text = await metricsOf(FULL);
    assert.match(text, /holdfast_condition\{code="tunnelDown",channel=""\} 1\n/);
    assert.match(text, /holdfast_condition\{code="storeFailing",channel=""\} 0\n/);
    assert.match(text, /holdfast_alarm\{code="tunnelDown",channel="",state="\w+"\} 1\n/);
  });

  test("forget what is gone: a channel that was taken out is in no further answer", async () => {
    const metrics = new Metrics();
    await metrics.of(agentStatus(FULL), NOW_MS);
    const text = await metrics.of(agentStatus(), NOW_MS);
    assert.doesNotMatch(text, /to-lis|"files"|holdfast_alarm\{/);
  });
});

test("[PL7] the dashboard asks for nothing that is not there", async () => {
  const text = readFileSync("docs/grafana/holdfast.json", "utf8");
  const dashboard = JSON.parse(text) as { readonly panels: readonly { readonly title: string }[] };
  assert.ok(dashboard.panels.length >= 8);
  const known = new Set(seriesIn(await metricsOf(FULL)).map(({ name }) => name));
  const named = [...text.matchAll(/holdfast_[a-z_]+/g)].map(([name]) => name);
  assert.ok(named.length > 8);
  for (const name of named) assert.ok(known.has(name), name);
});
