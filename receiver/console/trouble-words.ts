/** A trouble as people read it: what, since when, whose, what to do. @module */
import { type Html, html } from "#pages/html.ts";
import { duration, localTime, spaced } from "#pages/words.ts";
import type { Agent } from "./fleet.ts";
import type { Trouble } from "./troubles.ts";

export interface HeadlineOptions {
  /** With the name of the agent, where others are on the page. */
  readonly isNamed: boolean;
  readonly aside: string;
}

/** The gravest trouble of an agent that has one. */
export function headline(agent: Agent, nowMs: number, { isNamed, aside }: HeadlineOptions): Html {
  const [first] = agent.troubles;
  if (first === undefined) return html``;
  return html`<section class="headline ${first.tone}" aria-labelledby="now">
<h1 id="now">${isNamed ? html`<a class="subject" href="/agents/${agent.name}">${agent.name}</a> ` : undefined}${subjectOf(first)}${first.sentence}</h1>
<dl class="facts">
<div><dt>Since</dt><dd>${sinceOf(first, nowMs)}</dd></div>
<div><dt>Whose</dt><dd>${first.whose}</dd></div>
${first.runbook === undefined ? undefined : html`<div><dt>Runbook</dt><dd><code>${first.runbook}</code></dd></div>`}
<div class="wide"><dt>Do</dt><dd>${first.todo}</dd></div>
<div class="wide"><dt>Code</dt><dd><code>${first.code}</code>${explains(first)} ${factsOf(first)}</dd></div>
</dl>
${aside === "" ? undefined : html`<p class="more">${aside}.</p>`}
</section>`;
}

/** All but the gravest. */
export function otherTroubles({ troubles }: Agent, nowMs: number): Html | undefined {
  const more = troubles.slice(1);
  if (more.length === 0) return undefined;
  return html`<section aria-labelledby="also">
<h2 id="also">Also <span class="count">${more.length}</span></h2>
<ul class="troubles">
${more.map(
  (
    one,
  ) => html`<li class="${one.tone}"><p><strong>${subjectOf(one)}${one.sentence}.</strong> ${one.todo}.</p>
<p class="small"><code>${one.code}</code> ${sinceWords(one, nowMs)}; ${one.whose}${one.runbook === undefined ? undefined : html`; <code>${one.runbook}</code>`}${explains(one)} ${factsOf(one)}</p></li>`,
)}
</ul>
</section>`;
}

function sinceOf({ sinceMs }: Trouble, nowMs: number): string {
  if (sinceMs === null) return "not known";
  return `${localTime(sinceMs, nowMs)} (${duration(nowMs - sinceMs)})`;
}

export const sinceWords = (trouble: Trouble, nowMs: number): string =>
  trouble.sinceMs === null ? "not known since when" : `since ${sinceOf(trouble, nowMs)}`;

export function factsOf({ facts, channel }: Trouble): Html[] {
  const news = Object.entries(facts).filter(([, value]) => value !== channel);
  return news.map(
    ([name, value]) => html`<span class="fact">${spaced(name)} <b>${String(value)}</b></span> `,
  );
}

const subjectOf = ({ channel }: Trouble): Html | undefined =>
  channel === "" ? undefined : html`<span class="subject">${channel}</span> `;

const explains = ({ suppressed }: Trouble): Html | undefined =>
  suppressed === 0 ? undefined : html`; explains ${suppressed} more`;
