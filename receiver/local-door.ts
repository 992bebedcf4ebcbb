/**
 * The local socket of a running receiver, by which commands ask it: only one process may open the
 * store (05 S1), and that is the receiver.
 *
 * One connection, one question: a line of JSON. The answer is lines that begin with `=` (a line of
 * the result), and ends with `.`, or with `!` and a code of the catalogue. The folder and the mode of
 * the socket decide who may ask (0600).
 *
 * @module
 */
import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { foreignCode, identifierFrom, ReceiverError } from "./errors.ts";
import type { Log } from "./host/log.ts";
import { QUESTION_MAX_BYTES } from "./limits.ts";
import { answerTo, QUESTION, type Question } from "./questions.ts";
import type { Store } from "./store/store.ts";

/**
 * Opens the door. The store is open, so nobody else is behind a socket that is still there: it was
 * left by a receiver that was killed.
 *
 * @throws {ReceiverError} `DOOR_UNAVAILABLE`
 */
export async function openDoor(path: string, store: Store, log: Log): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    converse(socket, store).catch((error: unknown) => {
      const code = error instanceof ReceiverError ? error.code : "DOOR_FAILED";
      log.write("commandFailed", { code: identifierFrom(code) });
      if (!socket.destroyed) socket.end(`!${code}\n`);
    });
  });
  try {
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
  } catch (error) {
    server.close();
    throw new ReceiverError("DOOR_UNAVAILABLE", {
      cause: error,
      facts: { error: foreignCode(error) },
    });
  }
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function converse(socket: Socket, store: Store): Promise<void> {
  const question = await readQuestion(socket);
  for await (const line of answerTo(store, question)) {
    if (socket.destroyed) return;
    // A reader that is slow, such as a pager, does not fill our memory.
    if (!socket.write(`=${line}\n`)) await drained(socket);
  }
  socket.end(".\n");
}

async function readQuestion(socket: Socket): Promise<Question> {
  let text = "";
  socket.setEncoding("utf8");
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.endsWith("\n") || text.length > QUESTION_MAX_BYTES) break;
  }
  return QUESTION.parse(JSON.parse(text));
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}
