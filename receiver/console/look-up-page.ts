/** A message by its control id. What was typed is shown to whoever typed it, and kept nowhere. @module */
import { type Html, html } from "#pages/html.ts";
import { count, localTime } from "#pages/words.ts";
import type { TraceLine } from "../report/trace.ts";
import { formToken, layout, type Visit } from "./layout.ts";
import type { LookUpResult } from "./look-up.ts";

const HOUR_MS = 3_600_000;
/** How far back, in hours. */
export const STRETCHES = [
  [1, "the last hour"],
  [24, "the last day"],
  [24 * 7, "the last week"],
  [24 * 366, "a year"],
] as const;

export interface LookUpForm {
  readonly agents: readonly string[];
  readonly agent: string;
  readonly hours: number;
  readonly controlId: string;
}

export interface Looked extends LookUpResult {
  readonly beforeMs: number;
}

export function lookUpPage(visit: Visit, form: LookUpForm, looked: Looked | undefined): Html {
  return layout(visit, {
    ...{ title: "Look up a message", here: "/look-up" },
    main: html`<section aria-labelledby="look-up">
<h1 id="look-up">Look up a message by its control id (MSH-10)</h1>
<form class="look-up" method="post" action="/look-up" autocomplete="off">${formToken(visit)}
<p><label for="agent">Agent</label> <select id="agent" name="agent">${form.agents.map((name) => option(name, name, name === form.agent))}</select></p>
<p><label for="control-id">Control id</label> <input id="control-id" name="controlId" value="${form.controlId}" size="24" maxlength="256" required spellcheck="false" autocomplete="off"></p>
<p><label for="hours">Came here in</label> <select id="hours" name="hours">${STRETCHES.map(([hours, text]) => option(String(hours), text, hours === form.hours))}</select></p>
<p><button>Look it up</button></p></form>
<p class="meaning">It is compared as you type it. That you looked is written down; what you typed is not.</p>
</section>
${looked === undefined ? undefined : resultSection(visit, form, looked)}`,
  });
}

const option = (value: string, text: string, isChosen: boolean): Html =>
  isChosen
    ? html`<option value="${value}" selected>${text}</option>`
    : html`<option value="${value}">${text}</option>`;

function resultSection(visit: Visit, form: LookUpForm, looked: Looked): Html {
  const { lines, cameToMs, lookedAtCount, beforeMs } = looked;
  const { nowMs } = visit;
  const title =
    lines.length > 0
      ? `${lines.length} found`
      : cameToMs === null
        ? "Not here"
        : "Not found so far";
  return html`<section aria-labelledby="found" class="headline ${lines.length > 0 ? "good" : "notice"}">
<h2 id="found">${title}</h2>
<p class="plain-text">${count(lookedAtCount)} messages were looked at, ${cameToMs === null ? `back to ${localTime(nowMs - form.hours * HOUR_MS, nowMs)}` : `from ${localTime(beforeMs, nowMs)} back to ${localTime(cameToMs, nowMs)}`}.${lines.length === 0 && cameToMs === null ? " What was pruned is not found; whether it ever came to the hospital's agent says holdfast trace there." : ""}</p>
${cameToMs === null ? undefined : goOn(visit, form, cameToMs)}
</section>
${lines.map((line) => lineArticle(line, nowMs))}`;
}

function goOn(visit: Visit, { agent, controlId, hours }: LookUpForm, cameToMs: number): Html {
  return html`<form method="post" action="/look-up">${formToken(visit)}<input type="hidden" name="agent" value="${agent}"><input type="hidden" name="controlId" value="${controlId}"><input type="hidden" name="hours" value="${hours}"><input type="hidden" name="before" value="${cameToMs}"><button>Go on with older ones</button></form>`;
}

function lineArticle(line: TraceLine, nowMs: number): Html {
  const { direction, channel, epoch, seq, bytes } = line;
  const when = (iso: string): string => localTime(Date.parse(iso), nowMs);
  const rest =
    line.direction === "up"
      ? html`<div><dt>Received in the hospital</dt><dd>${when(line.receivedAt)}</dd></div>
<div><dt>Stored here</dt><dd>${when(line.storedAt)}</dd></div>
<div><dt>SHA-256</dt><dd><code title="${line.sha256}">${line.sha256.slice(0, 16)}</code></dd></div>
${line.possibleRepeat ? html`<div class="marked"><dt>Repeat</dt><dd>possible</dd></div>` : undefined}`
      : html`<div><dt>Taken here</dt><dd>${when(line.queuedAt)}</dd></div>
<div><dt>At the agent</dt><dd>${line.agentHasItAt === null ? "not yet" : when(line.agentHasItAt)}</dd></div>
<div><dt>Delivered</dt><dd>${line.outcome === null ? "not yet" : [line.outcome.outcome, line.outcome.reason, line.outcome.code].filter((word) => word !== null).join(" ")}</dd></div>`;
  return html`<section aria-label="${channel} ${seq}"><h3>${channel} <span class="small">${direction === "up" ? "from the hospital" : "to the hospital"}, ${epoch}/${seq}, ${bytes} bytes</span></h3>
<dl class="facts">${rest}</dl></section>`;
}
