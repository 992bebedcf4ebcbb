/** `holdfast-receiver export`. @module */
import { parseAgentName } from "../agent-certificate.ts";
import { loadConfiguration } from "../configuration.ts";
import { ReceiverError } from "../errors.ts";
import { askInParts } from "../local-client.ts";
import type { Output } from "./output.ts";

export interface ExportOptions {
  readonly config: string;
  readonly body?: boolean;
  readonly channel?: string;
  readonly agent?: string;
}

/** Prints what is stored, one JSON object a line; works while the receiver runs. */
export async function exportMessages(output: Output, options: ExportOptions): Promise<void> {
  const agent = options.agent === undefined ? null : parseAgentName(options.agent);
  if (options.agent !== undefined && agent === null) throw new ReceiverError("AGENT_NAME");
  const { stateDir, store } = loadConfiguration(options.config);
  const question = {
    ask: "export",
    withBody: options.body ?? false,
    channel: options.channel ?? null,
    agent,
  } as const;
  for await (const part of askInParts(stateDir, question, store)) {
    const isTaken =
      typeof part === "string" ? await output.print(part) : await output.print(part.begun, "");
    if (!isTaken) return;
  }
}
