/** An agent that is passed its sockets, as systemd passes them: `systemd-socket-activate` waits for somebody to connect. @module */
import { spawnSync } from "node:child_process";
import { chownSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { MllpSocket } from "./mllp-socket.ts";
import { agentCommand, Started } from "./processes.ts";

const ACTIVATE = "systemd-socket-activate";

/** `false`, or the line that says what is not tested. */
export const skipActivation =
  spawnSync(ACTIVATE, ["--version"]).status === 0
    ? false
    : "not tested: sockets that systemd passes; there is no systemd-socket-activate";

/** An account that may open no port below 1024. */
export const UNPRIVILEGED = 65_534;

/** Everything of a folder, and itself. */
export function handTo(folder: string, uid: number): void {
  const all = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const name of ["", ...all]) chownSync(join(folder, name), uid, uid);
}

export interface Activated extends AsyncDisposable {
  readonly agent: Started;
  /** Who connected first, and waits since before there was an agent. */
  readonly first: MllpSocket;
}

/**
 * @param listens as `ListenStream=` takes them, such as `127.0.0.1:104`
 * @param knock where to connect, so that the agent is started
 * @param through a command that runs another one in the same process
 */
export async function activated(
  config: string,
  listens: readonly string[],
  knock: { readonly host?: string; readonly port: number },
  through: readonly string[] = [],
): Promise<Activated> {
  const options = listens.flatMap((listen) => ["-l", listen]);
  const agent = new Started([ACTIVATE, ...options, ...through, ...agentCommand(config)]);
  try {
    const first = await knocked(agent, knock);
    return {
      ...{ agent, first },
      [Symbol.asyncDispose]: async () => {
        await first[Symbol.asyncDispose]();
        await agent[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await agent[Symbol.asyncDispose]();
    throw error;
  }
}

async function knocked(
  agent: Started,
  { port, host }: { readonly host?: string; readonly port: number },
): Promise<MllpSocket> {
  for (;;) {
    try {
      return await MllpSocket.open(port, host);
    } catch (error) {
      // It does not listen yet.
      if (!agent.isRunning) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
