/** Alarms, and links into the console, as questions to a store. @module */
import { z } from "zod";
import { type AlarmWords, alarmWords } from "./alarm-words.ts";
import { openAlarms } from "./alarms.ts";
import { PERSON_NAME } from "./console/configuration.ts";
import { ROLES } from "./console/roles.ts";
import { keepLink } from "./console/sessions.ts";
import type { AgentAlarm } from "./downstream/alarm-records.ts";
import { ReceiverError } from "./errors.ts";
import type { WholeStore } from "./store/whole-store.ts";

export const ALARMS_QUESTION = z.strictObject({
  ask: z.literal("alarms"),
  agent: z.strictObject({ tenant: z.string(), name: z.string() }).nullable(),
});
export const LINK_QUESTION = z.strictObject({
  ask: z.literal("consoleLink"),
  /** SHA-256 of the secret: what stands in the link is known to its reader alone. */
  key: z.string().regex(/^[0-9a-f]{64}$/),
  name: PERSON_NAME,
  role: z.enum(ROLES),
  atMs: z.int(),
});

/** A line of `alarms`: one that is open. */
export interface AlarmLine
  extends Omit<AgentAlarm, "id" | "channel">,
    Omit<AlarmWords, "sentence" | "todo" | "runbook"> {
  readonly agent: string;
  /** Null: it is about the agent. */
  readonly channel: string | null;
  readonly summary: string;
  readonly remedy: string;
  readonly runbook: string | null;
  /** When the receiver heard it last; an agent that is away has said nothing since. */
  readonly receivedAt: string;
}

/** @returns one JSON object a line @throws {ReceiverError} `AGENT_UNKNOWN`, `CONSOLE_LINKS_FULL` */
export async function* consoleLines(
  store: WholeStore,
  question: z.infer<typeof ALARMS_QUESTION> | z.infer<typeof LINK_QUESTION>,
): AsyncGenerator<string> {
  if (question.ask === "consoleLink") {
    const isKept = await keepLink(store.console, question);
    if (!isKept) throw new ReceiverError("CONSOLE_LINKS_FULL");
    yield "{}";
    return;
  }
  const { agent } = question;
  if (agent !== null && (await store.findAgent(agent)) === null) {
    throw new ReceiverError("AGENT_UNKNOWN");
  }
  for await (const { tenant, name, receivedAt, alarms } of openAlarms(store)) {
    if (agent !== null && (agent.tenant !== tenant || agent.name !== name)) continue;
    for (const alarm of alarms) {
      yield JSON.stringify(lineOf(alarm, { agent: `${tenant}/${name}`, receivedAt }));
    }
  }
}

function lineOf(alarm: AgentAlarm, of: Pick<AlarmLine, "agent" | "receivedAt">): AlarmLine {
  const { code, channel, severity, since, suppressed, facts } = alarm;
  const { sentence: summary, todo: remedy, whose, runbook = null } = alarmWords(code);
  return {
    ...{ agent: of.agent, code, channel: channel === "" ? null : channel, severity, since },
    ...{ summary, whose, remedy, runbook, suppressed, facts, receivedAt: of.receivedAt },
  };
}
