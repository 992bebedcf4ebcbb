/** `holdfast channel hold`, and `release` of what it holds: a person stops a channel, and lets it go on. @module */
import { loadLocalConfig } from "#config/local.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { escaped, printFacts } from "./terminal.ts";
import { askUpkeep } from "./upkeep-question.ts";

export interface HoldOptions {
  readonly channel: string;
  readonly config: string;
  readonly json: boolean;
}

/** @throws {AgentError} `CHANNEL_UNKNOWN`, `AUDIT_UNWRITABLE` */
export const channelHold = (options: HoldOptions): Promise<ExitCode> =>
  asked(options, "channelHold", "is held: its messages are kept, and neither sent nor delivered");

/** @throws {AgentError} `CHANNEL_NOT_HELD`, `AUDIT_UNWRITABLE` */
export const channelUnhold = (options: HoldOptions): Promise<ExitCode> =>
  asked(options, "channelUnhold", "goes on");

async function asked(
  { channel, config, json }: HoldOptions,
  ask: string,
  said: string,
): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(config);
  const answer = await askUpkeep<{ readonly channel: string }>(stateDir, { ask, channel });
  printFacts(json, answer, () => [`${escaped(channel)} ${said}`]);
  return EXIT.ok;
}
