/**
 * How a command reaches the store: through the running receiver if there is one, or by itself.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { foreignCode, isErrorCode, ReceiverError } from "./errors.ts";
import { answerTo, type Question } from "./questions.ts";
import { doorOf, openStoreIn } from "./state-folder.ts";

/**
 * Asks whoever holds the store in `stateDir`.
 *
 * @returns the lines of the answer, see {@link answerTo}
 * @throws {ReceiverError} `STORE_LOCKED` if another process holds the store and does not answer;
 *   `DOOR_FAILED` if the receiver broke off; or what opening the store throws
 */
export async function* ask(stateDir: string, question: Question): AsyncGenerator<string> {
  const socket = await knock(doorOf(stateDir));
  if (socket === undefined) {
    await using store = await openStoreIn(stateDir);
    yield* answerTo(store, question);
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
function knock(path: string): Promise<Socket | undefined> {
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

async function* answerOf(socket: Socket): AsyncGenerator<string> {
  for await (const line of createInterface({
    input: socket,
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line.startsWith("=")) yield line.slice(1);
    else if (line === ".") return;
    else {
      const code = line.slice(1);
      throw new ReceiverError(isErrorCode(code) ? code : "DOOR_FAILED");
    }
  }
  throw new ReceiverError("DOOR_FAILED");
}
