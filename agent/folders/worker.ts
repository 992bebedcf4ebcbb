/**
 * The worker's end: a thread for a local folder, a process for a network share (04 P46). It serves one
 * folder, in the order in which it is asked.
 *
 * It has no keys, no network, no environment, and writes nothing to standard output or error: what
 * it knows are names, and names are patient data (04 P34).
 *
 * @module
 */
import { parentPort } from "node:worker_threads";
import { AgentError, codeOf, identifierFrom } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import type { Handlers, Question, WorkerMessage, WorkerVoice } from "./conversation.ts";
import type { FolderMethods } from "./methods.ts";
import { outletMethods } from "./outlet-methods.ts";
import { pickupMethods } from "./pickup.ts";
import { probeMethods } from "./probe-method.ts";
import { trialMethods } from "./standing.ts";

/** Often enough for every watchdog; a message costs as much as a small file. */
const ALIVE_EVERY_MS = 1_000;

const post: (message: WorkerMessage) => void =
  parentPort === null
    ? (message) => void process.send?.(message)
    : (message) => parentPort?.postMessage(message, ownMemoryOf(message));

/** A slice of a large file goes over as it is; many small ones are cheaper copied. */
function ownMemoryOf(message: WorkerMessage): ArrayBuffer[] {
  const bytes = "answer" in message ? message.answer : undefined;
  return bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
}

let saidMs = systemClock.monotonicMs();
const voice: WorkerVoice = {
  touched: () => {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - saidMs < ALIVE_EVERY_MS) return;
    saidMs = nowMs;
    post({ alive: true });
  },
  hint: () => post({ hint: true }),
};

/** Here every part of methods is plugged in. */
const allMethods: Handlers<FolderMethods> = {
  ...pickupMethods({ clock: systemClock, voice }),
  ...probeMethods(),
  ...trialMethods(),
  ...outletMethods({ clock: systemClock, voice }),
};

const methods: Readonly<Record<string, ((ask: never) => unknown) | undefined>> = allMethods;

function answerTo({ id, method, ask }: Question): WorkerMessage {
  saidMs = systemClock.monotonicMs();
  try {
    const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (handler === undefined) throw new AgentError("AGENT_DEFECT", {});
    // The asking side checks it by `FolderMethods`; both are of one version.
    return { id, answer: handler(ask as never) };
  } catch (error) {
    const { code, facts } = faultOf(error, method);
    return { id, fault: { code, facts } };
  }
}

/** What the system said and nobody has translated: its text has a path in it. */
function faultOf(error: unknown, step: string): AgentError {
  if (error instanceof AgentError) return error;
  const isOfSystem = error instanceof Error && "syscall" in error;
  const facts = { step: identifierFrom(step), sysCode: codeOf(error) };
  return new AgentError(isOfSystem ? "FOLDER_FAILED" : "AGENT_DEFECT", facts, { cause: error });
}

const hear = (question: Question): void => post(answerTo(question));
if (parentPort === null) {
  process.on("message", hear);
  // Whoever asked has ended, or lets go.
  process.on("disconnect", () => process.exit(0));
} else {
  parentPort.on("message", hear);
}
post({ alive: true });
