/** `holdfast trace CONTROL-ID`: where a message is. @module */
import { loadLocalConfig } from "#config/local.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { TraceRow } from "../trace.ts";
import { question } from "./question.ts";
import { escaped, printFacts, table } from "./terminal.ts";

/** @returns 0 if at least one message has the control id, 65 if none does */
export async function trace(options: {
  readonly controlId: string;
  readonly config: string;
  readonly json: boolean;
}): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const request = { ask: "trace", controlId: options.controlId };
  const rows = (await question(stateDir, request)) as TraceRow[];
  printFacts(options.json, rows, () => lines(options.controlId, rows));
  return rows.length > 0 ? EXIT.ok : EXIT.badData;
}

function lines(controlId: string, rows: readonly TraceRow[]): string[] {
  if (rows.length === 0) {
    return [
      `No message with control id ${escaped(controlId)} is stored here`,
      "If its sender was told AR, AE, CR or CE: holdfast quarantine list",
    ];
  }
  return table([
    [
      "channel",
      "epoch/seq",
      "received",
      "from",
      ...(rows.some(({ file }) => file !== undefined) ? ["file"] : []),
      "bytes",
      "acknowledgment",
      "delivery",
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
      DELIVERY[row.delivery],
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
