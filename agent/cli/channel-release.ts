/** `holdfast channel release`: a person decides about the message that a delivering channel holds. @module */
import { loadLocalConfig } from "#config/local.ts";
import type { ReleaseQuestion } from "../channel-desk.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { escaped, printFacts } from "./terminal.ts";
import { askUpkeep } from "./upkeep-question.ts";

export interface ReleaseOptions extends ReleaseQuestion {
  readonly config: string;
  readonly json: boolean;
}

/** @throws {AgentError} `CHANNEL_UNKNOWN`, `CHANNEL_NOT_HELD`: nothing has changed then */
export async function channelRelease(options: ReleaseOptions): Promise<ExitCode> {
  const { channel, decision, config, json } = options;
  const { stateDir } = loadLocalConfig(config);
  const answer = await askUpkeep<ReleaseQuestion>(stateDir, {
    ...{ ask: "channelRelease", channel, decision },
  });
  const does = decision === "retry" ? "sends it again" : "has set it aside, and goes on behind it";
  printFacts(json, answer, () => [`${escaped(channel)} ${does}; status shows what comes of it`]);
  return EXIT.ok;
}
