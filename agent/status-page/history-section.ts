/** A day in charts, which JavaScript draws; and its last hour and whole in numbers, for everybody. @module */

import { Html, html } from "#pages/html.ts";
import { count, decimal, milliseconds } from "#pages/words.ts";
import type { History, HistoryPoint } from "../health/history.ts";

const HOUR_POINTS = 60;

const CHARTS = [
  { id: "rate", title: "Messages a minute", keys: [] },
  { id: "latency", title: "Acknowledged within, ms", keys: ["half of them", "99 %"] },
  { id: "backlog", title: "Waiting for the receiver", keys: [] },
] as const;

export function historySection({ points }: History): Html {
  return html`<section aria-labelledby="history">
<h2 id="history">The last day <span class="small">since the start, by the minute</span></h2>
<div class="charts" ${points.length < 2 ? new Html("hidden") : undefined}>
${CHARTS.map(({ id, title, keys }) => html`<figure><figcaption id="chart-${id}">${title}${keys.map((key, at) => html`<span class="key ${at === 0 ? "" : "second"}">${key}</span>`)}</figcaption><div class="chart" data-chart="${id}" data-keep role="img" aria-labelledby="chart-${id}"></div></figure>`)}
</div>
<dl class="facts row">
${summary("Last hour", points.slice(-HOUR_POINTS))}
${points.length > HOUR_POINTS ? summary("Since the start, a day at most", points) : undefined}
</dl>
</section>`;
}

function summary(title: string, points: readonly HistoryPoint[]): Html {
  if (points.length === 0)
    return html`<div class="wide"><dt>${title}</dt><dd>the first minutes are not over</dd></div>`;
  const stored = points.reduce((all, { storedPerMinute }) => all + storedPerMinute, 0);
  const busiest = Math.max(...points.map(({ storedPerMinute }) => storedPerMinute));
  const slowest = Math.max(0, ...points.flatMap(({ p99Ms }) => p99Ms ?? []));
  const waiting = Math.max(...points.map((point) => point.waiting));
  return html`<div class="wide"><dt>${title}</dt><dd>${count(Math.round(stored))} messages <span class="small">busiest minute ${decimal(busiest)}, slowest minute 99 % in ${slowest === 0 ? "\u2013" : milliseconds(slowest)}, most waiting ${count(waiting)}</span></dd></div>`;
}

/** What the charts are drawn from: columns, as the library wants them; times in seconds. */
export function historyColumns({ points }: History): Record<string, readonly (number | null)[]> {
  const rounded = (value: number | undefined): number | null =>
    value === undefined ? null : Math.round(value * 100) / 100;
  return {
    at: points.map(({ atMs }) => Math.round(atMs / 1_000)),
    storedPerMinute: points.map(({ storedPerMinute }) => rounded(storedPerMinute)),
    medianMs: points.map(({ medianMs }) => rounded(medianMs)),
    p99Ms: points.map(({ p99Ms }) => rounded(p99Ms)),
    waiting: points.map(({ waiting }) => waiting),
  };
}
