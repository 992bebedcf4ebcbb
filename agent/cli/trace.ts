/** `holdfast trace CONTROL-ID`: where a message is. @module */
import { loadLocalConfig } from "#config/local.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { TraceResult, TraceRow } from "../trace.ts";
import { question } from "./question.ts";
import { escaped, printFacts, table } from "./terminal.ts";

/**
 * Messages that went up are facts as they always were; what else has the control id stands behind them.
 *
 * @returns 0 if anything has the control id, 65 if nothing does
 */
export async function trace(options: {
  readonly controlId: string;
  readonly config: string;
  readonly json: boolean;
}): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const request = { ask: "trace", controlId: options.controlId };
  const found = (await question(stateDir, request)) as TraceResult;
  const { messages, quarantined, down } = found;
  const facts = [
    ...messages.map((row) => ({ kind: "message", ...row })),
    ...quarantined.map((row) => ({ kind: "quarantined", ...row })),
    ...down.map((row) => ({ kind: "down", ...row })),
  ];
  printFacts(options.json, facts, () => lines(options.controlId, found));
  return facts.length > 0 ? EXIT.ok : EXIT.badData;
}

function lines(controlId: string, { messages, quarantined, down }: TraceResult): string[] {
  const parts = [
    ...(messages.length === 0 ? [] : [messageLines(messages)]),
    ...(quarantined.length === 0 ? [] : [quarantinedLines(quarantined)]),
    ...(down.length === 0 ? [] : [downLines(down)]),
  ];
  if (parts.length === 0) {
    return [
      `Nothing with control id ${escaped(controlId)} is stored here`,
      "Looked through: messages, quarantine, and what came down and is not pruned",
    ];
  }
  return parts.flatMap((part, index) => (index === 0 ? part : ["", ...part]));
}

function quarantinedLines(rows: TraceResult["quarantined"]): string[] {
  const head = ["in quarantine", "channel", "received", "last", "count", "reason", "bytes", "from"];
  return table([
    head,
    ...rows.map((row) => [
      ...[`block ${row.block}`, row.channel, row.receivedAt, row.lastAt ?? "-", String(row.count)],
      ...[row.reason, String(row.bytes), row.source],
    ]),
  ]);
}

function downLines(rows: TraceResult["down"]): string[] {
  const head = ["came down", "epoch/seq", "received", "state", "settled", "reply", "why", "bytes"];
  return table([
    head,
    ...rows.map((row) => [
      ...[row.channel, `${row.epoch}/${row.seq}`, row.receivedAt, row.delivery],
      ...[row.settledAt ?? "-", row.code ?? "-", [row.reason ?? "-", ...row.flags].join(" ")],
      String(row.bytes),
    ]),
  ]);
}

function messageLines(rows: readonly TraceRow[]): string[] {
  return table([
    [
      "channel",
      "epoch/seq",
      "received",
      "from",
      ...(rows.some(({ file }) => file !== undefined) ? ["file"] : []),
      "bytes",
      "acknowledgment",
      "answered",
      "delivery",
      "confirmed by",
      "flags",
      "sha256",
    ],
    ...rows.map((row) => [
      row.channel,
      `${row.epoch}/${row.seq}`,
      row.receivedAt,
      row.source ?? "-",
      ...(rows.some(({ file }) => file !== undefined) ? [row.file ?? "-"] : []),
      String(row.bytes),
      row.ack,
      row.answered,
      DELIVERY[row.delivery],
      row.confirmedBy ?? "-",
      flagsOf(row),
      row.sha256?.slice(0, 16) ?? "pruned",
    ]),
  ]);
}

const DELIVERY: Readonly<Record<TraceRow["delivery"], string>> = {
  accepted: "at the receiver",
  stored: "waiting here",
  reissued: "sent under another number",
  damaged: "lost: damaged here",
  refused: "refused: in quarantine",
};

/** 03 D2, D3, E7: what is special about it. */
function flagsOf({ controlIdReused, duplicate, released, replaces, replayed }: TraceRow): string {
  const flags = [
    ...(controlIdReused ? ["id reused"] : []),
    ...(duplicate ? ["duplicate"] : []),
    ...(released ? ["from quarantine"] : []),
    ...(replaces === undefined ? [] : [`replaces ${replaces}`]),
    ...(replayed ? ["replayed"] : []),
  ];
  return flags.length === 0 ? "-" : flags.join(", ");
}
