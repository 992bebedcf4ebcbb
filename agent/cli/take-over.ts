/**
 * What was enrolled or imported becomes the agent's identity (07 EN9): by the agent where one runs, for one process
 * writes; otherwise here, once a receiver has taken it.
 *
 * @module
 */
import type { IdentityStore } from "#certs/slots.ts";
import type { LocalConfig } from "#config/local.ts";
import { AgentError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { keepAlive } from "../host/keep-alive.ts";
import type { Way } from "../identity/doors.ts";
import type { AgentStatus } from "../status.ts";
import { dial } from "../tunnel/dial.ts";
import { question } from "./question.ts";
import { askUpkeep, isRunning } from "./upkeep-question.ts";

export interface TakenOver {
  /** A receiver has taken it, and it is in use. */
  readonly isWelcomed: boolean;
  /** Why it has not, if that was tried here. It stays, and is tried first by the next start. */
  readonly error?: AgentError;
}

export interface TakeOver {
  readonly config: LocalConfig;
  readonly store: IdentityStore;
  readonly way: Way;
  /** Of the new certificate. */
  readonly serialHex: string;
}

/** A running agent gives what is in flight ten seconds before it dials anew. */
const LOOKS = 60;
const LOOK_MS = 500;

/** @throws {AgentError} `IDENTITY_…`; what the running agent says */
export async function takeOver({ config, store, way, serialHex }: TakeOver): Promise<TakenOver> {
  if (await isRunning(config.stateDir)) {
    await askUpkeep(config.stateDir, { ask: "identityAdopt" });
    return { isWelcomed: await isTaken(config.stateDir, serialHex, way.clock) };
  }
  const slot = store.adopt();
  if (slot === undefined) throw new AgentError("IDENTITY_MISSING", {});
  try {
    // Only HELLO begins a session: this ends before it.
    const { webSocket } = await dial({ ...way, identity: slot.load() });
    webSocket.terminate();
  } catch (error) {
    return { isWelcomed: false, error: unreached(error) };
  }
  store.promote(slot.name, way.clock.nowMs());
  return { isWelcomed: true };
}

/** Whether the running agent has come to use it. */
async function isTaken(stateDir: string, serialHex: string, clock: Clock): Promise<boolean> {
  using _waiting = keepAlive();
  for (let look = 0; look < LOOKS; look++) {
    const { identity } = (await question(stateDir, { ask: "status" })) as AgentStatus;
    if (identity.serial === serialHex && !identity.hasNext) return true;
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }
  return false;
}

function unreached(error: unknown): AgentError {
  if (error instanceof AgentError && error.disposition === "retry") return error;
  throw error;
}
