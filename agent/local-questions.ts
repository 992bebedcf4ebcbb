/**
 * What commands on this machine may ask a running agent: parsed here, at the door, and nowhere else.
 *
 * @module
 */

import type { QuarantineDesk } from "./quarantine-desk.ts";
import type { AgentStatus } from "./status.ts";
import type { TraceRow } from "./trace.ts";
import type { ReplayQuestion, UpkeepDesk } from "./upkeep-desk.ts";

/** Who answers. */
export interface LocalDesk {
  status(): Promise<AgentStatus>;
  trace(controlId: string): Promise<TraceRow[]>;
  readonly quarantine: QuarantineDesk;
  readonly upkeep: UpkeepDesk;
}

/** Each kind of question with its fields; what is absent is `undefined`. */
export type LocalQuestion =
  | { readonly ask: "status" }
  | { readonly ask: "trace"; readonly controlId: string }
  | { readonly ask: "quarantineList"; readonly beforeId: number }
  | {
      readonly ask: "quarantineShow";
      readonly id: number;
      readonly from: number;
      readonly maxBytes: number;
    }
  | { readonly ask: "quarantineRelease"; readonly id: number }
  | { readonly ask: "quarantineDiscard"; readonly ids: readonly number[] }
  | { readonly ask: "backup"; readonly folder: string }
  | { readonly ask: "backupProgress" }
  | ({ readonly ask: "replay" } & ReplayQuestion)
  | { readonly ask: "rekey" };

/**
 * Answers one request.
 *
 * @param request whatever came through the socket
 * @throws {TypeError} if it is none of the questions
 * @throws {AgentError} what the answer is, where it is a refusal
 */
export function answerLocal(request: unknown, desk: LocalDesk): Promise<unknown> {
  const question = request as Partial<Record<string, unknown>>;
  const number = (name: string): number => wholeNumber(question[name]);
  switch (question["ask"]) {
    case "status":
      return desk.status();
    case "trace":
      return desk.trace(textOf(question["controlId"]));
    case "quarantineList":
      return desk.quarantine.list(number("beforeId"));
    case "quarantineShow":
      return desk.quarantine.show(number("id"), number("from"), number("maxBytes"));
    case "quarantineRelease":
      return desk.quarantine.release(number("id"));
    case "quarantineDiscard":
      return desk.quarantine.discard(listOf(question["ids"]).map(wholeNumber));
    case "backup":
      return desk.upkeep.backup(textOf(question["folder"]));
    case "backupProgress":
      return Promise.resolve(desk.upkeep.progress());
    case "replay":
      return desk.upkeep.replay(replayOf(question));
    case "rekey":
      return desk.upkeep.rekey();
    default:
      throw new TypeError("Cannot answer an unknown question");
  }
}

function replayOf(question: Partial<Record<string, unknown>>): ReplayQuestion {
  const number = (name: string): number | undefined =>
    question[name] === undefined ? undefined : wholeNumber(question[name]);
  const { controlId } = question;
  return {
    channel: textOf(question["channel"]),
    epoch: number("epoch"),
    firstSeq: number("firstSeq"),
    lastSeq: number("lastSeq"),
    fromMs: number("fromMs"),
    toMs: number("toMs"),
    controlId: controlId === undefined ? undefined : textOf(controlId),
    dryRun: question["dryRun"] !== false,
  };
}

function wholeNumber(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError("Cannot answer a question without its number");
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError("Cannot answer a question without its text");
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError("Cannot answer a question without its list");
}
