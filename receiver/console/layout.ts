/** What every page of the console has: the same head, the ways to other pages, who is signed in. @module */
import { type Html, html } from "#pages/html.ts";
import type { Tone } from "#pages/tone.ts";
import { localTime } from "#pages/words.ts";
import { ACTIONS, type Action, may } from "./roles.ts";
import { formTokenOf, type Session } from "./sessions.ts";

/** Somebody who is signed in, and what their forms bring along. */
export interface Visit {
  readonly session: Session;
  readonly formToken: string;
  readonly nowMs: number;
}

export const visitOf = (session: Session, secret: string, nowMs: number): Visit => ({
  ...{ session, formToken: formTokenOf(secret), nowMs },
});

export interface PageOptions {
  readonly title: string;
  readonly tone?: Tone;
  /** Of {@link WAYS}; the page that is shown. */
  readonly here?: string;
  /** It brings itself up to date; pages on which something is typed do not. [false] */
  readonly isLive?: boolean;
  readonly hasCharts?: boolean;
  readonly main: Html;
}

const WAYS: readonly (readonly [path: string, name: string, action: Action])[] = [
  ["/", "Fleet", "view"],
  ["/look-up", "Look up", "lookUp"],
  ["/questions", "Questions", "readAnswer"],
  ["/people", "People", "view"],
  ["/log", "Log", "readLog"],
];
const RELOAD_SECONDS = 15;

/** @param visit undefined: nobody is signed in */
export function layout(visit: Visit | undefined, options: PageOptions): Html {
  const { title, tone = "notice", isLive = false, hasCharts = false, main } = options;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Holdfast fleet</title>
<link rel="icon" href="/icon-${tone}.svg" type="image/svg+xml">
${hasCharts ? html`<link rel="stylesheet" href="/charts.css">` : undefined}
<link rel="stylesheet" href="/colors.css">
<link rel="stylesheet" href="/page.css">
<link rel="stylesheet" href="/console.css">
${isLive ? html`<noscript><meta http-equiv="refresh" content="${RELOAD_SECONDS}"></noscript><script src="/console-live.js" type="module"></script>` : undefined}
${hasCharts ? html`<script src="/charts.js" defer></script><script src="/waits.js" type="module"></script>` : undefined}
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<p class="name">Holdfast <span>fleet</span></p>
${visit === undefined ? undefined : nav(visit, options.here)}
${visit === undefined ? undefined : signedIn(visit)}
</header>
<main id="main">
${main}
</main>
${visit === undefined ? undefined : footer(visit, isLive)}
</body>
</html>
`;
}

function nav({ session }: Visit, here: string | undefined): Html {
  const open = WAYS.filter(([, , action]) => may(session.role, action));
  return html`<nav aria-label="Pages"><ul>
${open.map(([path, name]) => (path === here ? html`<li><a href="${path}" aria-current="page">${name}</a></li>` : html`<li><a href="${path}">${name}</a></li>`))}
</ul></nav>`;
}

function signedIn(visit: Visit): Html {
  const { session } = visit;
  return html`<div class="who"><span><b>${session.name}</b> <span class="small">${session.role}</span></span>
<form method="post" action="/sign-out">${formToken(visit)}<button class="plain">Sign out</button></form></div>`;
}

function footer({ nowMs }: Visit, isLive: boolean): Html {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return html`<footer><p><span id="link" role="status"></span> <span class="asof">As of <time datetime="${new Date(nowMs).toISOString()}">${localTime(nowMs, nowMs)}</time></span>${isLive ? "" : " (reload for news)"}. Times are the receiver's (${zone}). No content of a message is here, and nothing you do is unrecorded.</p></footer>`;
}

/** In every form that changes something. */
export const formToken = ({ formToken: token }: Visit): Html =>
  html`<input type="hidden" name="token" value="${token}">`;

/** A page that says one thing. */
export function notice(
  visit: Visit | undefined,
  { title, text, tone = "notice" }: { title: string; text: string; tone?: Tone },
): Html {
  return layout(visit, {
    ...{ title, tone },
    main: html`<section class="headline ${tone}"><h1>${title}</h1><p class="plain-text">${text}</p>${visit === undefined ? undefined : html`<p><a href="/">Back to the fleet</a></p>`}</section>`,
  });
}

/** Why somebody may not. */
export const refusal = (visit: Visit, action: Action): Html =>
  notice(visit, {
    ...{ title: "Not for your role", tone: "warning" },
    text: `To ${ACTIONS[action].means} takes one of: ${ACTIONS[action].roles.join(", ")}. You are signed in as ${visit.session.role}.`,
  });
