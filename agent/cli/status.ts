/** `holdfast status`: what works, what does not, why. @module */
import { loadLocalConfig } from "#config/local.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { AgentStatus } from "../status.ts";
import { configurationLines } from "./configuration-lines.ts";
import { question } from "./question.ts";
import { supportLines } from "./support.ts";
import { printFacts, readableBytes, table } from "./terminal.ts";
import { updateLines } from "./update-lines.ts";

/** @returns 0 if nothing needs attention, 69 if something does: scripts can act on it */
export async function status(options: {
  readonly config: string;
  readonly json: boolean;
}): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const found = (await question(stateDir, { ask: "status" })) as AgentStatus;
  printFacts(options.json, found, () => lines(found));
  return found.health === "ok" ? EXIT.ok : EXIT.unavailable;
}

function lines(status: AgentStatus): string[] {
  const { tunnel, store } = status;
  const channels = status.channels.map((channel) => [
    channel.name,
    listensOn(channel),
    channel.folder === undefined ? String(channel.connections) : "-",
    String(channel.stored),
    String(channel.waiting),
    channel.oldestWaitingAt ?? "-",
  ]);
  return [
    `holdfast ${status.version}, process ${status.pid}, since ${status.startedAt}: ${status.health}`,
    ...tunnelLines(tunnel),
    ...(status.configuration === undefined ? [] : configurationLines(status.configuration)),
    ...identityLines(status.identity),
    ...(status.support === undefined ? [] : supportLines(status.support).slice(0, -1)),
    ...(status.updates === undefined ? [] : updateLines(status.updates)),
    "",
    ...table([
      ["channel", "takes from", "connections", "stored", "waiting", "oldest waiting"],
      ...channels,
    ]),
    ...status.channels.flatMap(folderLines),
    ...status.channels.flatMap(epochLines),
    ...deliveryLines(status.deliveries),
    ...status.missing.map(missingLine),
    "",
    `store: ${readableBytes(store.databaseBytes)}, quarantine ${store.quarantineCount} blocks`,
    `room: ${readableBytes(store.usedBytes)} of ${readableBytes(store.budgetBytes)} (${store.usedPercent} %)${roomLine(store)}`,
    `retained: ${store.retainHours} h, oldest ${store.oldestRetainedAt ?? "-"}`,
    `memory: ${readableBytes(status.memoryBytes)}`,
    ...status.alarms.flatMap(alarmLines),
    ...quietLines(status),
  ];
}

/** An alarm, and below it what is wrong because of it. */
function alarmLines(alarm: AgentStatus["alarms"][number]): string[] {
  const { code, subject, severity, since, facts, suppressed } = alarm;
  return [
    "",
    `! ${code}${about(subject)} since ${since}, ${severity}`,
    `  ${alarm.summary}`,
    `  ${alarm.remedy}`,
    `  for ${alarm.whose}: ${alarm.runbook}`,
    ...Object.entries(facts).map(([name, value]) => `  ${name}: ${value}`),
    ...suppressed.map((one) => `  because of it: ${one.code}${about(one.subject)}`),
  ];
}

/** What is wrong and no alarm, for it has just begun. */
function quietLines({ conditions, alarms }: AgentStatus): string[] {
  const shown = new Set(
    alarms.flatMap(({ code, subject, suppressed }) => [
      `${code} ${subject}`,
      ...suppressed.map((one) => `${one.code} ${one.subject}`),
    ]),
  );
  return conditions
    .filter(({ condition, subject }) => !shown.has(`${condition} ${subject}`))
    .flatMap(({ condition, subject, sinceMs, facts, remedy }) => [
      "",
      `- ${condition}${about(subject)} since ${new Date(sinceMs).toISOString()}`,
      `  ${remedy}`,
      ...Object.entries(facts).map(([name, value]) => `  ${name}: ${value}`),
    ]);
}

const about = (subject: string): string => (subject === "" ? "" : ` (${subject})`);

function roomLine({ freeBytes, ballastBytes, ballastHeld }: AgentStatus["store"]): string {
  const free = freeBytes === undefined ? "" : `, ${readableBytes(freeBytes)} free on the disk`;
  const state = ballastHeld ? "held" : "not there";
  return ballastBytes === 0 ? free : `${free}, ballast of ${readableBytes(ballastBytes)} ${state}`;
}

