/** `GET /v1/channels`: what there is to read. @module */
import { isReserved } from "../served-channels.ts";
import type { AgentName, Store } from "../store/store.ts";
import { allAgents, allChannels } from "../store/walk.ts";
import { type Answer, json, refusal } from "./http-answer.ts";
import { CHANNELS_QUERY, problemsOf } from "./http-query.ts";
import { cursorOf } from "./json.ts";

const PAGE_COUNT = 500;

/** @returns one page in order of agent and channel, each with the cursor behind everything it holds */
export async function answerChannels(store: Store, parameters: unknown): Promise<Answer> {
  const query = CHANNELS_QUERY.safeParse(parameters);
  if (!query.success) return refusal("badRequest", {}, problemsOf(query.error));
  const { afterAgent, afterChannel = "" } = query.data;
  const lines: string[] = [];
  for await (const agent of allAgents(store)) {
    const order = afterAgent === undefined ? 1 : compareAgents(agent, afterAgent);
    if (order < 0) continue;
    for await (const { channel, epoch, lastSeq } of allChannels(store, agent.id)) {
      if (order === 0 && Buffer.compare(Buffer.from(channel), Buffer.from(afterChannel)) <= 0)
        continue;
      if (isReserved(channel)) continue;
      if (lines.length === PAGE_COUNT) return page(lines, true);
      const cursor = cursorOf({ epoch, seq: lastSeq });
      lines.push(JSON.stringify({ agent: `${agent.tenant}/${agent.name}`, channel, cursor }));
    }
  }
  return page(lines, false);
}

function page(lines: readonly string[], more: boolean): Answer {
  return json(`{"channels":[${lines.join()}],"more":${more}}`);
}

function compareAgents(a: AgentName, b: AgentName): number {
  if (a.tenant !== b.tenant) return a.tenant < b.tenant ? -1 : 1;
  return a.name === b.name ? 0 : a.name < b.name ? -1 : 1;
}
