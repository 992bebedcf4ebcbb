/**
 * What commands ask of a store, and its answers as lines of JSON. The same whether the running
 * receiver answers or the command has opened the store itself.
 *
 * @module
 */
import { z } from "zod";
import { exportLines } from "./export.ts";
import type { AgentName, AgentRecord, Store } from "./store/store.ts";

export const QUESTION = z.discriminatedUnion("ask", [
  z.strictObject({
    ask: z.literal("export"),
    withBody: z.boolean(),
    channel: z.string().nullable(),
    agent: z.strictObject({ tenant: z.string(), name: z.string() }).nullable(),
  }),
  z.strictObject({
    ask: z.literal("addAgent"),
    tenant: z.string(),
    name: z.string(),
    serialHex: z.string(),
    atMs: z.int(),
  }),
  z.strictObject({ ask: z.literal("listAgents") }),
]);
export type Question = z.infer<typeof QUESTION>;

/** One line of `agent add` and `agent list`. */
export interface AgentLine {
  readonly agent: string;
  readonly serial: string;
  readonly session: number;
  readonly addedAt: string;
  readonly lastSeenAt: string | null;
  /** Only of `agent add`: it had another or the same certificate before. */
  readonly known?: boolean;
}

/** @returns the answer, a JSON object a line, without line ends */
export async function* answerTo(store: Store, question: Question): AsyncGenerator<string> {
  switch (question.ask) {
    case "export":
      yield* exportLines(store, question);
      break;
    case "addAgent": {
      const { agent, known } = await store.addAgent(question);
      yield JSON.stringify({ ...agentLine(agent), known } satisfies AgentLine);
      break;
    }
    case "listAgents":
      for await (const agent of allAgents(store)) yield JSON.stringify(agentLine(agent));
      break;
  }
}

/** Every agent, in order of tenant and name. */
export async function* allAgents(store: Store): AsyncGenerator<AgentRecord> {
  let after: AgentName | null = null;
  while (true) {
    const page: readonly AgentRecord[] = await store.listAgents(after);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last;
  }
}

function agentLine(agent: AgentRecord): AgentLine {
  return {
    agent: `${agent.tenant}/${agent.name}`,
    serial: agent.serialHex,
    session: agent.session,
    addedAt: new Date(agent.addedAtMs).toISOString(),
    lastSeenAt: agent.helloAtMs === null ? null : new Date(agent.helloAtMs).toISOString(),
  };
}
