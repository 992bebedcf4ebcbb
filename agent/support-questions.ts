/** What commands on this machine may ask about remote diagnostics: parsed here, at the door. @module */
import { PART_NAMES, type PartName } from "./control/bundle-parts.ts";
import { AgentError, type ErrorCode, type Facts } from "./errors.ts";
import { localActor } from "./recorded-questions.ts";
import type { SupportDesk } from "./support-desk.ts";

type Question = Partial<Record<string, unknown>>;

const ASKS = [
  ...(["supportStatus", "supportOff", "supportOn", "supportOpen", "supportClose"] as const),
  ...(["supportList", "supportShow", "bundleCreate", "bundleRelease"] as const),
];
type Ask = (typeof ASKS)[number];

export type SupportAnswer<T> =
  | { readonly done: T }
  | { readonly fault: { readonly code: ErrorCode; readonly facts: Facts } };

const askOf = (question: Question): Ask | undefined =>
  ASKS.find((name) => name === question["ask"]);

export const isAboutSupport = (question: Question): boolean => askOf(question) !== undefined;

/** Each of them is recorded by what it does, with the caller's name as claimed. */
export async function answerSupport(
  question: Question,
  desk: SupportDesk,
): Promise<SupportAnswer<unknown>> {
  try {
    return { done: await answered(question, desk) };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return { fault: { code: error.code, facts: error.facts } };
  }
}

function answered(question: Question, desk: SupportDesk): Promise<unknown> {
  const actor = localActor(question);
  switch (askOf(question)) {
    case "supportStatus":
      return Promise.resolve(desk.status);
    case "supportOff":
      return desk.off(actor);
    case "supportOn":
      return desk.on(actor);
    case "supportOpen":
      return desk.open(whole(question["hours"]), ticketOf(question["ticket"]), actor);
    case "supportClose":
      return desk.close(actor);
    case "supportList":
      return desk.list(whole(question["beforeId"]));
    case "supportShow":
      return desk.show(whole(question["id"]));
    case "bundleCreate":
      return desk.make(partsOf(question["parts"]), actor);
    case "bundleRelease":
      return desk.release(whole(question["id"]), actor);
    case undefined:
      throw new TypeError("Cannot answer an unknown question");
  }
}

function whole(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
  throw new TypeError("Cannot answer a question without its number");
}

function partsOf(value: unknown): PartName[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw new TypeError("Cannot make a bundle without a list of parts");
  return PART_NAMES.filter((name) => value.includes(name));
}

/** One line of printable text: it stands in the audit. */
function ticketOf(value: unknown): string {
  if (typeof value === "string" && /^[\x20-\x7e]{1,64}$/.test(value)) return value;
  throw new TypeError("Cannot open a window without its ticket");
}
