/**
 * What `doctor` found as one page for a change request: HTML with nothing beside it and no script, light, made for A4. It
 * shows what the terminal shows, and the name of the machine.
 *
 * @module
 */
import { hostname, release, type } from "node:os";
import { Html, html } from "#pages/html.ts";
import { createFile } from "../host/atomic-file.ts";
import { systemClock } from "../host/clock.ts";
import type { Check, Report } from "./doctor-report.ts";
import { VERDICTS, type Verdict } from "./finding.ts";
import type { FirewallLine } from "./firewall-lines.ts";
import { accountName } from "./folder-steps.ts";
import { notWritten } from "./not-written.ts";

/** Which machine was looked at, when, and by what. */
export interface PageHead {
  readonly machine: string;
  readonly system: string;
  readonly account: string;
  readonly version: string;
  readonly atMs: number;
}

/** @throws {AgentError} `FILE_EXISTS`, `FILE_NOT_WRITABLE` */
export function writePage(file: string, report: Report, version: string): void {
  const head = {
    ...{ machine: hostname(), system: `${type()} ${release()}` },
    ...{ account: accountName(), version, atMs: systemClock.nowMs() },
  };
  try {
    createFile(file, doctorPage(report, head), 0o640);
  } catch (error) {
    throw notWritten(error);
  }
}

const SAID: Readonly<Record<Verdict, string>> = {
  problem: "The agent will not run like this: see the problems below.",
  warning: "The agent runs; the warnings below should be dealt with.",
  notice: "Nothing stands in the way; there are notices to read.",
  ok: "Everything is as it should be.",
};

/** Pure. */
export function doctorPage(report: Report, head: PageHead): string {
  const { checks, verdict } = report;
  const sections = [...new Set(checks.map(({ section }) => section))];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Holdfast doctor, ${head.machine}</title>
<style>${CSS}</style>
</head>
<body>
<header>
<h1>Holdfast: is this machine fit for the gateway?</h1>
<p class="verdict ${verdict}">${SAID[verdict]}</p>
<dl>${pairs(head, checks)}</dl>
</header>
<main>
${toDo(checks)}
${sections.map((section) =>
  sectionTable(
    section,
    checks.filter((check) => check.section === section),
  ),
)}
${firewallTable(report.firewall)}
</main>
<footer>Made by <code>holdfast doctor --page</code> on the machine itself. It has no message, no key and no password in it.</footer>
</body>
</html>
`;
  return page.toString();
}

function pairs(head: PageHead, checks: readonly Check[]): Html[] {
  const counts = VERDICTS.toReversed().map((one) => {
    const count = checks.filter(({ verdict }) => verdict === one).length;
    return `${count} ${one}`;
  });
  const rows: readonly (readonly [string, string])[] = [
    ["machine", head.machine],
    ["system", head.system],
    ["looked at", new Date(head.atMs).toISOString().replace(/\.\d+Z$/, "Z")],
    ["as account", head.account],
    ["version", head.version],
    ["checks", counts.join(", ")],
  ];
  return rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`);
}

/** What somebody has to do, first. */
function toDo(checks: readonly Check[]): Html | undefined {
  const grave = checks.filter(({ verdict }) => verdict === "problem" || verdict === "warning");
  if (grave.length === 0) return undefined;
  const items = grave.map(
    ({ section, name, remedy, verdict }) =>
      html`<li>${badge(verdict)} <strong>${section}, ${name}</strong>: ${remedy}</li>`,
  );
  return html`<section><h2>To do</h2><ol>${items}</ol></section>`;
}

function sectionTable(section: string, checks: readonly Check[]): Html {
  const rows = checks.map(
    ({ verdict, name, text, remedy }) =>
      html`<tr><td>${badge(verdict)}</td><th scope="row">${name}</th><td>${text}${remedy === undefined ? undefined : html`<p class="remedy">${remedy}</p>`}</td></tr>
`,
  );
  return html`<section><h2>${section}</h2>
<table><thead><tr><th scope="col">verdict</th><th scope="col">check</th><th scope="col">found, and what to do</th></tr></thead>
<tbody>${rows}</tbody></table></section>
`;
}

function firewallTable(lines: readonly FirewallLine[]): Html | undefined {
  if (lines.length === 0) return undefined;
  const rows = lines.map(
    ({ direction, from, to, port, purpose }) =>
      html`<tr><td>${direction}</td><td>${from}</td><td>${to}</td><td>${port}</td><td>${purpose}</td></tr>
`,
  );
  return html`<section><h2>firewall, to ask for</h2>
<table class="lines"><thead><tr>${["direction", "from", "to", "port", "purpose"].map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></section>
`;
}

const badge = (verdict: Verdict): Html => html`<span class="badge ${verdict}">${verdict}</span>`;

/** Contrast of at least 4.5 to 1; on paper, the words say what colours say. */
const CSS = new Html(`
:root { color-scheme: light; font-size: 14px; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 60rem; background: #fff; color: #1c2128; overflow-wrap: anywhere;
  font: 1rem/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 0.75rem; font-size: 1.4rem; }
h2 { margin: 1.5rem 0 0.4rem; font-size: 1.05rem; }
h2::first-letter { text-transform: uppercase; }
dl { display: flex; flex-wrap: wrap; gap: 0.4rem 2rem; margin: 0; }
dt { color: #565e69; font-size: 0.85rem; }
dd { margin: 0; }
ol { margin: 0; padding-left: 1.4rem; }
li { margin: 0.2rem 0; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
th, td { padding: 0.3rem 0.5rem; border-bottom: 1px solid #dcdfe4; text-align: left; vertical-align: top; }
thead th { color: #565e69; font-weight: normal; font-size: 0.85rem; }
tbody th { font-weight: 600; }
th:nth-child(1) { width: 6.5rem; }
table:not(.lines) th:nth-child(2) { width: 11rem; }
.lines th:nth-child(4) { width: 7rem; }
.remedy { margin: 0.2rem 0 0; padding-left: 0.6rem; border-left: 3px solid #dcdfe4; color: #3b434d; }
.verdict { margin: 0 0 0.75rem; padding: 0.5rem 0.75rem; font-weight: 600; border-left: 5px solid currentColor; }
.badge { display: inline-block; min-width: 5rem; padding: 0 0.4rem; border: 1px solid currentColor; border-radius: 3px;
  text-align: center; font-size: 0.85rem; font-weight: 600; }
.ok { color: #176b40; background: #e7f4ec; }
.notice { color: #45607c; background: #eaf0f6; }
.warning { color: #8a5200; background: #fdf2dc; }
.problem { color: #b3201f; background: #fdeaea; }
code { font-family: ui-monospace, "DejaVu Sans Mono", Consolas, monospace; font-size: 0.9em; }
footer { margin-top: 1.5rem; padding-top: 0.5rem; border-top: 1px solid #dcdfe4; color: #565e69; font-size: 0.85rem; }
@page { size: A4; margin: 14mm; }
@media print {
  :root { font-size: 9.5pt; }
  body { padding: 0; max-width: none; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  tr, li, .verdict { break-inside: avoid; }
  h2 { break-after: avoid; }
  thead { display: table-header-group; }
}
`);
