/** Starts a folder worker as a thread or as a process, and ends it without waiting for it. @module */
import { fork } from "node:child_process";
import { ownProgram, startOwnThread } from "#packaged/own-thread.ts";
import type { Question, WorkerMessage } from "./conversation.ts";
import { FOLDER_WORKER_COMMAND } from "./worker-command.ts";

export interface HelperEvents {
  readonly onMessage: (message: WorkerMessage) => void;
  /** It has ended, or could not be started. May come more than once. */
  readonly onExit: () => void;
}

export interface Helper {
  post(question: Question): void;
  /** At once, whatever it does, and without waiting: a process that waits for a dead share goes when the share does. */
  end(): void;
  /** It has nothing to do: ends it and waits until it is gone. */
  letGo(): Promise<void>;
}

const WORKER = new URL("./worker.ts", import.meta.url);

export function startThread({ onMessage, onExit }: HelperEvents): Helper {
  // Captured, and never read: the worker's words would be names.
  const worker = startOwnThread(WORKER, { env: {}, execArgv: [], stdout: true, stderr: true });
  worker.on("message", onMessage);
  worker.on("error", onExit);
  worker.on("exit", onExit);
  worker.stdout.resume();
  worker.stderr.resume();
  return {
    post: (question) => worker.postMessage(question),
    end: () => {
      worker.unref();
      worker.terminate().catch(() => {});
    },
    letGo: async () => void (await worker.terminate()),
  };
}

export function startProcess({ onMessage, onExit }: HelperEvents): Helper {
  const child = fork(ownProgram(WORKER, FOLDER_WORKER_COMMAND), [], {
    env: {},
    execArgv: [],
    serialization: "advanced",
    windowsHide: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  // It is one of ours.
  child.on("message", (message) => onMessage(message as WorkerMessage));
  child.on("error", onExit);
  child.on("exit", onExit);
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  return {
    // A pipe that is closed is told by `exit`.
    post: (question) => void child.send(question, () => {}),
    end: () => {
      child.kill("SIGKILL");
      if (child.connected) child.disconnect();
      child.unref();
    },
    letGo: () => {
      child.kill("SIGKILL");
      return gone;
    },
  };
}
