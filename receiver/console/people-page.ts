/** Who may what, who is signed in, and what people did. @module */
import { type Html, html } from "#pages/html.ts";
import { ago, localTime, spaced } from "#pages/words.ts";
import type { ConsoleEntry } from "../store/console.ts";
import type { ConsoleConfiguration } from "./configuration.ts";
import { formToken, layout, type Visit } from "./layout.ts";
import { ACTIONS, may, ROLES, type Role } from "./roles.ts";
import type { Session } from "./sessions.ts";

export function peoplePage(
  visit: Visit,
  { people, questions }: Pick<ConsoleConfiguration, "people" | "questions">,
  sessions: readonly Session[],
): Html {
  return layout(visit, {
    ...{ title: "People", here: "/people" },
    main: html`<section aria-labelledby="roles">
<h1 id="roles">Who may what</h1>
<div class="wide-table" role="group" aria-labelledby="roles" tabindex="0"><table>
<thead><tr><th scope="col">May</th>${ROLES.map((role) => html`<th scope="col">${role}</th>`)}</tr></thead>
<tbody>${Object.values(ACTIONS).map(({ means, roles }) => html`<tr><th scope="row">${means}</th>${ROLES.map((role) => html`<td>${(roles as readonly Role[]).includes(role) ? "yes" : "no"}</td>`)}</tr>`)}</tbody>
</table></div>
<p class="meaning">${questions === "twoPeople" ? "Whoever hands a question in does not send it." : "Whoever hands a question in may send it."} Roles stand in receiver.yaml, and nobody changes them here.</p>
</section>
<section aria-labelledby="people">
<h2 id="people">People with a certificate <span class="count">${people.length}</span></h2>
<ul class="lines">${people.map(({ name, role, certificate }) => html`<li><b>${name}</b> ${role} <span class="small"><code>${certificate.slice(0, 16)}…</code></span></li>`)}</ul>
</section>
<section aria-labelledby="sessions">
<h2 id="sessions">Signed in now <span class="count">${sessions.length}</span></h2>
<ul class="lines">${sessions.map((one) => sessionLine(visit, one))}</ul>
</section>`,
  });
}

function sessionLine(visit: Visit, { key, name, role, certificate, createdMs, seenMs }: Session) {
  const isOwn = key === visit.session.key;
  const how = certificate === "" ? "by a link" : "by certificate";
  return html`<li><b>${name}</b> ${role} <span class="small">${how}, since ${localTime(createdMs, visit.nowMs)}, seen ${ago(new Date(seenMs).toISOString(), visit.nowMs)}${isOwn ? ", you" : ""}</span>
${isOwn || !may(visit.session.role, "endSession") ? undefined : html`<form class="inline" method="post" action="/sessions/end">${formToken(visit)}<input type="hidden" name="key" value="${key}"><button class="plain">Sign out ${name}</button></form>`}</li>`;
}

export interface LogView {
  readonly entries: readonly (ConsoleEntry & { readonly id: number })[];
  readonly isMore: boolean;
}

export function logPage(visit: Visit, { entries, isMore }: LogView): Html {
  const last = entries.at(-1)?.id;
  return layout(visit, {
    ...{ title: "Log", here: "/log" },
    main: html`<section aria-labelledby="log">
<h1 id="log">What people did here</h1>
<div class="wide-table" role="group" aria-labelledby="log" tabindex="0"><table>
<thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Agent</th><th scope="col">With</th></tr></thead>
<tbody>${entries.map(({ atMs, who, role, action, agent, detail }) => html`<tr><td><time datetime="${new Date(atMs).toISOString()}">${localTime(atMs, visit.nowMs)}</time></td><td>${who} <span class="small">${role}</span></td><td>${spaced(action)}</td><td>${agent}</td><td>${detail}</td></tr>`)}</tbody>
</table></div>
${isMore && last !== undefined ? html`<p><a href="/log?before=${last}">Older</a></p>` : undefined}
</section>`,
  });
}