/** How a folder stands; what is wrong with it in words. */
function folderLines({ name, folder }: AgentStatus["channels"][number]): string[] {
  if (folder === undefined) return [];
  const { state, since, files, incomplete, inWork, toMove, lastPollAt, shareKind } = folder;
  const first =
    state === "watching"
      ? `${name}: ${files} files in the folder (${shareKind}), ${incomplete} of them not complete, ${inWork} in work, ${toMove} to be moved; last looked at ${lastPollAt ?? "not yet"}`
      : `${name}: ${state} since ${since}, ${folder.lastError ?? "no error"}`;
  const facts = Object.entries(folder.facts).map(([fact, value]) => `  ${fact}: ${value}`);
  const why = [folder.summary, folder.remedy].flatMap((text) => (text === undefined ? [] : [text]));
  const aside =
    folder.setAside === 0
      ? []
      : [`  ${folder.setAside} set aside within 90 days: holdfast files list --aside`];
  return [first, ...why.map((text) => `  ${text}`), ...facts, ...aside];
}

/** Only what is unusual: epochs that end. */
function epochLines({ name, draining, movingTo }: AgentStatus["channels"][number]): string[] {
  const leaving = draining.map(
    ({ epoch, lastSeq, ackedSeq }) =>
      `${name}: epoch ${epoch} leaves first, ${Number(lastSeq) - Number(ackedSeq)} waiting`,
  );
  return movingTo === undefined ? leaving : [...leaving, `${name}: moving to epoch ${movingTo}`];
}

function deliveryLines(deliveries: AgentStatus["deliveries"]): string[] {
  if (deliveries.length === 0) return [];
  const rows = deliveries.map((one) => [
    one.name,
    one.kind ?? "-",
    one.configured ? (one.state ?? "-") : "not configured",
    one.since ?? "-",
    String(one.counters.accepted ?? 0),
    one.lastAcceptedAt ?? "-",
    String(one.waiting),
    one.oldestWaitingAt ?? "-",
    String(one.asideCount),
  ]);
  const head = [
    ...["delivers to", "kind", "state", "since", "accepted", "last", "waiting", "oldest waiting"],
    "set aside",
  ];
  return ["", ...table([head, ...rows])];
}

function missingLine(range: AgentStatus["missing"][number]): string {
  const { channel, epoch, firstSeq, lastSeq, cause, foundAt } = range;
  const where = channel === undefined ? "quarantine" : `${channel} epoch ${epoch}`;
  const end = lastSeq === undefined ? "on, nobody knows how far" : `to ${lastSeq}`;
  return `missing: ${where}, from ${firstSeq} ${end}, ${cause}, found ${foundAt}`;
}

function tunnelLines(tunnel: AgentStatus["tunnel"]): string[] {
  const { state, since, nextAttemptInSeconds: seconds, lastError, reason } = tunnel;
  const hint = state === "sticky" ? " (at once: holdfast reconnect)" : "";
  const next = seconds === undefined ? "" : `, next attempt in ${seconds} s${hint}`;
  const first = `tunnel: ${state} since ${since}${next}`;
  if (lastError === undefined || state === "streaming" || state === "throttled") return [first];
  const { summary = "", remedy = "", facts } = tunnel;
  return [
    `${first}, last error ${lastError}${reason === undefined ? "" : ` (${reason})`}`,
    `  ${summary}`,
    `  ${remedy}`,
    ...Object.entries(facts).map(([name, value]) => `  ${name}: ${value}`),
  ];
}

/** One line; a second one only where something is wrong. */
export function identityLines(identity: AgentStatus["identity"]): string[] {
  const { serial, notAfter, generation, renewalDueAt, hasNext, lastError, reason } = identity;
  const renewed =
    renewalDueAt === undefined ? "not renewed by the agent" : `renewed at ${renewalDueAt}`;
  const count = generation === undefined ? "imported" : `generation ${generation}`;
  const next = hasNext ? ", a new one waits to be welcomed" : "";
  const first = `identity: ${serial}, ${count}, until ${notAfter}, ${renewed}${next}`;
  if (lastError === undefined) return [first];
  const why = reason === undefined ? "" : ` (${reason})`;
  return [first, `  the latest renewal failed: ${lastError}${why}`, `  ${identity.remedy ?? ""}`];
}

function listensOn(channel: AgentStatus["channels"][number]): string {
  const { configured, listening, host, port, folder } = channel;
  if (!configured) return "not configured";
  if (folder !== undefined) return `a folder: ${folder.state}`;
  return listening ? `${host}:${port}` : "closed";
}
