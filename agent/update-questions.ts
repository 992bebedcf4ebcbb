/** What commands on this machine, and the updater, may ask about updates: parsed here, at the door. @module */
import { localActor } from "./recorded-questions.ts";
import type { UpdateDesk } from "./update-desk.ts";

type Question = Partial<Record<string, unknown>>;

const ASKS = [
  "updateStatus",
  "updateApprove",
  "updateReject",
  "updateTest",
  "updateEnded",
] as const;
type Ask = (typeof ASKS)[number];

const askOf = (question: Question): Ask | undefined =>
  ASKS.find((name) => name === question["ask"]);

export const isAboutUpdates = (question: Question): boolean => askOf(question) !== undefined;

/** @throws {AgentError} what the answer is, where it is a refusal */
export async function answerUpdate(question: Question, desk: UpdateDesk): Promise<unknown> {
  switch (askOf(question)) {
    case "updateStatus":
      return desk.status;
    case "updateApprove": {
      const { digest, back } = question;
      if (typeof digest !== "string") throw new TypeError("Cannot approve without a digest");
      return desk.approve(digest.toLowerCase(), back === true, localActor(question));
    }
    case "updateReject":
      return desk.reject();
    case "updateTest":
      return await desk.test();
    case "updateEnded":
      return desk.ended((question["outcome"] as Question | undefined)?.["digest"]);
    case undefined:
      throw new TypeError("Cannot answer an unknown question");
  }
}
