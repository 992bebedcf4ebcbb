/** Each channel that takes messages: whether it does, what came, what waits and why, and what its senders really do. @module */

import { type Html, html } from "#pages/html.ts";
import { ago, byteCount, count, milliseconds, spaced } from "#pages/words.ts";
import type { History } from "../health/history.ts";
import { countIn, percentileMs } from "../health/latency.ts";
import { STATUS_CHANNELS_MAX_COUNT, STATUS_LINES_MAX_COUNT } from "../limits.ts";
import type { AgentStatus, ChannelStatus } from "../status.ts";
import { notTaking, type Reason, waitingUpward } from "./waiting.ts";

interface Judged {
  readonly channel: ChannelStatus;
  readonly stopped: Reason | undefined;
  readonly waits: Reason | undefined;
}

export function channelsSection(status: AgentStatus, history: History, nowMs: number): Html {
  const all = status.channels.map((channel) => ({
    channel,
    stopped: notTaking(channel, status),
    waits: waitingUpward(channel, status),
  }));
  const shown = all.toSorted((a, b) => rankOf(a) - rankOf(b)).slice(0, STATUS_CHANNELS_MAX_COUNT);
  const left = all.length - shown.length;
  return html`<section aria-labelledby="channels">
<h2 id="channels">Channels from hospital systems <span class="count">${all.length}</span></h2>
<p class="meaning"><strong>AA means <em>stored safely</em>, not <em>processed</em></strong> (ackMode <code>storeAA</code> and <code>auto</code>): an acknowledged message is on this machine's disk, and waits below until the receiver has it.</p>
${shown.map((one) => channelArticle(one, history, nowMs))}
${left === 0 ? undefined : html`<p>${left} more, which have no trouble or less of it: <code>holdfast channel list</code></p>`}
</section>`;
}

/** Those that somebody must look at come first; within them the order is the configuration's. */
function rankOf({ stopped, waits }: Judged): number {
  if (stopped?.isCalm === false) return 0;
  if (waits?.isCalm === false) return 1;
  return 2;
}

function channelArticle(
  { channel, stopped, waits }: Judged,
  history: History,
  nowMs: number,
): Html {
  const { observed, replyLatency, folder } = channel;
  const rate = history.lastMinuteOf(channel.name);
  const p99 = replyLatency && percentileMs(replyLatency, 0.99);
  const median = replyLatency && percentileMs(replyLatency, 0.5);
  const tone = stopped === undefined ? "good" : stopped.isCalm ? "notice" : "critical";
  return html`<article class="channel" aria-labelledby="c-${channel.name}">
<div class="title"><h3 id="c-${channel.name}">${channel.name}</h3><p class="state ${tone}">${stateOf(channel)} <span class="small">${sourceOf(channel)}</span></p></div>
<dl class="facts row">
<div><dt>In the last minute</dt><dd>${rate === undefined ? "\u2013" : count(rate)}</dd></div>
<div><dt>Last message</dt><dd>${ago(observed?.lastMessageAt, nowMs, "none yet")}</dd></div>
${folder === undefined ? html`<div><dt>Last reply</dt><dd>${lastReply(observed?.lastReply, nowMs)}</dd></div>` : undefined}
${median === undefined || p99 === undefined ? undefined : html`<div><dt>Acknowledged in</dt><dd>${milliseconds(median)} <span class="small under">99 % in ${milliseconds(p99)}</span></dd></div>`}
<div><dt>Stored</dt><dd>${count(channel.stored)}</dd></div>
<div class="${channel.waiting > 0n ? "marked" : ""}"><dt>Waiting</dt><dd>${count(channel.waiting)}${channel.waiting === 0n ? undefined : html` <span class="small under">${byteCount(channel.waitingBytes)}, oldest ${ago(channel.oldestWaitingAt, nowMs)}</span>`}</dd></div>
${channel.quarantineCount === 0 ? undefined : html`<div class="marked"><dt>Quarantine</dt><dd>${count(channel.quarantineCount)} <span class="small">${byteCount(channel.quarantineBytes)}</span></dd></div>`}
${folder === undefined ? undefined : folderFacts(folder, nowMs)}
</dl>
${reasonLine("Takes nothing", stopped)}
${waits === undefined ? undefined : reasonLine("Waits", waits)}
${folder?.remedy === undefined || stopped === undefined ? undefined : html`<p class="reason">${folder.remedy}</p>`}
${observed === undefined ? undefined : warningLines(observed, nowMs)}
${details(channel, nowMs)}
</article>`;
}

const reasonLine = (word: string, reason: Reason | undefined): Html | undefined =>
  reason &&
  html`<p class="reason ${reason.isCalm ? "" : "trouble"}"><b>${word}:</b> ${reason.text}</p>`;

function stateOf({ configured, listening, folder }: ChannelStatus): string {
  if (!configured) return "not configured";
  if (folder !== undefined)
    return folder.state === "watching" ? "takes files" : spaced(folder.state);
  return listening ? "takes messages" : "closed";
}

