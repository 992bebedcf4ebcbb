/** What keeps a folder channel from writing: seen in `status` at once, told as an alarm when it lasts (04 P46, P52). @module */
import type { AgentError } from "../errors.ts";
import { type Facts, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { FolderTrouble } from "./folder-sender-state.ts";

export interface TroubleParts {
  readonly channel: string;
  readonly conditions: Conditions;
  readonly clock: Clock;
}

const FULL = ["ENOSPC", "EDQUOT"];

/** @returns `undefined` if the fault is not the folder's */
export function troubleOf({ code, facts }: AgentError): FolderTrouble | undefined {
  // A drive that this account does not have comes as seldom by itself as a folder that is another one.
  if (code === "FOLDER_MOVED" || code === "FOLDER_DRIVE_LETTER") return "moved";
  if (code === "FOLDER_SILENT") return "silent";
  if (!code.startsWith("FOLDER_")) return undefined;
  return FULL.includes(String(facts["sysCode"])) ? "full" : "failing";
}

/** The trouble of one channel, for as long as it lasts. */
export class Trouble {
  readonly #parts: TroubleParts;
  #last: { readonly why: FolderTrouble; readonly facts: Facts } | undefined;

  constructor(parts: TroubleParts) {
    this.#parts = parts;
  }

  get why(): FolderTrouble | undefined {
    return this.#last?.why;
  }

  failed(why: FolderTrouble, { code, facts }: AgentError): void {
    this.#last = { why, facts: { code: identifierFrom(code), ...facts } };
  }

  /** @param count failures in a row */
  alarm(why: FolderTrouble, count: number): void {
    const { channel, conditions, clock } = this.#parts;
    const facts = { channel: identifierFrom(channel), ...this.#last?.facts, count };
    const [open, other] =
      why === "full"
        ? (["targetFull", "targetUnreachable"] as const)
        : (["targetUnreachable", "targetFull"] as const);
    conditions.close(other, channel);
    conditions.open(open, channel, facts, clock.nowMs());
  }

  end(): void {
    this.#last = undefined;
    const { channel, conditions } = this.#parts;
    conditions.close("targetFull", channel);
    conditions.close("targetUnreachable", channel);
  }
}
