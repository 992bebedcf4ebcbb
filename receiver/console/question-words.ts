/** Questions in lists. @module */
import { type Html, html } from "#pages/html.ts";
import { ago, localTime } from "#pages/words.ts";
import type { Asked, Question } from "./question-desk.ts";

/** @param name TENANT/AGENT */
export function askedList(name: string, asked: readonly Asked[], nowMs: number): Html {
  if (asked.length === 0) return html`<p>None was sent.</p>`;
  return html`<ul class="lines">
${asked.map(({ id, question, queuedAtMs, answeredAtMs, result }) => {
  const sent = ago(new Date(queuedAtMs).toISOString(), nowMs);
  const words =
    answeredAtMs === null
      ? html`<span class="notice">no answer yet</span>`
      : html`<a href="/answers/${name}/${id}">${result === "done" ? "answered" : String(result)}</a> ${localTime(answeredAtMs, nowMs)}`;
  return html`<li><b>${question?.op ?? "question"}</b> sent ${sent}: ${words} <span class="small under">${question === undefined ? html`<code>${id}</code>` : html`${question.engineer}, ${question.ticket}`}</span></li>`;
})}
</ul>`;
}

export function questionFacts(question: Question, nowMs: number): Html {
  const { tenant, name, op, args, engineer, ticket, expires } = question;
  return html`<dl class="facts">
<div><dt>Agent</dt><dd>${tenant}/${name}</dd></div>
<div><dt>Asks</dt><dd><code>${op}</code> ${args}</dd></div>
<div><dt>Says it is signed for</dt><dd>${engineer}</dd></div>
<div><dt>Ticket</dt><dd>${ticket}</dd></div>
<div><dt>May be asked until</dt><dd>${localTime(Date.parse(expires), nowMs)}</dd></div>
</dl>`;
}
