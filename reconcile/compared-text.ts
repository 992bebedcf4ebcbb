/** A report as text: a table for people, CSV for a spreadsheet. @module */
import { hourText, localText } from "./hours.ts";
import type { AgentLine, ComparedLine, Difference } from "./lines.ts";

const SIDES = ["agent received", "duplicates", "set aside", "refused", "stored", "digest"];

/** Both sides; the differences of a line stand behind it. */
export function comparedTable(lines: readonly ComparedLine[]): string[] {
  if (lines.length === 0) return ["No messages in these hours"];
  const head = [
    "hour (UTC)",
    "here",
    "way",
    "channel",
    ...SIDES,
    "receiver stored",
    "digest",
    "state",
  ];
  const rows = lines.map((line) => {
    const { told, held } = line;
    return [
      ...[hourText(line.hour), localText(line.hour), line.direction, printable(line.channel)],
      ...(told === null
        ? ["-", "-", "-", "-", "-", "-"]
        : [told.received, told.duplicates, told.quarantined, told.refused, told.stored].map(
            String,
          )),
      ...(told === null ? [] : [told.digest ?? "-"]),
      ...[String(held.stored), held.digest ?? "-", stateText(line)],
    ];
  });
  const [first = "", ...others] = aligned([head, ...rows]);
  const text = [first];
  for (const [index, line] of lines.entries()) {
    text.push(others[index] ?? "", ...line.differences.map((one) => `  ${differenceText(one)}`));
    if (line.unnamed > 0) text.push(`  and ${line.unnamed} more`);
    if (line.isOther) text.push(`  ${OTHER}`);
  }
  return text;
}

const OTHER =
  "the content of some is not what the agent stored; which: holdfast report --compare, with an export";

const STATES = {
  equal: "equal",
  arriving: "still on the way",
  untold: "not told yet",
  differs: "DIFFERS",
} as const;

const stateText = ({ state }: ComparedLine): string => STATES[state];

export function differenceText({
  epoch,
  seq,
  agent,
  receiver,
  controlId,
  gap,
}: Difference): string {
  const id = controlId === null ? "" : ` ${controlId}`;
  const there = { has: "has it", lacks: "does not have it", hasOther: "has other content" }[
    receiver
  ];
  const here = agent === "has" ? "has it" : "does not have it";
  return `${epoch}/${seq}${id}: the agent ${here}, the receiver ${there}${gap === undefined ? "" : ` (${gap})`}`;
}

export function comparedCsv(lines: readonly ComparedLine[]): string[] {
  const head = [
    ...["agent", "hour", "direction", "channel", "state", "agentReceived", "agentDuplicates"],
    ...["agentQuarantined", "agentRefused", "agentStored", "agentDigest", "receiverStored"],
    ...["receiverDigest", "receiverDelivered", "receiverAside", "differences"],
  ];
  const rows = lines.map(({ agent, hour, direction, channel, state, told, held, ...more }) => [
    ...[agent, hourText(hour), direction, channel, state],
    ...[told?.received, told?.duplicates, told?.quarantined, told?.refused, told?.stored],
    ...[told?.digest, held.stored, held.digest, held.delivered, held.aside],
    more.differences.length + more.unnamed,
  ]);
  return [head, ...rows].map(csvLine);
}

const AGENT_HEAD = [
  ...["received", "duplicates", "quarantined", "refused", "stored", "delivered", "acknowledged"],
  ...["waiting", "aside", "elsewhere", "digest"],
] as const satisfies readonly (keyof AgentLine)[];

export function agentTable(lines: readonly AgentLine[]): string[] {
  if (lines.length === 0) return ["No messages in these hours"];
  const rows = lines.map((line) => [
    ...[hourText(line.hour), localText(line.hour), line.direction, printable(line.channel)],
    ...AGENT_HEAD.map((what) => String(line[what] ?? "-")),
  ]);
  return aligned([["hour (UTC)", "here", "way", "channel", ...AGENT_HEAD], ...rows]);
}

export function agentCsv(lines: readonly AgentLine[]): string[] {
  const rows = lines.map((line) => [
    ...[hourText(line.hour), line.direction, line.channel],
    ...AGENT_HEAD.map((what) => line[what]),
  ]);
  return [["hour", "direction", "channel", ...AGENT_HEAD], ...rows].map(csvLine);
}

/** RFC 4180, and nothing that a spreadsheet would take for a formula. */
function csvLine(values: readonly (string | number | null | undefined)[]): string {
  return values
    .map((value) => {
      const text = printable(String(value ?? ""));
      const safe = /^[=+\-@]/.test(text) && typeof value === "string" ? `'${text}` : text;
      return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    })
    .join(",");
}

/** Names come from outside: they drive no terminal, and stay on their line. */
const printable = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
