/** What commands on this machine may ask about outage drills: parsed here, at the door. @module */
import { DRILL_MAX_MINUTES } from "./drill-limits.ts";
import { AgentError, type ErrorCode, type Facts } from "./errors.ts";
import type { OutageDrill } from "./outage-drill.ts";
import type { DrillReport } from "./outage-drill-report.ts";
import { isReason, localActor } from "./recorded-questions.ts";

type Question = Partial<Record<string, unknown>>;

export type DrillAnswer =
  /** Without a report there was no drill since the start. */
  | { readonly done: DrillReport | null }
  | { readonly fault: { readonly code: ErrorCode; readonly facts: Facts } };

const ASKS: readonly unknown[] = ["drillStart", "drillStatus", "drillStop"];

export const isAboutDrill = ({ ask }: Question): boolean => ASKS.includes(ask);

export async function answerDrill(
  question: Question,
  drill: Pick<OutageDrill, "report" | "start" | "stop">,
): Promise<DrillAnswer> {
  try {
    return { done: (await answered(question, drill)) ?? null };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return { fault: { code: error.code, facts: error.facts } };
  }
}

async function answered(
  question: Question,
  drill: Pick<OutageDrill, "report" | "start" | "stop">,
): Promise<DrillReport | undefined> {
  const { ask, minutes, reason } = question;
  if (ask === "drillStatus") return drill.report;
  if (ask === "drillStop") return await drill.stop();
  const isTime = typeof minutes === "number" && Number.isSafeInteger(minutes);
  if (!isTime || minutes < 1 || minutes > DRILL_MAX_MINUTES) {
    throw new TypeError("Cannot begin a drill without its minutes");
  }
  if (!isReason(reason)) throw new TypeError("Cannot begin a drill without its reason");
  return await drill.start(minutes, { reason, by: localActor(question).id });
}
