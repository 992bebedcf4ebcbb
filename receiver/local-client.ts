/**
 * How a command reaches the store: through the running receiver if there is one, or by itself.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { foreignCode, isErrorCode, ReceiverError } from "./errors.ts";
import type { LinePart } from "./export.ts";
import { systemClock } from "./host/clock.ts";
import { answerTo, type Question } from "./questions.ts";
import { doorOf, openStoreIn } from "./state-folder.ts";
import type { StoreConfiguration } from "./store-configuration.ts";

/** Who asks how it is wants to hear it soon: a database that is away is waited for in vain. */
const ANSWER_WAIT_MS = 5_000;

/**
 * Asks the receiver that runs in `stateDir`, or opens the store.
 *
 * @param store where it is
 * @returns the lines of the answer, see {@link answerTo}; each is held as a whole
 * @throws {ReceiverError} `STORE_LOCKED` if another process holds the store and does not answer;
 *   `DOOR_FAILED` if the receiver broke off; or what opening the store throws
 */
export async function* ask(
  stateDir: string,
  question: Question,
  store: StoreConfiguration,
): AsyncGenerator<string> {
  let begun: string[] = [];
  for await (const part of askInParts(stateDir, question, store)) {
    if (typeof part === "string") {
      yield begun.join("") + part;
      begun = [];
    } else begun.push(part.begun);
  }
}

/**
 * Asks the receiver that runs in `stateDir`, and nobody else.
 *
 * @returns the lines of the answer
 * @throws {ReceiverError} `RECEIVER_AWAY`; `RECEIVER_SILENT` if it does not answer within five seconds; or as {@link ask}
 */
export async function askRunning(stateDir: string, question: Question): Promise<string[]> {
  const socket = await knock(doorOf(stateDir));
  if (socket === undefined) throw new ReceiverError("RECEIVER_AWAY");
  const late = Promise.withResolvers<never>();
  const silent = (): void => late.reject(new ReceiverError("RECEIVER_SILENT"));
  using _late = systemClock.after(ANSWER_WAIT_MS, silent);
  const answer = async (): Promise<string[]> => {
    const lines: string[] = [];
    for await (const part of answerOf(socket)) if (typeof part === "string") lines.push(part);
    return lines;
  };
  try {
    socket.write(`${JSON.stringify(question)}\n`);
    return await Promise.race([answer(), late.promise]);
  } finally {
    socket.destroy();
  }
}

/** The same, with what belongs to a long line as it comes. */
export async function* askInParts(
  stateDir: string,
  question: Question,
  store: StoreConfiguration,
): AsyncGenerator<LinePart> {
  const socket = await knock(doorOf(stateDir));
  if (socket === undefined) {
    await using opened = await openStoreIn(stateDir, store);
    yield* answerTo(opened, question);
    return;
  }
  try {
    socket.write(`${JSON.stringify(question)}\n`);
    yield* answerOf(socket);
  } finally {
    socket.destroy();
  }
}

/** @returns undefined if nobody is behind the door */
export function knock(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      // What is lost on the way shows as an answer without an end.
      socket.on("error", () => {});
      resolve(socket);
    });
    socket.once("error", (error) => {
      const code = foreignCode(error);
      // No socket; one that a killed receiver left; a path too long to ever have had one.
      if (code === "ENOENT" || code === "ECONNREFUSED" || code === "EINVAL") resolve(undefined);
      else reject(new ReceiverError("DOOR_UNAVAILABLE", { cause: error, facts: { error: code } }));
    });
  });
}

async function* answerOf(socket: Socket): AsyncGenerator<LinePart> {
  for await (const line of createInterface({
    input: socket,
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line.startsWith("=")) yield line.slice(1);
    else if (line.startsWith("+")) yield { begun: line.slice(1) };
    else if (line === ".") return;
    else {
      const code = line.slice(1);
      throw new ReceiverError(isErrorCode(code) ? code : "DOOR_FAILED");
    }
  }
  throw new ReceiverError("DOOR_FAILED");
}
