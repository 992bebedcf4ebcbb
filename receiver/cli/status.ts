/** `holdfast-receiver status`: whether a receiver runs here, and its store answers. @module */
import { loadConfiguration } from "../configuration.ts";
import { askRunning } from "../local-client.ts";
import type { StatusLine } from "../questions.ts";
import type { CommandOptions } from "./agent.ts";
import type { Output } from "./output.ts";

/** @throws {ReceiverError} `RECEIVER_AWAY`, `RECEIVER_SILENT`, or what the store says: 69 for all of them */
export async function showStatus(output: Output, options: CommandOptions): Promise<void> {
  const [line = ""] = await askRunning(loadConfiguration(options.config).stateDir, {
    ask: "status",
  });
  // Our own line, made by `answerTo`.
  const { pid } = JSON.parse(line) as StatusLine;
  const said = `the receiver runs, process ${pid}, and its store answers`;
  await output.print(options.json === true ? line : said);
}
