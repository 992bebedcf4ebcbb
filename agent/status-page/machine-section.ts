/** The store and its disk, who the agent is, and the configuration in effect. @module */

import { type Html, html } from "#pages/html.ts";
import { ago, byteCount, count, duration, localDate, spaced } from "#pages/words.ts";
import { STATUS_LINES_MAX_COUNT } from "../limits.ts";
import type { AgentStatus } from "../status.ts";

export function storeSection({ store, memoryBytes }: AgentStatus, nowMs: number): Html {
  const tone = store.usedPercent >= 85 ? "critical" : store.usedPercent >= 70 ? "warning" : "good";
  return html`<section aria-labelledby="store">
<h2 id="store">Store and disk</h2>
<p class="state ${tone}">${byteCount(store.usedBytes)} of ${byteCount(store.budgetBytes)} <span class="small">${store.usedPercent} % of its budget</span></p>
<meter min="0" max="100" low="70" high="85" optimum="0" value="${store.usedPercent}" aria-label="Of the disk budget, percent">${store.usedPercent} %</meter>
<dl class="facts">
<div><dt>Free on the disk</dt><dd>${store.freeBytes === undefined ? "not looked yet" : byteCount(store.freeBytes)}</dd></div>
<div><dt>Quarantine</dt><dd>${count(store.quarantineCount)} <span class="small">${byteCount(store.quarantineBytes)}</span></dd></div>
<div><dt>Kept after delivery</dt><dd>${store.retainHours} h <span class="small">oldest ${ago(store.oldestRetainedAt, nowMs)}</span></dd></div>
<div><dt>Log of the store</dt><dd>${byteCount(store.walBytes)}</dd></div>
<div><dt>Ballast</dt><dd>${store.ballastBytes === 0 ? "none" : html`${byteCount(store.ballastBytes)} ${store.ballastHeld ? "held" : html`<b class="bad">not there</b>`}`}</dd></div>
<div><dt>Memory</dt><dd>${byteCount(memoryBytes)}</dd></div>
</dl>
</section>`;
}

export function identitySection({ identity }: AgentStatus, nowMs: number): Html {
  const leftMs = Date.parse(identity.notAfter) - nowMs;
  const tone = leftMs <= 0 ? "critical" : identity.lastError === undefined ? "good" : "warning";
  return html`<section aria-labelledby="identity">
<h2 id="identity">Identity</h2>
<p class="state ${tone}">${leftMs <= 0 ? "ended" : html`good for ${duration(leftMs)}`} <span class="small">until ${localDate(identity.notAfter)}</span></p>
${identity.lastError === undefined ? undefined : html`<p><strong>The latest renewal failed</strong>: <code>${identity.lastError}</code>${identity.reason === undefined ? undefined : html` (${identity.reason})`}. ${identity.remedy}</p>`}
<dl class="facts">
<div><dt>Source</dt><dd>${identity.source === "enrolled" ? "enrolled, renewed by the agent" : "files, not renewed by the agent"}</dd></div>
${identity.renewalDueAt === undefined ? undefined : html`<div><dt>Renewed on</dt><dd>${localDate(identity.renewalDueAt)}</dd></div>`}
${identity.generation === undefined ? undefined : html`<div><dt>Generation</dt><dd>${identity.generation}${identity.hasNext ? html` <span class="small">a new one waits to be welcomed</span>` : undefined}</dd></div>`}
<div class="wide"><dt>Serial</dt><dd><code>${identity.serial}</code></dd></div>
</dl>
</section>`;
}

export function configurationSection({ configuration }: AgentStatus): Html {
  if (configuration === undefined) {
    return html`<section aria-labelledby="configuration">
<h2 id="configuration">Configuration</h2>
<p class="state good">local.yaml <span class="small">nothing of it comes from outside</span></p>
</section>`;
  }
  const { source, tenant, agent, effective, newest, freeze, trustVersion, epoch, seqHigh } =
    configuration;
  const tone =
    freeze !== undefined ? "critical" : newest?.waitsFor === undefined ? "good" : "notice";
  return html`<section aria-labelledby="configuration">
<h2 id="configuration">Configuration</h2>
<p class="state ${tone}">${freeze === undefined ? (source === "signed" ? "signed documents" : "local.yaml") : html`frozen: ${freeze}`} <span class="small">${tenant}/${agent}</span></p>
<dl class="facts">
<div><dt>In effect</dt><dd>${effective === undefined ? "none" : html`${effective.epoch}.${effective.seq} <code>${effective.digest.slice(0, 12)}</code>`}</dd></div>
<div><dt>Newest seen</dt><dd>${epoch}.${seqHigh} <span class="small">trust ${trustVersion}</span></dd></div>
${newest === undefined ? undefined : html`<div><dt>Newest</dt><dd>${spaced(newest.state.toLowerCase().replaceAll("_", " "))} <span class="small">risk ${newest.risk}</span></dd></div>`}
${newest?.reason === undefined ? undefined : html`<div><dt>Why</dt><dd>${spaced(newest.reason)}</dd></div>`}
${newest?.waitsFor === undefined ? undefined : html`<div class="wide"><dt>Waits for</dt><dd>${newest.waitsFor}</dd></div>`}
</dl>
${newest === undefined || newest.trouble.length === 0 ? undefined : html`<ul class="lines">${newest.trouble.map((line) => html`<li>${line}</li>`)}</ul>`}
</section>`;
}

/** What support may ask, and that somebody here has opened or shut it (08 4). */
export function supportSection({ support }: AgentStatus): Html | undefined {
  if (support === undefined || !support.isReachable) return undefined;
  const { isOff, isEnabled, consentLevel, window, waiting } = support;
  const state = isOff ? "off" : window === undefined ? `level ${consentLevel}` : "window open";
  const why = isOff ? (isEnabled ? "switched off here" : "by policy") : "what it may ask";
  return html`<section aria-labelledby="support">
<h2 id="support">Support from afar</h2>
<p class="state ${isOff || window !== undefined ? "notice" : "good"}">${state} <span class="small">${why}</span></p>
<dl class="facts">
${window === undefined ? undefined : html`<div><dt>Window</dt><dd>until ${window.endsAt} <span class="small">ticket ${window.ticket}</span></dd></div>`}
${waiting.length === 0 ? undefined : html`<div class="wide"><dt>Waits for a yes</dt><dd>${waiting.slice(0, STATUS_LINES_MAX_COUNT).map(({ op, channel, digest }) => html`${op} ${channel}: <code>holdfast config approve ${digest}</code> `)}</dd></div>`}
</dl>
</section>`;
}
