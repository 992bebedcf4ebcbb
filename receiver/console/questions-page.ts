/** Questions for agents: hand one in, send what somebody else has handed in, read answers. @module */
import { type Html, html, inLines } from "#pages/html.ts";
import { ago } from "#pages/words.ts";
import { formToken, layout, notice, type Visit } from "./layout.ts";
import type { Answer, Proposal, Question } from "./question-desk.ts";
import { questionFacts } from "./question-words.ts";
import { may } from "./roles.ts";
import { calledOf, isSamePerson } from "./sessions.ts";

export interface QuestionsView {
  readonly waiting: readonly Proposal[];
  /** Agents that can be asked, TENANT/AGENT. */
  readonly agents: readonly string[];
  /** Whoever hands a question in does not send it. */
  readonly isApart: boolean;
}

export function questionsPage(visit: Visit, { waiting, agents, isApart }: QuestionsView): Html {
  return layout(visit, {
    ...{ title: "Questions", here: "/questions" },
    main: html`<section aria-labelledby="waiting">
<h1 id="waiting">Questions that wait to be sent <span class="count">${waiting.length}</span></h1>
${waiting.length === 0 ? html`<p>None.</p>` : waiting.map((one) => waitingArticle(visit, one, isApart))}
</section>
${may(visit.session.role, "propose") ? handInSection(visit, isApart) : undefined}
<section aria-labelledby="sent">
<h2 id="sent">Questions that were sent</h2>
<p>They are on the page of each agent, with their answers.</p>
<ul class="chips">${agents.slice(0, 100).map((name) => html`<li><a href="/agents/${name}#asked">${name}</a></li>`)}</ul>
</section>`,
  });
}

function waitingArticle(visit: Visit, one: Proposal, isApart: boolean): Html {
  const { key, author, atMs } = one;
  const isOwn = isApart && isSamePerson(author, visit.session);
  const handedIn = ago(new Date(atMs).toISOString(), visit.nowMs);
  return html`<article class="channel" aria-label="${one.op} for ${one.tenant}/${one.name}">
${questionFacts(one, visit.nowMs)}
<p class="small">Handed in by ${calledOf(author)} ${handedIn}.${isOwn ? " You have handed it in: somebody else sends it." : ""}</p>
<form class="buttons" method="post" action="/questions/decide">${formToken(visit)}<input type="hidden" name="key" value="${key}">
${isOwn ? undefined : html`<button name="decision" value="send">Send it to the agent</button>`}
<button class="plain" name="decision" value="reject">${isOwn ? "Take it back" : "Reject it"}</button></form>
</article>`;
}

function handInSection(visit: Visit, isApart: boolean): Html {
  return html`<section aria-labelledby="hand-in">
<h2 id="hand-in">Hand in a question</h2>
<p class="meaning">Make it offline, with your key: <code>holdfast-sign command OPERATION --out FILE …</code>. The agent judges the signature, and the hospital what may be asked.${isApart ? " Somebody else then sends it from here." : ""}</p>
<form method="post" action="/questions">${formToken(visit)}
<p><label for="document">The signed document</label>
<textarea id="document" name="document" rows="5" spellcheck="false" autocomplete="off"></textarea></p>
<p><button>Hand it in</button></p></form>
</section>`;
}

export const handedIn = (visit: Visit, { op, tenant, name }: Question): Html =>
  notice(visit, {
    ...{ title: "Handed in", tone: "good" },
    text: `${op} for ${tenant}/${name} waits on the page Questions.`,
  });

export function answerPage(
  visit: Visit,
  agent: string,
  { id, answer }: { readonly id: string; readonly answer: Answer },
): Html {
  const { line, text, sealedBytes } = answer;
  const result = line === null && sealedBytes === 0 ? "no answer yet" : (line?.result ?? "done");
  return layout(visit, {
    ...{ title: `Answer of ${agent}`, here: "/questions" },
    main: html`<p class="path"><a href="/">Fleet</a> / <a href="/agents/${agent}">${agent}</a> / <b>answer</b></p>
<section aria-labelledby="answer">
<h1 id="answer">${result === "done" ? "Answered" : String(result)}${line?.isComing === true ? html`<span class="aside">; it is on its way here</span>` : undefined}</h1>
<p class="small">Question <code>${id}</code></p>
${text === undefined ? undefined : html`<pre tabindex="0">${inLines(text)}</pre>`}
${sealedBytes === 0 ? undefined : html`<p>${sealedBytes} bytes that are not shown here: a bundle is sealed for the holder of the support key. Fetch it with <code>holdfast-receiver bundle ${agent} --command FILE --out FILE</code>.</p>`}
</section>`,
  });
}
