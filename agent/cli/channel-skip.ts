/** `holdfast channel skip`: a channel goes on without messages that nobody can read any more. @module */
import { loadLocalConfig } from "#config/local.ts";
import type { LostMessage, SkipAnswer } from "../channel-desk.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { escaped, printFacts, readableBytes, table } from "./terminal.ts";
import { askUpkeep } from "./upkeep-question.ts";

export interface SkipOptions {
  readonly name: string;
  readonly seq: { readonly first: number; readonly last: number };
  /** False: only says what would be lost. */
  readonly yes: boolean;
  readonly config: string;
  readonly json: boolean;
}

/** @throws {AgentError} `CHANNEL_UNKNOWN`, `CHANNEL_NOT_STOPPED`, `MESSAGE_READABLE`, `SKIP_TOO_MANY`: nothing is lost then */
export async function channelSkip({ name, seq, yes, ...options }: SkipOptions): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const answer = await askUpkeep<SkipAnswer>(stateDir, {
    ...{ ask: "channelSkip", channel: name, confirmed: yes },
    ...{ firstSeq: seq.first, lastSeq: seq.last },
  });
  printFacts(options.json, answer, () => lines(answer, seq));
  return EXIT.ok;
}

function lines(answer: SkipAnswer, seq: SkipOptions["seq"]): string[] {
  const { channel, skipped, lost, unreadableThrough } = answer;
  const place = `${escaped(channel)} epoch ${answer.epoch}`;
  const count = lost.length === 1 ? "1 message" : `${lost.length} messages`;
  return [
    skipped
      ? `Given up, ${place}: ${count}`
      : `Would be lost, ${place}: ${count}; nothing was changed`,
    ...table([["  seq", "received", "size", "control id, keyed"], ...lost.map((one) => row(one))]),
    ...(Number(unreadableThrough) > seq.last
      ? [
          `Behind it no message up to ${unreadableThrough} can be read either: --seq ${seq.first}-${unreadableThrough}`,
        ]
      : []),
    ...(skipped
      ? [
          "The channel goes on behind them; status names them as missing. Ask the sender for them: a resend is stored.",
        ]
      : [
          "If its sender still has a message, let it send that again afterwards; trace CONTROL-ID tells which it is.",
          `To go on without: holdfast channel skip ${escaped(channel)} --seq ${rangeText(seq)} --yes`,
        ]),
  ];
}

const row = ({ seq, bytes, receivedAt, token }: LostMessage): string[] => [
  `  ${seq}`,
  receivedAt ?? "-",
  bytes === undefined ? "-" : readableBytes(bytes),
  token === undefined || token === "" ? "-" : token,
];

const rangeText = ({ first, last }: SkipOptions["seq"]): string =>
  first === last ? String(first) : `${first}-${last}`;
