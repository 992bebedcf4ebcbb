/** `report` and `trace` as questions to a store. @module */
import { z } from "zod";
import { ReceiverError } from "../errors.ts";
import type { AgentRecord } from "../store/store.ts";
import { allAgents } from "../store/walk.ts";
import type { WholeStore } from "../store/whole-store.ts";
import { reportOf } from "./report.ts";
import { traceLines } from "./trace.ts";

const AGENT = z.strictObject({ tenant: z.string(), name: z.string() });

export const REPORT_QUESTION = z.strictObject({
  ask: z.literal("report"),
  agent: AGENT.nullable(),
  channel: z.string().nullable(),
  fromHour: z.int(),
  toHour: z.int(),
});
export const TRACE_QUESTION = z.strictObject({
  ask: z.literal("trace"),
  agent: AGENT,
  controlId: z.string(),
});

type ReportQuestion = z.infer<typeof REPORT_QUESTION> | z.infer<typeof TRACE_QUESTION>;

/** @returns one JSON object a line: an `AgentReport`, or a `TraceLine` @throws {ReceiverError} `AGENT_UNKNOWN` */
export async function* reportLines(
  store: WholeStore,
  question: ReportQuestion,
): AsyncGenerator<string> {
  if (question.ask === "trace") {
    const agent = await named(store, question.agent);
    for await (const line of traceLines(store, agent, question.controlId))
      yield JSON.stringify(line);
    return;
  }
  if (question.agent !== null) {
    const agent = await named(store, question.agent);
    yield JSON.stringify(await reportOf(store, agent, question));
    return;
  }
  for await (const agent of allAgents(store)) {
    yield JSON.stringify(await reportOf(store, agent, question));
  }
}

async function named(store: WholeStore, name: z.infer<typeof AGENT>): Promise<AgentRecord> {
  const agent = await store.findAgent(name);
  if (agent === null) throw new ReceiverError("AGENT_UNKNOWN");
  return agent;
}
