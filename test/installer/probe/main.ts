/** A program for a test: it, and a thread of it, say where in the source they stand. @module */
import { ownFrame } from "#defects/own-frame.ts";
import { startOwnThread } from "#packaged/own-thread.ts";

const thread = startOwnThread(new URL("./thread.ts", import.meta.url), {});
thread.on("message", (frame) => {
  const main = ownFrame(new Error("of the program"));
  process.stdout.write(JSON.stringify({ main, thread: frame }));
});
