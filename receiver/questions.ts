/**
 * What commands ask of a store, and its answers as lines of JSON. The same whether the running
 * receiver answers or the command has opened the store itself.
 *
 * @module
 */
import { z } from "zod";
import { ReceiverError } from "./errors.ts";
import { exportLines } from "./export.ts";
import type { AgentRecord, Store } from "./store/store.ts";
import { allAgents } from "./store/walk.ts";

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

/**
 * @returns the answer, a JSON object a line, without line ends
 * @throws {ReceiverError} `STORE_FULL`, or what ended the store
 */
export async function* answerTo(store: Store, question: Question): AsyncGenerator<string> {
  switch (question.ask) {
    case "export":
      yield* exportLines(store, question);
      break;
    case "addAgent": {
      const added = await store.addAgent(question);
      if ("kind" in added) throw new ReceiverError("STORE_FULL");
      const { agent, known } = added;
      yield JSON.stringify({ ...agentLine(agent), known } satisfies AgentLine);
      break;
    }
    case "listAgents":
      for await (const agent of allAgents(store)) yield JSON.stringify(agentLine(agent));
      break;
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
