/**
 * How a command reaches the store: through the running receiver if there is one, or by itself.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { foreignCode, isErrorCode, ReceiverError } from "./errors.ts";
import type { LinePart } from "./export.ts";
import { answerTo, type Question } from "./questions.ts";
import { doorOf, openStoreIn } from "./state-folder.ts";
import type { StoreConfiguration } from "./store-configuration.ts";

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
