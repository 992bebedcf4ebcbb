/** `holdfast-receiver ask` and `bundle`: a signed question to an agent, and its answer (08 4). @module */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { parseAgentName } from "../agent-certificate.ts";
import type { AnswerLine, TakenQuestion } from "../asking.ts";
import { loadConfiguration } from "../configuration.ts";
import { foreignCode, identifierFrom, ReceiverError } from "../errors.ts";
import { pause, systemClock } from "../host/clock.ts";
import { ask } from "../local-client.ts";
import type { Question } from "../questions.ts";
import type { Output } from "./output.ts";

export interface AskOptions {
  readonly config: string;
  /** The document that `holdfast-sign command` made. */
  readonly command: string;
  /** In seconds. */
  readonly wait: number;
  readonly json?: boolean;
}

const LOOK_MS = 250;

/** Sends the question, waits, and prints the answer: JSON. */
export async function askAgent(
  output: Output,
  [name, operation]: readonly [string, string | undefined],
  options: AskOptions,
): Promise<void> {
  const { said, body } = await answered(name, operation, options);
  const bytes = Buffer.from(body ?? said ?? "", "base64");
  await output.print(bytes.toString("utf8"));
}

/** The same for a bundle, which is sealed: into a new file, for `holdfast-sign unseal`. */
export async function fetchBundle(
  output: Output,
  name: string,
  options: AskOptions & { readonly out: string },
): Promise<void> {
  const { out, json } = options;
  const file = newFile(out);
  try {
    const { said, body } = await answered(name, "bundle.create", options);
    const bytes = Buffer.from(body ?? said ?? "", "base64");
    writeFileSync(file, bytes);
    const facts = { bytes: bytes.length, out };
    await output.print(
      json === true ? JSON.stringify(facts) : `${bytes.length} bytes, sealed, in ${out}`,
    );
  } finally {
    closeSync(file);
  }
}

/** @throws {ReceiverError} `QUESTION_REFUSED` with its code, `QUESTION_FAILED`, `QUESTION_UNANSWERED` */
async function answered(
  name: string,
  operation: string | undefined,
  options: AskOptions,
): Promise<AnswerLine> {
  const agent = parseAgentName(name);
  if (agent === null) throw new ReceiverError("AGENT_NAME");
  const { stateDir, store } = loadConfiguration(options.config);
  const once = async (question: Question): Promise<string> => {
    for await (const line of ask(stateDir, question, store)) return line;
    throw new ReceiverError("DOOR_FAILED");
  };
  const envelope = readDocument(options.command).toString("base64");
  const atMs = systemClock.nowMs();
  const taken = JSON.parse(await once({ ask: "takeQuestion", envelope, atMs })) as TakenQuestion;
  const isMeant = taken.tenant === agent.tenant && taken.name === agent.name;
  if (!isMeant || (operation !== undefined && taken.op !== operation)) {
    throw new ReceiverError("COMMAND_OTHER");
  }
  const { id } = taken;
  const untilMs = systemClock.monotonicMs() + options.wait * 1_000;
  for (;;) {
    const line = await once({ ask: "questionAnswer", ...agent, id });
    const found = JSON.parse(line) as AnswerLine | null;
    if (found !== null && !found.isComing) return unlessRefused(found);
    if (systemClock.monotonicMs() >= untilMs) throw new ReceiverError("QUESTION_UNANSWERED");
    await pause(LOOK_MS);
  }
}

function unlessRefused(line: AnswerLine): AnswerLine {
  const { result, said } = line;
  if (result === "done") return line;
  const code = codeIn(said);
  const facts = code === undefined ? {} : { code: identifierFrom(code) };
  throw new ReceiverError(result === "failed" ? "QUESTION_FAILED" : "QUESTION_REFUSED", { facts });
}

/** An agent wrote it: a code and nothing else is shown. */
function codeIn(said: string | null): string | undefined {
  try {
    const found = JSON.parse(Buffer.from(said ?? "", "base64").toString("utf8")) as unknown;
    const { refused, failed } = (found ?? {}) as Readonly<Record<string, unknown>>;
    const code = refused ?? failed;
    return typeof code === "string" && /^[A-Z][A-Z_]{1,63}$/.test(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

function readDocument(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ReceiverError("SEND_FILE", { cause: error, facts: { error: foreignCode(error) } });
  }
}

/** Before anything is asked: what is answered once is answered to somebody who can keep it. */
function newFile(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    throw new ReceiverError("OUT_FILE", { cause: error, facts: { error: foreignCode(error) } });
  }
}
