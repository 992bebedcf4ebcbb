/** `holdfast replay`: sends messages again that the receiver has already confirmed. @module */
import { loadLocalConfig } from "#config/local.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { fromPlain } from "../outbox/format/fault.ts";
import type { ReplayedPlace, ReplayResult } from "../outbox/upkeep/replay-selection.ts";
import { escaped, printFacts, readableBytes } from "./terminal.ts";
import { askUpkeep } from "./upkeep-question.ts";

export interface ReplayOptions {
  readonly channel: string;
  readonly epoch: number | undefined;
  readonly seq: { readonly first: number; readonly last: number } | undefined;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  /** MSH-10 as text. */
  readonly controlId: string | undefined;
  readonly dryRun: boolean;
  readonly config: string;
  readonly json: boolean;
}

/** @throws {AgentError} `REPLAY_EMPTY` if nothing is sent, or would be; what stopped it on the way */
export async function replay(options: ReplayOptions): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const { channel, epoch, seq, fromMs, toMs, controlId, dryRun } = options;
  const result = await askUpkeep<ReplayResult>(stateDir, {
    ...{ ask: "replay", channel, epoch, fromMs, toMs, controlId, dryRun },
    ...{ firstSeq: seq?.first, lastSeq: seq?.last },
  });
  printFacts(options.json, { dryRun, ...result }, () => lines(options, result));
  if (result.fault !== undefined) throw fromPlain(result.fault);
  if (result.count === 0) throw new AgentError("REPLAY_EMPTY", {});
  return EXIT.ok;
}

function lines(options: ReplayOptions, result: ReplayResult): string[] {
  const { count, first, last, appended, pruned, unsettled, damaged } = result;
  return [
    count === 0 ? nothingLine(options, result) : countLine(options, result),
    ...(first === undefined || last === undefined
      ? []
      : [`  from ${placeText(first)}`, `  to   ${placeText(last)}`]),
    ...(appended === undefined
      ? []
      : [`  as epoch ${appended.epoch}, ${appended.first} to ${appended.last}`]),
    ...(pruned === 0
      ? []
      : [`  left out: ${pruned} whose bodies are pruned already (retainHours)`]),
    ...(unsettled === 0
      ? []
      : [`  left out: ${unsettled} that the receiver has not confirmed yet: they leave anyway`]),
    ...(damaged === 0 ? [] : [`  left out: ${damaged} that are damaged`]),
    ...result.damagedPlaces.map((place) => `    ${placeText(place)}`),
  ];
}

function countLine({ channel, dryRun }: ReplayOptions, { count, bytes }: ReplayResult): string {
  const what = `${count} messages of ${escaped(channel)} (${readableBytes(bytes)})`;
  return dryRun ? `Would send again: ${what}; nothing was changed` : `Sent again: ${what}`;
}

/** What was looked at, so that a person sees which part of the selection was wrong. */
function nothingLine(options: ReplayOptions, { looked }: ReplayResult): string {
  const { channel, epoch, seq, fromMs, toMs, controlId } = options;
  const within = [
    ...(epoch === undefined ? [] : [`of epoch ${epoch}`]),
    ...(seq === undefined ? [] : [`numbered ${seq.first} to ${seq.last}`]),
  ];
  const wanted = [
    ...(fromMs === undefined ? [] : [`received at or after ${new Date(fromMs).toISOString()}`]),
    ...(toMs === undefined ? [] : [`received at or before ${new Date(toMs).toISOString()}`]),
    ...(controlId === undefined ? [] : [`with control id ${escaped(controlId)}`]),
  ];
  const where = [`${looked} messages of ${escaped(channel)}`, ...within].join(", ");
  const what = wanted.length === 0 ? "" : `, for those ${wanted.join(", ")}`;
  return `Nothing to send again: looked at ${where}${what}`;
}

const placeText = ({ epoch, seq, receivedAtMs }: ReplayedPlace): string =>
  `${epoch}/${seq}, received ${new Date(receivedAtMs).toISOString()}`;
