/**
 * The local socket of a running receiver, by which commands ask it: only one process may open the
 * store (05 S1), and that is the receiver.
 *
 * One connection, one question: a line of JSON. The answer is lines that begin with `=` (a line of
 * the result) or `+` (its beginning, the rest follows), and ends with `.`, or with `!` and a code of the catalogue. The folder and the mode of
 * the socket decide who may ask (0600).
 *
 * @module
 */
import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { foreignCode, identifierFrom, ReceiverError } from "./errors.ts";
import { systemClock } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import { QUESTION_MAX_BYTES, QUESTION_WAIT_MS } from "./limits.ts";
import { knock } from "./local-client.ts";
import { answerTo, QUESTION, type Question } from "./questions.ts";
import type { WholeStore } from "./store/whole-store.ts";

/**
 * Opens the door. A socket behind which nobody is was left by a receiver that was killed. Somebody is
 * behind it if two receivers of one database were given the same folder.
 *
 * @param barred is called when a command has kept somebody out who may be connected
 * @throws {ReceiverError} `DOOR_UNAVAILABLE`
 */
export async function openDoor(
  path: string,
  store: WholeStore,
  { log, barred }: { readonly log: Log; readonly barred: () => void },
): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    converse(socket, store, barred).catch((error: unknown) => {
      const code = error instanceof ReceiverError ? error.code : "DOOR_FAILED";
      log.write("commandFailed", { code: identifierFrom(code) });
      if (!socket.destroyed) socket.end(`!${code}\n`);
    });
  });
  try {
    await refuseOther(path);
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
  } catch (error) {
    server.close();
    throw unavailable(error);
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

function unavailable(error: unknown): ReceiverError {
  if (error instanceof ReceiverError) return error;
  const facts = { error: foreignCode(error) };
  return new ReceiverError("DOOR_UNAVAILABLE", { cause: error, facts });
}

async function refuseOther(path: string): Promise<void> {
  const other = await knock(path);
  if (other === undefined) return;
  other.destroy();
  throw new ReceiverError("DOOR_TAKEN");
}

async function converse(socket: Socket, store: WholeStore, barred: () => void): Promise<void> {
  const question = await readQuestion(socket);
  for await (const part of answerTo(store, question, barred)) {
    if (socket.destroyed) return;
    const text = typeof part === "string" ? `=${part}\n` : `+${part.begun}\n`;
    // A reader that is slow, such as a pager, does not fill our memory.
    if (!socket.write(text)) await drained(socket);
  }
  socket.end(".\n");
}

async function readQuestion(socket: Socket): Promise<Question> {
  const chunks: string[] = [];
  let length = 0;
  socket.setEncoding("utf8");
  using _patience = systemClock.after(QUESTION_WAIT_MS, () => socket.destroy());
  for await (const part of socket.iterator({ destroyOnReturn: false })) {
    const chunk = String(part);
    chunks.push(chunk);
    length += chunk.length;
    if (chunk.endsWith("\n") || length > QUESTION_MAX_BYTES) break;
  }
  return QUESTION.parse(JSON.parse(chunks.join("")));
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
