/** The tunnel: whether messages leave, and why not. @module */

import { type Html, html } from "#pages/html.ts";
import { milliseconds, since, spaced } from "#pages/words.ts";
import type { AgentStatus } from "../status.ts";
import { isUp } from "./headline.ts";

/** What each state means to somebody who has not read the protocol. */
const STATES: Readonly<Record<string, string>> = {
  disconnected: "not connected",
  connecting: "connecting",
  helloSent: "connected, waiting to be welcomed",
  resuming: "finding out what the receiver has",
  streaming: "connected, messages leave",
  throttled: "connected, the receiver or the line is the slower side",
  draining: "finishing, then connecting anew",
  sticky: "refused: somebody must look",
  heldDown: "held down by an outage drill",
  closed: "closed",
};

export function tunnelSection({ tunnel, conditions }: AgentStatus, nowMs: number): Html {
  const isDown = conditions.some(({ condition }) =>
    /^(?:tunnelDown|identityRefused)$/.test(condition),
  );
  const tone = isUp(tunnel.state) ? "good" : isDown ? "critical" : "notice";
  const seconds = tunnel.nextAttemptInSeconds;
  return html`<section aria-labelledby="tunnel">
<h2 id="tunnel">Tunnel to the receiver</h2>
<p class="state ${tone}">${STATES[tunnel.state] ?? tunnel.state} <span class="small">(${spaced(tunnel.state)}) ${since(tunnel.since, nowMs)}</span></p>
${isUp(tunnel.state) ? undefined : whyDown(tunnel)}
<dl class="facts">
${seconds === undefined ? undefined : html`<div><dt>Next attempt</dt><dd>in ${seconds} s</dd></div>`}
${tunnel.session === undefined ? undefined : html`<div><dt>Session</dt><dd>${tunnel.session}</dd></div>`}
${tunnel.clockSkewMs === undefined ? undefined : html`<div><dt>Its clock is ahead by</dt><dd>${signed(tunnel.clockSkewMs)}</dd></div>`}
</dl>
</section>`;
}

function whyDown({
  lastError,
  reason,
  summary,
  remedy,
  facts,
  state,
}: AgentStatus["tunnel"]): Html | undefined {
  if (lastError === undefined) return undefined;
  return html`<p><strong>${summary}</strong>${remedy === undefined ? undefined : html`: ${remedy}`}</p>
<p class="small"><code>${lastError}</code>${reason === undefined ? undefined : html` (${reason})`}
${Object.entries(facts).map(([name, value]) => html`<span class="fact">${spaced(name)} <b>${String(value)}</b></span> `)}
${state === "sticky" ? html`Once it is mended: <code>holdfast reconnect</code>` : undefined}</p>`;
}

const signed = (ms: number): string => (ms < 0 ? `\u2212${milliseconds(-ms)}` : milliseconds(ms));
