/** `holdfast-receiver document send` and `holdfast-receiver agent status`: signed documents down, and what came of it. @module */
import { readFileSync } from "node:fs";
import { readEnvelope } from "#documents/envelope.ts";
import { parsePayload } from "#documents/payload.ts";
import { parseAgentName } from "../agent-certificate.ts";
import { loadConfiguration } from "../configuration.ts";
import { envelopesIn } from "../documents.ts";
import { foreignCode, ReceiverError } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import { ask } from "../local-client.ts";
import type { HeadLine, SentLine } from "../questions.ts";
import type { AgentName } from "../store/store.ts";
import type { Output } from "./output.ts";

export interface DocumentOptions {
  readonly config: string;
  readonly json?: boolean;
}

/**
 * Queues envelopes for an agent; each is durable when its line is printed.
 *
 * @param files envelopes and bundles, in the order in which the agent is to take them
 */
export async function sendDocuments(
  output: Output,
  [name, files]: readonly [string, readonly string[]],
  options: DocumentOptions,
): Promise<void> {
  const agent = namedAgent(name);
  const { stateDir, store } = loadConfiguration(options.config);
  // All are read before the first is queued.
  for (const envelope of files.map(readDocument).flatMap(envelopesIn)) {
    const body = Buffer.from(envelope).toString("base64");
    const atMs = systemClock.nowMs();
    const question = { ask: "sendDocument", ...agent, envelope: body, atMs } as const;
    for await (const line of ask(stateDir, question, store)) {
      // Our own line, made by `answerTo`.
      const { id, epoch, seq } = JSON.parse(line) as SentLine;
      const text = `${envelope.length} bytes for ${name}: kept as ${id} (${epoch}/${seq})`;
      await output.print(options.json === true ? line : text);
    }
  }
}

/** Prints the newest status document that the agent has signed. */
export async function showStatus(
  output: Output,
  name: string,
  options: DocumentOptions,
): Promise<void> {
  const { stateDir, store } = loadConfiguration(options.config);
  let newest: HeadLine | undefined;
  for await (const line of ask(stateDir, { ask: "listHeads", ...namedAgent(name) }, store)) {
    // Our own line, made by `answerTo`.
    newest = JSON.parse(line) as HeadLine;
  }
  if (newest === undefined) throw new ReceiverError("STATUS_UNKNOWN");
  const { isVerified, receivedAt } = newest;
  const status = statusIn(newest);
  if (options.json === true) {
    await output.print(JSON.stringify({ isVerified, receivedAt, status }));
    return;
  }
  await output.print(
    `${name}: received ${receivedAt}, ${isVerified ? "signed by its device key" : "NOT VERIFIED: its device key is not known"}`,
  );
  for (const [key, value] of Object.entries(status)) await output.print(`  ${key}: ${value}`);
}

/** Every value of it is a number, a digest, a name or null: its schema says so. */
function statusIn({ envelope }: HeadLine): object {
  const read = readEnvelope(Buffer.from(envelope), "status");
  const parsed = "kind" in read ? read : parsePayload("status", read.payload);
  if (parsed.kind === "refused") throw new ReceiverError("STATUS_UNKNOWN");
  return parsed.document;
}

function namedAgent(name: string): AgentName {
  const agent = parseAgentName(name);
  if (agent === null) throw new ReceiverError("AGENT_NAME");
  return agent;
}

function readDocument(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ReceiverError("SEND_FILE", { cause: error, facts: { error: foreignCode(error) } });
  }
}
