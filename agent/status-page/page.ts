/**
 * The page `/`: whole without JavaScript, in the order in which somebody asks who was woken up.
 *
 * Shows no body, no name of a file, and nothing that can be pressed to change something (08 PL8).
 *
 * @module
 */

import { type Html, html } from "#pages/html.ts";
import { ago, duration, localTime, since, spaced } from "#pages/words.ts";
import type { History } from "../health/history.ts";
import { STATUS_LINES_MAX_COUNT } from "../limits.ts";
import { channelsSection } from "./channels-section.ts";
import { deliveriesSection, missingSection } from "./deliveries-section.ts";
import { type Headline, headlineOf, type Trouble, titleOf, troublesOf } from "./headline.ts";
import { historySection } from "./history-section.ts";
import {
  configurationSection,
  identitySection,
  storeSection,
  supportSection,
} from "./machine-section.ts";
import type { Snapshot } from "./snapshots.ts";
import { tunnelSection } from "./tunnel-section.ts";

/** @param snapshot `undefined`: the agent could not say yet how it is */
export function page(snapshot: Snapshot | undefined, history: History): Html {
  const headline = snapshot && headlineOf(snapshot);
  const title = headline === undefined ? "no answer yet" : titleOf(headline);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Holdfast: ${title}</title>
<link rel="icon" href="/icon-${headline?.tone ?? "critical"}.svg" type="image/svg+xml">
<link rel="stylesheet" href="/charts.css">
<link rel="stylesheet" href="/colors.css">
<link rel="stylesheet" href="/page.css">
<script src="/charts.js" defer></script>
<script src="/live.js" type="module"></script>
<script src="/day.js" type="module"></script>
</head>
<body>
<a class="skip" href="#channels">To the channels</a>
${snapshot === undefined || headline === undefined ? notYet() : content(snapshot, headline, history)}
</body>
</html>
`;
}

function notYet(): Html {
  return html`<main><section class="headline critical" aria-labelledby="now">
<h1 id="now">The store has not said yet how it stands</h1>
<p>If this stays so for a minute, look at the disk of the state directory.</p>
</section><div id="channels"></div></main>`;
}

function content(snapshot: Snapshot, headline: Headline, history: History): Html {
  const { status, takenAtMs } = snapshot;
  const more = troublesOf(status).filter(
    (one) =>
      headline.tone === "good" || one.code !== headline.code || one.subject !== headline.subject,
  );
  return html`<header>
<p class="name">Holdfast <span>${status.version}</span></p>
<p class="asof"><span id="link" role="status"></span> As of <time datetime="${new Date(takenAtMs).toISOString()}">${localTime(takenAtMs, takenAtMs)}</time>
<noscript>(without JavaScript: press F5 for news)</noscript></p>
</header>
<main>
${headlineSection(headline, takenAtMs)}
${more.length === 0 ? undefined : troublesSection(more, takenAtMs)}
<div class="columns">
${tunnelSection(status, takenAtMs)}
${storeSection(status, takenAtMs)}
</div>
${channelsSection(status, history, takenAtMs)}
${deliveriesSection(status, takenAtMs)}
${missingSection(status, takenAtMs)}
${historySection(history)}
<div class="columns">
${identitySection(status, takenAtMs)}
${configurationSection(status)}
${supportSection(status)}
</div>
</main>
<footer>
<p>Process ${status.pid}, ${since(status.startedAt, takenAtMs)}. Times are of this machine (${zone()}); counts are since the start.
This page shows and changes nothing. The same as text: <code>holdfast status</code>; for machines: <a href="/status.json">status.json</a>, <a href="/metrics">metrics</a>, <a href="/healthz">healthz</a>.</p>
</footer>`;
}

const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

function headlineSection(headline: Headline, nowMs: number): Html {
  if (headline.tone === "good") {
    const last = headline.lastMessageAt;
    return html`<section class="headline good" aria-labelledby="now">
<h1 id="now">Everything works<span class="aside">${last === undefined ? "; no message since the start" : html`; last message ${ago(last, nowMs)}`}</span></h1>
</section>`;
  }
  return html`<section class="headline ${headline.tone}" aria-labelledby="now">
<h1 id="now">${about(headline)}${headline.sentence}</h1>
<dl class="facts">
<div><dt>Since</dt><dd>${localTime(headline.sinceMs, nowMs)} (${duration(nowMs - headline.sinceMs)})${stageOf(headline)}</dd></div>
<div><dt>Whose</dt><dd>${headline.whose}</dd></div>
${headline.runbook === undefined ? undefined : html`<div><dt>Runbook</dt><dd><code>${headline.runbook}</code></dd></div>`}
${headline.why === undefined ? undefined : html`<div class="wide"><dt>Why</dt><dd>${headline.why}</dd></div>`}
<div class="wide"><dt>Do</dt><dd>${headline.todo}</dd></div>
<div class="wide"><dt>Code</dt><dd><code>${headline.code}</code> ${factsOf(headline)}</dd></div>
${headline.explains.length === 0 ? undefined : html`<div class="wide"><dt>Because of it</dt><dd>${explained(headline)}</dd></div>`}
</dl>
</section>`;
}

function troublesSection(troubles: readonly Trouble[], nowMs: number): Html {
  return html`<section aria-labelledby="also">
<h2 id="also">Also <span class="count">${troubles.length}</span></h2>
<ul class="troubles">
${troubles.map(
  (
    one,
  ) => html`<li class="${one.tone}"><p><strong>${about(one)}${one.sentence}.</strong> ${one.todo}.</p>
<p class="small"><code>${one.code}</code> since ${localTime(one.sinceMs, nowMs)} (${duration(nowMs - one.sinceMs)})${stageOf(one)}, ${one.whose} ${factsOf(one)}${one.explains.length === 0 ? undefined : html`<br>Because of it: ${explained(one)}`}</p></li>`,
)}
</ul>
</section>`;
}

const STAGES = {
  new: ", too new to be an alarm",
  open: "",
  over: "; well again, and watched for a moment",
} as const satisfies Record<Trouble["stage"], string>;
const stageOf = ({ stage }: Trouble): string => STAGES[stage];

const explained = ({ explains }: Trouble): string =>
  explains
    .slice(0, STATUS_LINES_MAX_COUNT)
    .map(({ code, subject }) => (subject === "" ? spaced(code) : `${spaced(code)} (${subject})`))
    .join(", ");

const about = ({ subject }: Trouble): Html | undefined =>
  subject === "" ? undefined : html`<span class="subject">${subject}</span> `;

function factsOf({ facts, subject }: Trouble): Html[] {
  const news = Object.entries(facts).filter(([, value]) => value !== subject);
  return news.map(
    ([name, value]) => html`<span class="fact">${spaced(name)} <b>${String(value)}</b></span> `,
  );
}
