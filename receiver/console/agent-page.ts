/** One agent: what is wrong, its connection, what came and what waits, where it stands. @module */
import { Html, html } from "#pages/html.ts";
import { ago, count, duration, localDate, localTime } from "#pages/words.ts";
import type { AgentFacts, ChannelView, QueueView } from "./agent-facts.ts";
import type { Agent } from "./fleet.ts";
import { layout, type Visit } from "./layout.ts";
import type { Asked } from "./question-desk.ts";
import { askedList } from "./question-words.ts";
import { may } from "./roles.ts";
import { headline, otherTroubles } from "./trouble-words.ts";

export interface AgentPage {
  readonly agent: Agent;
  readonly facts: AgentFacts;
  /** Undefined: not for this role. */
  readonly asked: readonly Asked[] | undefined;
}

export function agentPage(visit: Visit, { agent, facts, asked }: AgentPage): Html {
  const { nowMs } = visit;
  const { name, tone } = agent;
  return layout(visit, {
    ...{ title: `${name}${tone === "good" ? "" : `: ${agent.troubles[0]?.code ?? ""}`}`, tone },
    ...{ isLive: true, hasCharts: facts.channels.length > 0 },
    main: html`<p class="path"><a href="/">Fleet</a> / <b>${name}</b></p>
${agent.troubles.length === 0 ? well(agent, nowMs) : headline(agent, nowMs, { isNamed: false, aside: "" })}
${otherTroubles(agent, nowMs)}
<div class="columns">
${connectionSection(agent, nowMs)}
${standingSection(agent, nowMs)}
</div>
${channelsSection(name, facts, nowMs)}
${queuesSection(facts, nowMs)}
${waysSection(visit, name)}
${asked === undefined ? undefined : html`<section aria-labelledby="asked"><h2 id="asked">Questions <span class="count">${asked.length}</span></h2>${askedList(name, asked, nowMs)}</section>`}`,
  });
}

function well({ standing }: Agent, nowMs: number): Html {
  const stored = standing?.lastStoredMs ?? undefined;
  return html`<section class="headline good" aria-labelledby="now">
<h1 id="now">Works<span class="aside">; last message ${ago(isoOf(stored), nowMs, "not yet")}</span></h1>
</section>`;
}

const isoOf = (ms: number | null | undefined): string | undefined =>
  ms == null ? undefined : new Date(ms).toISOString();

const fact = (name: string, value: Html | string | number | bigint | undefined): Html =>
  html`<div><dt>${name}</dt><dd>${value ?? "\u2013"}</dd></div>`;

function connectionSection(agent: Agent, nowMs: number): Html {
  const { record, isLive, lastSeenMs, certificateEndMs, standing } = agent;
  const { identity } = record;
  const state = isLive ? "connected" : lastSeenMs === null ? "never connected" : "not connected";
  return html`<section aria-labelledby="connection">
<h2 id="connection">Connection and identity</h2>
<p class="state ${isLive ? "good" : lastSeenMs === null ? "notice" : "critical"}">${state}</p>
<dl class="facts">
${fact("Session", record.session)}
${fact("Began", ago(isoOf(record.helloAtMs), nowMs))}
${isLive ? undefined : fact("Gone", ago(isoOf(standing?.goneMs ?? lastSeenMs), nowMs))}
${fact("Certificate", html`<code>${record.serialHex === "" ? "none" : record.serialHex.slice(0, 16)}</code>`)}
${fact("Ends", certificateEndMs === undefined ? "not issued here" : `${localDate(new Date(certificateEndMs).toISOString())} (${certificateEndMs <= nowMs ? "over" : `in ${duration(certificateEndMs - nowMs)}`})`)}
${fact("Generation", identity.generation)}
${fact("Known since", localDate(new Date(record.addedAtMs).toISOString()))}
</dl>
</section>`;
}

