/** `holdfast reconnect`: a person has mended what kept the agent from its receiver, and waits no longer. @module */
import { loadLocalConfig } from "#config/local.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Reconnected } from "../tunnel/tunnel.ts";
import { question } from "./question.ts";
import { printFacts } from "./terminal.ts";

/** @throws {AgentError} `AGENT_NOT_RUNNING`, `AGENT_NOT_REACHABLE` */
export async function reconnect(options: {
  readonly config: string;
  readonly json: boolean;
}): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const answer = (await question(stateDir, { ask: "reconnect" })) as Reconnected;
  printFacts(options.json, answer, () => [
    answer.dials
      ? `The tunnel was ${answer.was} and dials now; status shows what comes of it`
      : answer.was === "heldDown"
        ? "An outage drill holds the tunnel down: holdfast drill stop ends it"
        : `The tunnel is ${answer.was}: nothing to do`,
  ]);
  return EXIT.ok;
}
