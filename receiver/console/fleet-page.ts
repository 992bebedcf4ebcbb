/** Every agent at a glance, those in trouble first. @module */
import { type Html, html } from "#pages/html.ts";
import { ago, count, duration } from "#pages/words.ts";
import type { Agent, Fleet } from "./fleet.ts";
import { layout, type Visit } from "./layout.ts";
import { factsOf, headline, sinceWords } from "./trouble-words.ts";

const SHOWN_MAX_COUNT = 200;

/** @param filter a part of a name, as it was typed */
export function fleetPage(visit: Visit, fleet: Fleet, filter: string): Html {
  const matching = fleet.agents.filter(({ name }) => name.includes(filter));
  const [first] = fleet.agents;
  const isIll = first !== undefined && (first.tone === "critical" || first.tone === "warning");
  const ill = fleet.agents.filter(({ tone }) => tone === "critical" || tone === "warning");
  return layout(visit, {
    title: isIll ? `${ill.length} of ${fleet.agents.length} in trouble` : "all is well",
    ...{ tone: isIll ? first.tone : "good", here: "/", isLive: true },
    main: html`${isIll ? headline(first, fleet.atMs, { isNamed: true, aside: asideOf(ill.length) }) : allWell(fleet)}
<section aria-labelledby="agents">
<div class="title"><h2 id="agents">Agents <span class="count">${fleet.agents.length}</span></h2>
<form class="filter" method="get" action="/" role="search"><label for="filter">Name</label><input id="filter" name="filter" value="${filter}" size="16"><button>Filter</button></form></div>
${summary(fleet)}
<ul class="fleet">
${matching.slice(0, SHOWN_MAX_COUNT).map((agent) => agentLine(agent, fleet.atMs))}
</ul>
${matching.length === 0 ? html`<p>${fleet.agents.length === 0 ? "No agent was ever added: holdfast-receiver agent add" : "No agent has this in its name."}</p>` : undefined}
${matching.length > SHOWN_MAX_COUNT ? html`<p>${matching.length - SHOWN_MAX_COUNT} more, with less trouble: filter by name.</p>` : undefined}
</section>`,
  });
}

const asideOf = (ill: number): string =>
  ill === 1 ? "" : `${count(ill - 1)} more ${ill === 2 ? "agent needs" : "agents need"} somebody`;

function allWell({ agents, atMs }: Fleet): Html {
  const newest = agents.flatMap(({ standing }) => standing?.lastStoredMs ?? []);
  const last = newest.length === 0 ? undefined : new Date(Math.max(...newest)).toISOString();
  return html`<section class="headline good" aria-labelledby="now">
<h1 id="now">Everything works<span class="aside">; last message ${ago(last, atMs, "not yet")}</span></h1>
</section>`;
}

function summary({ agents }: Fleet): Html {
  const live = agents.filter(({ isLive }) => isLive).length;
  const alarms = agents.reduce((sum, one) => sum + one.alarms.length, 0);
  return html`<ul class="chips"><li>connected <b>${count(live)}</b></li><li>not connected <b>${count(agents.length - live)}</b></li><li>open alarms <b>${count(alarms)}</b></li></ul>`;
}

function agentLine(agent: Agent, nowMs: number): Html {
  const { name, tone, troubles, standing, isLive, lastSeenMs, status } = agent;
  const [first, ...more] = troubles;
  const stored = standing?.lastStoredMs ?? undefined;
  return html`<li class="agent ${tone}">
<p class="state ${tone}"><a href="/agents/${name}">${name}</a></p>
<p class="what">${first === undefined ? "Works" : html`${first.channel === "" ? undefined : html`<span class="subject">${first.channel}</span> `}${first.sentence}`}
${first === undefined ? undefined : html`<span class="small under">${sinceWords(first, nowMs)}; ${first.whose}${more.length === 0 ? undefined : html`; ${more.length} more`}; <code>${first.code}</code> ${factsOf(first)}</span>`}</p>
<dl class="facts">
<div><dt>Connection</dt><dd>${isLive ? "connected" : lastSeenMs === null ? "never" : html`gone, seen ${ago(new Date(lastSeenMs).toISOString(), nowMs)}`}</dd></div>
<div><dt>Newest message</dt><dd>${ago(stored === undefined ? undefined : new Date(stored).toISOString(), nowMs, "none")}${agent.waitedMs === undefined ? undefined : html` <span class="small under">had waited ${duration(agent.waitedMs)}</span>`}</dd></div>
<div><dt>Alarms</dt><dd>${agent.alarms.length}${agent.alarms.length === 0 || standing?.alarms == null ? undefined : html` <span class="small under">said ${ago(new Date(standing.alarms.receivedMs).toISOString(), nowMs)}</span>`}</dd></div>
<div><dt>Version</dt><dd>${status?.agentVersion ?? "\u2013"}</dd></div>
</dl>
</li>`;
}