function standingSection({ status, standing }: Agent, nowMs: number): Html {
  if (status === undefined || standing?.head == null) {
    return html`<section aria-labelledby="standing"><h2 id="standing">Configuration and audit</h2><p>It has sent no status document yet.</p></section>`;
  }
  const { effectiveDigest, state, auditSeq, auditHead, clockSkewMs } = status;
  const { isVerified, receivedMs } = standing.head;
  return html`<section aria-labelledby="standing">
<h2 id="standing">Configuration and audit</h2>
<p class="state ${isVerified ? "good" : "warning"}">${isVerified ? "signed by its device key" : "not verified: its device key is not known"} <span class="small">${ago(isoOf(receivedMs), nowMs)}</span></p>
<dl class="facts">
${fact("Version", status.agentVersion)}
${fact("Configuration", state === null ? "its own file" : state.toLowerCase().replaceAll("_", " "))}
${effectiveDigest === null ? undefined : fact("Digest", html`<code title="${effectiveDigest}">${effectiveDigest.slice(0, 16)}</code>`)}
${fact("Document", `epoch ${status.epoch}, seq ${status.seqHigh}`)}
${fact("Trust", `version ${status.trustVersion}`)}
${fact("Audit entries", count(auditSeq))}
${fact("Audit head", html`<code title="${auditHead ?? ""}">${auditHead?.slice(0, 16) ?? "none"}</code>`)}
${fact("Status number", count(status.counter))}
${clockSkewMs === null ? undefined : fact("Its clock is ahead by", `${clockSkewMs} ms`)}
</dl>
</section>`;
}

function channelsSection(name: string, { channels }: AgentFacts, nowMs: number): Html {
  return html`<section aria-labelledby="channels">
<h2 id="channels">Channels to us <span class="count">${channels.length}</span></h2>
${channels.length === 0 ? html`<p>None has been opened.</p>` : undefined}
${channels.map((view) => channelArticle(name, view, nowMs))}
</section>`;
}

function channelArticle(name: string, view: ChannelView, nowMs: number): Html {
  const { record, lastMs, waitedMs, lastHourCount, waits } = view;
  const { channel, epoch, lastSeq } = record;
  const src = `/waits/${name}?channel=${encodeURIComponent(channel)}`;
  return html`<article class="channel" aria-labelledby="c-${channel}">
<div class="title"><h3 id="c-${channel}">${channel}</h3></div>
<dl class="facts row">
${fact("Last message", ago(isoOf(lastMs), nowMs, "none"))}
${fact("It had waited", waitedMs === undefined ? "\u2013" : duration(waitedMs))}
${fact("In the last hour", count(lastHourCount))}
${fact("Last number", html`${count(lastSeq)} <span class="small under">epoch ${epoch}</span>`)}
${fact("Longest wait in a day", longest(waits, nowMs))}
</dl>
${waits.length < 2 ? undefined : html`<figure class="waits"><figcaption id="w-${channel}">How long messages of the last day had waited in the hospital, in seconds</figcaption><div class="chart" data-waits="${src}" data-keep role="img" aria-labelledby="w-${channel}"></div></figure>`}
</article>`;
}

function longest(waits: ChannelView["waits"], nowMs: number): Html | string {
  const [first, ...rest] = waits;
  if (first === undefined) return "\u2013";
  const most = rest.reduce((a, b) => (b.waitedMs > a.waitedMs ? b : a), first);
  return html`${duration(most.waitedMs)} <span class="small under">at ${localTime(most.atMs, nowMs)}</span>`;
}

function queuesSection({ queues }: AgentFacts, nowMs: number): Html | undefined {
  if (queues.length === 0) return undefined;
  return html`<section aria-labelledby="queues">
<h2 id="queues">Queues for the hospital <span class="count">${queues.length}</span></h2>
${queues.map((queue) => queueArticle(queue, nowMs))}
</section>`;
}

function queueArticle({ record, waitingCount, oldestMs, newest }: QueueView, nowMs: number): Html {
  const { channel, epoch, lastSeq, ackedSeq } = record;
  return html`<article class="channel" aria-labelledby="q-${channel}">
<h3 id="q-${channel}">${channel}</h3>
<dl class="facts row">
<div class="${new Html(waitingCount > 0n ? "marked" : "")}"><dt>Waiting for the agent</dt><dd>${count(waitingCount)}${oldestMs === null ? undefined : html` <span class="small under">oldest ${ago(isoOf(oldestMs), nowMs)}</span>`}</dd></div>
${fact("Last taken", ago(isoOf(newest?.queuedAtMs), nowMs, "none"))}
${fact("At the agent up to", html`${count(ackedSeq)} of ${count(lastSeq)} <span class="small under">epoch ${epoch}</span>`)}
</dl>
</article>`;
}

function waysSection({ session }: Visit, name: string): Html {
  return html`<nav class="ways" aria-label="This agent"><ul>
<li><a href="/hours/${name}">Do both sides hold the same?</a></li>
${may(session.role, "lookUp") ? html`<li><a href="/look-up?agent=${encodeURIComponent(name)}">Look up a message</a></li>` : undefined}
${may(session.role, "propose") ? html`<li><a href="/questions">Ask it something</a></li>` : undefined}
</ul></nav>`;
}