function sourceOf(channel: ChannelStatus): Html | undefined {
  const { host, port, tls, connections, maxConnections, ackMode, folder } = channel;
  if (folder !== undefined) return html`from a folder (${folder.shareKind ?? "not reached yet"})`;
  if (host === undefined) return undefined;
  return html`on ${host}:${port}${tls ? ", TLS" : ""}; ${connections} of ${maxConnections} connections; ackMode ${ackMode}`;
}

function lastReply(
  reply: { readonly code: string; readonly at: string } | undefined,
  nowMs: number,
): Html {
  if (reply === undefined) return html`none yet`;
  const isGood = /^[AC]A$/.test(reply.code) || reply.code === "none";
  return html`<b class="${isGood ? "" : "bad"}">${reply.code}</b> <span class="small">${ago(reply.at, nowMs)}</span>`;
}

function folderFacts(folder: NonNullable<ChannelStatus["folder"]>, nowMs: number): Html {
  return html`<div><dt>In the folder</dt><dd>${count(folder.files)}${folder.incomplete === 0 ? undefined : html` <span class="small">${folder.incomplete} not complete</span>`}</dd></div>
<div><dt>In work</dt><dd>${count(folder.inWork)}${folder.toMove === 0 ? undefined : html` <span class="small">${folder.toMove} to be moved</span>`}</dd></div>
${folder.setAside === 0 ? undefined : html`<div class="marked"><dt>Set aside</dt><dd>${count(folder.setAside)} <span class="small">in 90 days</span></dd></div>`}
<div><dt>Looked at</dt><dd>${ago(folder.lastPollAt, nowMs, "not yet")}</dd></div>`;
}

/** 03 A14: what a sender does that it should not; in sight, for somebody must tell its people. */
function warningLines(
  { warnings }: NonNullable<ChannelStatus["observed"]>,
  nowMs: number,
): Html | undefined {
  if (warnings.length === 0) return undefined;
  return html`<ul class="warnings">
${warnings.map(
  ({ warning, text, count: cases, lastAt, peer, controlId }) =>
    html`<li><b>${text}</b> <span class="small"><code>${warning}</code> ${cases === 1 ? "once," : html`${count(cases)} times, last`} ${ago(lastAt, nowMs)} from ${peer}${controlId === undefined ? undefined : html`, control id <code>${controlId}</code>`}</span></li>`,
)}
</ul>`;
}

function details(channel: ChannelStatus, nowMs: number): Html | undefined {
  const { observed, counters, draining, movingTo, replyLatency } = channel;
  const peers = observed?.peers ?? [];
  const pairs = observed?.pairs ?? [];
  const counted = Object.entries(counters);
  if (peers.length + pairs.length + counted.length + draining.length === 0) return undefined;
  const shown = peers
    .toSorted((a, b) => b.connections - a.connections || b.lastSeenAt.localeCompare(a.lastSeenAt))
    .slice(0, STATUS_LINES_MAX_COUNT);
  return html`<details><summary>Senders, what they ask for, counters</summary>
${
  shown.length === 0
    ? undefined
    : html`<h4>Senders${peers.length > shown.length ? html` <span class="count">${shown.length} of ${peers.length}</span>` : undefined}</h4><ul class="lines">
${shown.map((peer) => html`<li><b>${peer.address}</b>${peer.name === undefined ? undefined : html` ${peer.name}`} <span class="small">${peer.connections} connections now, ${count(peer.connectionsTotal)} in all, ${count(peer.messages)} messages, last seen ${ago(peer.lastSeenAt, nowMs)}, last reply ${peer.lastReply ?? "none"}</span></li>`)}
</ul>`
}
${
  pairs.length === 0
    ? undefined
    : html`<h4>Acknowledgments they ask for (MSH-15, MSH-16)</h4><ul class="chips">
${pairs.map((pair) => html`<li>(${shownField(pair.accept)}, ${shownField(pair.application)}) <b>${count(pair.count)}</b></li>`)}
</ul>`
}
${
  counted.length === 0
    ? undefined
    : html`<h4>Counters</h4><ul class="chips">
${counted.map(([name, value]) => html`<li>${spaced(name)} <b>${count(value)}</b></li>`)}
</ul>`
}
<p class="small">Epoch ${channel.epoch}, last ${channel.lastSeq}, confirmed by the receiver ${channel.ackedSeq}${replyLatency === undefined ? undefined : html`; ${count(countIn(replyLatency))} replies measured`}.
${draining.map(({ epoch, lastSeq, ackedSeq }) => html` Epoch ${epoch} leaves first: ${lastSeq - ackedSeq} waiting.`)}
${movingTo === undefined ? undefined : html` Moving to epoch ${movingTo}.`}</p>
</details>`;
}

const shownField = (field: string): string => (field === "-" ? "empty" : field);
