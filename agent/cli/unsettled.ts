/** How many messages a machine holds that are not settled, whether its agent runs or not (09 PK21). @module */
import { statSync } from "node:fs";
import { AgentError } from "../errors.ts";
import { asOwner } from "../host/accounts.ts";
import { stoppedBacklog } from "../outbox/upkeep/stopped-backlog.ts";
import type { AgentStatus } from "../status.ts";
import { question } from "./question.ts";

/** @returns `undefined` where nobody can say: the store is damaged, or this account may not look */
export async function unsettledCount(stateDir: string): Promise<bigint | undefined> {
  try {
    const { channels, deliveries } = (await question(stateDir, { ask: "status" })) as AgentStatus;
    // As numbers: they came as JSON.
    const waiting = [...channels, ...deliveries].map((one) => BigInt(one.waiting));
    return waiting.reduce((sum, count) => sum + count, 0n);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    if (error.code !== "AGENT_NOT_RUNNING") return undefined;
  }
  const found = statSync(stateDir, { throwIfNoEntry: false });
  if (found === undefined) return 0n;
  try {
    return asOwner(found, () => stoppedBacklog(stateDir));
  } catch (error) {
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}
