/** What commands on this machine may ask about signed configuration: parsed here, at the door. @module */
import type { ConfigurationDesk } from "./configuration-desk.ts";
import { AgentError } from "./errors.ts";
import { localActor } from "./recorded-questions.ts";

type Question = Partial<Record<string, unknown>>;

const ASKS = [
  ...(["configStatus", "configBody", "configDifference", "configImport"] as const),
  ...(["configDecide", "configRollback", "configRepair"] as const),
];
type Ask = (typeof ASKS)[number];

/** Those that bring a bundle. */
export const BUNDLED: readonly Ask[] = ["configImport", "configRepair"];

const askOf = (question: Question): Ask | undefined =>
  ASKS.find((name) => name === question["ask"]);

export const isAboutConfiguration = (question: Question): boolean => askOf(question) !== undefined;

/** Each of them is recorded by what it does, with the caller's name as claimed. @throws {AgentError} `CONFIG_NOT_SIGNED` */
export async function answerConfiguration(
  question: Question,
  desk: ConfigurationDesk | undefined,
): Promise<unknown> {
  if (desk === undefined) throw new AgentError("CONFIG_NOT_SIGNED", {});
  const actor = localActor(question);
  switch (askOf(question)) {
    case "configStatus":
      return desk.status;
    case "configBody":
      return await desk.body(optionalText(question["digest"]));
    case "configDifference":
      return await desk.difference(text(question["digest"]));
    case "configImport":
      return await desk.import(text(question["bundle"]), actor);
    case "configDecide": {
      const decision = question["decision"] === "approve" ? "approve" : "reject";
      return await desk.decide(text(question["digest"]), decision, actor);
    }
    case "configRollback":
      return await desk.rollBack(actor);
    case "configRepair":
      return await desk.repair(optionalText(question["bundle"]), actor);
    case undefined:
      throw new TypeError("Cannot answer an unknown question");
  }
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError("Cannot answer a question without its text");
}

const optionalText = (value: unknown): string | undefined =>
  value === undefined ? undefined : text(value);
