/** Each channel that delivers to a hospital system; and messages that are gone for good. @module */

import { type Html, html } from "#pages/html.ts";
import { ago, byteCount, count, spaced } from "#pages/words.ts";
import { STATUS_CHANNELS_MAX_COUNT, STATUS_LINES_MAX_COUNT } from "../limits.ts";
import type { AgentStatus } from "../status.ts";
import { waitingDownward } from "./waiting.ts";

type Delivery = AgentStatus["deliveries"][number];

export function deliveriesSection(status: AgentStatus, nowMs: number): Html | undefined {
  const { deliveries } = status;
  if (deliveries.length === 0) return undefined;
  const left = deliveries.length - STATUS_CHANNELS_MAX_COUNT;
  return html`<section aria-labelledby="deliveries">
<h2 id="deliveries">Deliveries to hospital systems <span class="count">${deliveries.length}</span></h2>
${deliveries.slice(0, STATUS_CHANNELS_MAX_COUNT).map((one) => deliveryArticle(one, status, nowMs))}
${left > 0 ? html`<p>${left} more: <code>holdfast channel list</code></p>` : undefined}
</section>`;
}

function deliveryArticle(one: Delivery, status: AgentStatus, nowMs: number): Html {
  const reason = waitingDownward(one, status);
  const tone = reason?.isCalm === false ? "critical" : one.configured ? "good" : "notice";
  const where = one.kind === "folder" ? "into a folder" : one.kind === undefined ? "" : "over MLLP";
  const counted = Object.entries(one.counters);
  return html`<article class="channel" aria-labelledby="d-${one.name}">
<div class="title"><h3 id="d-${one.name}">${one.name}</h3><p class="state ${tone}">${one.configured ? spaced(one.state ?? "unknown") : "not configured"} <span class="small">${where}${one.configured ? (one.connected ? ", connected" : ", not connected") : ""}</span></p></div>
<dl class="facts row">
<div><dt>Accepted</dt><dd>${count(one.counters.accepted ?? 0)}</dd></div>
<div><dt>Last accepted</dt><dd>${ago(one.lastAcceptedAt, nowMs, "none yet")}</dd></div>
${one.lastReply === undefined ? undefined : html`<div><dt>Last reply</dt><dd><b>${one.lastReply.code}</b> <span class="small">${ago(one.lastReply.at, nowMs)}</span></dd></div>`}
<div class="${one.waiting > 0 ? "marked" : ""}"><dt>Waiting</dt><dd>${count(one.waiting)}${one.waiting === 0 ? undefined : html` <span class="small under">${byteCount(one.waitingBytes)}, oldest ${ago(one.oldestWaitingAt, nowMs)}</span>`}</dd></div>
${one.awaitingAcknowledgment === 0 ? undefined : html`<div><dt>Application acknowledgment due</dt><dd>${count(one.awaitingAcknowledgment)}</dd></div>`}
${one.uncollected === 0 ? undefined : html`<div class="marked"><dt>Not collected</dt><dd>${count(one.uncollected)}</dd></div>`}
${one.asideCount === 0 ? undefined : html`<div class="marked"><dt>Set aside</dt><dd>${count(one.asideCount)}</dd></div>`}
</dl>
${reason === undefined ? undefined : html`<p class="reason ${reason.isCalm ? "" : "trouble"}"><b>Waits:</b> ${reason.text}</p>`}
${
  counted.length === 0
    ? undefined
    : html`<details><summary>Counters</summary><ul class="chips">
${counted.map(([name, value]) => html`<li>${spaced(name)} <b>${count(value)}</b></li>`)}
</ul></details>`
}
</article>`;
}

export function missingSection({ missing }: AgentStatus, nowMs: number): Html | undefined {
  if (missing.length === 0) return undefined;
  return html`<section aria-labelledby="missing">
<h2 id="missing">Gone for good <span class="count">${missing.length}</span></h2>
<ul class="lines">
${missing.slice(0, STATUS_LINES_MAX_COUNT).map(
  ({
    channel,
    epoch,
    firstSeq,
    lastSeq,
    cause,
    foundAt,
  }) => html`<li><b>${channel ?? "quarantine"}</b>${channel === undefined ? undefined : html`, epoch ${epoch}`}, from ${firstSeq} ${lastSeq === undefined ? "on, nobody knows how far" : html`to ${lastSeq}`}
<span class="small">${cause === "rollback" ? "an old copy of the store was put back" : "damaged by the storage"}, found ${ago(foundAt, nowMs)}</span></li>`,
)}
</ul>
</section>`;
}
