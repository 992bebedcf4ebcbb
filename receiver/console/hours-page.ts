/** Whether both sides hold the same, hour by hour (03 D4); differences by number, never by control id. @module */

import { type Html, html } from "#pages/html.ts";
import type { Tone } from "#pages/tone.ts";
import { count, localTime } from "#pages/words.ts";
import { hourText } from "#reconcile/hours.ts";
import { type ComparedLine, type LineState, worstOf } from "#reconcile/lines.ts";
import type { AgentReport, ReportCall } from "../report/report.ts";
import { layout, type Visit } from "./layout.ts";

const HOUR_MS = 3_600_000;
export const HOURS_CHOICES = [3, 12, 24] as const;
const DIFFERENCES_SHOWN_COUNT = 50;

const WORDS = {
  equal: "both sides hold the same",
  arriving: "some are on their way",
  untold: "the agent has not told of all of it yet",
  differs: "the sides differ",
} as const satisfies Record<LineState, string>;

const TONES = {
  equal: "good",
  arriving: "notice",
  untold: "notice",
  differs: "critical",
} as const satisfies Record<LineState, Tone>;

export interface HoursView {
  readonly name: string;
  readonly report: AgentReport;
  readonly call: ReportCall;
}

export function hoursPage(visit: Visit, { name, report, call }: HoursView): Html {
  const { lines, told } = report;
  const worst = worstOf(lines.map(({ state }) => state));
  const isUntold = told === null || told.throughHour < call.toHour - 1;
  const state = worst === "equal" && isUntold ? "untold" : worst;
  const { nowMs } = visit;
  return layout(visit, {
    ...{ title: `Reconciliation of ${name}`, tone: TONES[state] },
    main: html`<p class="path"><a href="/">Fleet</a> / <a href="/agents/${name}">${name}</a> / <b>reconciliation</b></p>
<section class="headline ${TONES[state]}" aria-labelledby="now">
<h1 id="now">From ${localTime(call.fromHour * HOUR_MS, nowMs)} to ${localTime(call.toHour * HOUR_MS, nowMs)}: ${WORDS[state]}</h1>
<p class="plain-text">${told === null ? "The agent has told nothing of its hours yet." : `The agent has told of everything before ${localTime((told.throughHour + 1) * HOUR_MS, nowMs)}.`} ${state === "differs" ? "Do: look at the numbers below; holdfast trace at the hospital says what became of each. docs/operate.md, Prove that yesterday was complete." : ""}</p>
</section>
<section aria-labelledby="hours">
<div class="title"><h2 id="hours">Hours, compared anew <span class="count">${lines.length}</span></h2>
<ul class="chips">${HOURS_CHOICES.map((hours) => html`<li><a href="/hours/${name}?hours=${hours}">${hours} hours</a></li>`)}</ul></div>
${lines.length === 0 ? html`<p>No message in these hours, on either side.</p>` : table(lines, nowMs)}
</section>
${differences(lines)}`,
  });
}

function table(lines: readonly ComparedLine[], nowMs: number): Html {
  return html`<div class="wide-table" role="group" aria-labelledby="hours" tabindex="0"><table>
<thead><tr><th scope="col">Hour</th><th scope="col">Channel</th><th scope="col">State</th><th scope="col">Agent stored</th><th scope="col">Stored here</th></tr></thead>
<tbody>
${lines
  .toReversed()
  .map(
    ({ hour, direction, channel, state, told, held }) =>
      html`<tr><td><time datetime="${hourText(hour)}">${localTime(hour * HOUR_MS, nowMs)}</time></td><td>${channel} <span class="small">${direction}</span></td><td><span class="state ${TONES[state]}">${WORDS[state]}</span></td><td>${told === null ? "\u2013" : count(told.stored)}</td><td>${count(held.stored)}</td></tr>`,
  )}
</tbody></table></div>`;
}

function differences(lines: readonly ComparedLine[]): Html | undefined {
  const all = lines.flatMap((line) => line.differences.map((one) => ({ line, one })));
  if (all.length === 0) return undefined;
  return html`<section aria-labelledby="differences"><h2 id="differences">Messages that differ <span class="count">${all.length}</span></h2>
<ul class="lines">
${all
  .slice(0, DIFFERENCES_SHOWN_COUNT)
  .map(
    ({ line, one }) =>
      html`<li><b>${line.channel}</b> ${one.epoch}/${one.seq}: the agent ${one.agent} it, the receiver ${one.receiver === "hasOther" ? "has other content" : `${one.receiver} it`}${one.gap === undefined ? undefined : html` <span class="small">${one.gap}</span>`}</li>`,
  )}
</ul>
${all.length > DIFFERENCES_SHOWN_COUNT ? html`<p>All of them: <code>holdfast-receiver report</code></p>` : undefined}
</section>`;
}
