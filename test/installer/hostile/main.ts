/** A program for a test: as the agent does, it gives up starting programs, and then tries, here and in a thread. @module */
import { startOnlyOwnProgram } from "#agent/host/own-programs.ts";
import { startOwnThread } from "#packaged/own-thread.ts";
import { attempts } from "./attempts.ts";

const [, , asked = "own"] = process.argv;

async function main(): Promise<void> {
  const isKept = await startOnlyOwnProgram();
  const workerData = asked;
  const thread = startOwnThread(new URL("./thread.ts", import.meta.url), { workerData });
  thread.on("message", (there) => {
    process.stdout.write(JSON.stringify({ isKept, main: attempts(asked), thread: there }));
  });
}

// Started by itself it has nothing to do.
if (asked !== "own") void main();
