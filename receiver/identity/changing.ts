/**
 * To decide over what is known of an agent, and to write it: where somebody else has written meanwhile, on
 * this node or another, it is decided anew.
 *
 * @module
 */
import { ReceiverError } from "../errors.ts";
import { CHANGE_TRIES } from "../limits.ts";
import type { Identity } from "../store/identity-record.ts";
import type { Registry } from "../store/registry.ts";
import type { AgentRecord } from "../store/store.ts";

export interface Decision<T> {
  readonly answer: T;
  /** Null if nothing changes. */
  readonly change: { readonly serialHex: string; readonly identity: Identity } | null;
}

/**
 * @param find reads the agent; null if there is none
 * @param decide over the agent as it is; may be asked several times
 * @returns the answer of the decision that was written
 * @throws {ReceiverError} `AGENT_UNKNOWN`; `STORE_FULL` if nothing can be written now
 */
export async function changing<T>(
  registry: Pick<Registry, "changeIdentity">,
  find: () => Promise<AgentRecord | null>,
  decide: (agent: AgentRecord) => Decision<T> | Promise<Decision<T>>,
): Promise<T> {
  for (let tries = 0; tries < CHANGE_TRIES; tries++) {
    const agent = await find();
    if (agent === null) throw new ReceiverError("AGENT_UNKNOWN");
    const { answer, change } = await decide(agent);
    if (change === null) return answer;
    const { id, revision } = agent;
    const { kind } = await registry.changeIdentity({ agent: id, revision, ...change });
    if (kind === "ok") return answer;
    if (kind === "busy") break;
  }
  throw new ReceiverError("STORE_FULL");
}
