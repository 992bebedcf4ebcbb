/** `holdfast-receiver send` and `holdfast-receiver sent`. @module */
import { readFileSync } from "node:fs";
import { parseAgentName } from "../agent-certificate.ts";
import { loadConfiguration } from "../configuration.ts";
import { foreignCode, ReceiverError } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import { SEND_MAX_BYTES } from "../limits.ts";
import { ask } from "../local-client.ts";
import type { SentLine, ToldLine } from "../questions.ts";
import type { Output } from "./output.ts";

export interface SendOptions {
  readonly config: string;
  readonly key?: string;
  readonly json?: boolean;
}

/**
 * Hands one message for a hospital system over; it is durable when this prints.
 *
 * @param file its bytes, as they are to arrive; `-` for standard input
 */
export async function send(
  output: Output,
  [name, channel, file]: readonly [string, string, string],
  options: SendOptions,
): Promise<void> {
  const agent = namedAgent(name);
  const { stateDir, store } = loadConfiguration(options.config);
  const body = readBody(file);
  const message = { channel, key: options.key ?? null, body: body.toString("base64") };
  const question = { ask: "send", ...agent, ...message, atMs: systemClock.nowMs() } as const;
  for await (const line of ask(stateDir, question, store)) {
    if (options.json === true) await output.print(line);
    else {
      // Our own line, made by `answerTo`.
      const { id, epoch, seq, known } = JSON.parse(line) as SentLine;
      const what = known ? "was taken before as" : "is kept as";
      await output.print(
        `${body.length} bytes for ${name} ${channel}: ${what} ${id} (${epoch}/${seq})`,
      );
    }
  }
}

/** Prints what became of the messages of one channel, oldest first. */
export async function listSent(
  output: Output,
  [name, channel]: readonly [string, string],
  options: { readonly config: string; readonly json?: boolean },
): Promise<void> {
  const agent = namedAgent(name);
  const { stateDir, store } = loadConfiguration(options.config);
  for await (const line of ask(stateDir, { ask: "sent", ...agent, channel }, store)) {
    if (options.json === true) {
      if (!(await output.print(line))) return;
      continue;
    }
    // Our own line, made by `answerTo`.
    const { id, epoch, seq, bytes, queuedAt, agentHasItAt, outcome } = JSON.parse(line) as ToldLine;
    const reached = agentHasItAt === null ? "waits for the agent" : `at the agent ${agentHasItAt}`;
    const ended = outcome === null ? "" : `  ${endOf(outcome)}`;
    const text = `${id}  ${epoch}/${seq}  ${bytes} bytes  ${queuedAt}  ${reached}${ended}`;
    if (!(await output.print(text))) return;
  }
}

/** Without the text and the reply of the hospital system: they may name a patient, and `--json` has them. */
function endOf(outcome: unknown): string {
  const { outcome: end, reason, code, flags } = outcome as Readonly<Record<string, unknown>>;
  const words = [end, reason, code, ...(Array.isArray(flags) ? flags : [])];
  return words.filter((word) => typeof word === "string" && WORD.test(word)).join(" ");
}

/** An agent wrote the report: what it says is no more than words here. */
const WORD = /^[A-Za-z]{1,40}$/;

function namedAgent(name: string): { readonly tenant: string; readonly name: string } {
  const agent = parseAgentName(name);
  if (agent === null) throw new ReceiverError("AGENT_NAME");
  return agent;
}

function readBody(file: string): Buffer {
  const body = readOrRefuse(file);
  if (body.length === 0 || body.length > SEND_MAX_BYTES) {
    throw new ReceiverError("SEND_REFUSED", { facts: { bytes: body.length } });
  }
  return body;
}

function readOrRefuse(file: string): Buffer {
  try {
    return readFileSync(file === "-" ? 0 : file);
  } catch (error) {
    throw new ReceiverError("SEND_FILE", { cause: error, facts: { error: foreignCode(error) } });
  }
}
