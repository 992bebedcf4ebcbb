/** The simplest sender there is: one message, then wait for its reply or for the end. @module */
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const VT = Buffer.of(0x0b);
const END = Buffer.of(0x1c, 0x0d);
/** As a sender behind a slow line: each part is its own read, and its own commit where parts are stored. */
const PART_BYTES = 128 * 1024;
const PART_PAUSE_MS = 15;

/** What came back: the control id of a positive reply, another reply, or the end of the connection. */
export type Answer =
  | { readonly kind: "accepted"; readonly controlId: string }
  | { readonly kind: "other"; readonly reply: string }
  | { readonly kind: "closed" };

/** Sends one message on a connection of its own. Never rejects: a refused connection is an answer. */
export async function sendOnce(port: number, message: Uint8Array): Promise<Answer> {
  const socket = connect(port, "127.0.0.1");
  // What went wrong shows as the end of the connection.
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  const reply = replyOf(socket);
  await writePaced(socket, Buffer.concat([VT, message, END]));
  const answer = await Promise.race([reply, closed]);
  socket.destroy();
  if (answer === undefined) return { kind: "closed" };
  const controlId = /\rMSA\|AA\|([^|\r]*)/.exec(answer)?.[1];
  return controlId === undefined
    ? { kind: "other", reply: answer }
    : { kind: "accepted", controlId };
}

async function writePaced(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; at += PART_BYTES) {
    socket.write(bytes.subarray(at, at + PART_BYTES));
    if (at + PART_BYTES < bytes.length) await pause(PART_PAUSE_MS);
  }
}

function replyOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.setEncoding("latin1").on("data", (part: string) => {
      text += part;
      if (text.includes("\x1c\r")) resolve(text);
    });
  });
}

/** Whether anything accepts connections on the port. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
