/**
 * What commands on this machine ask about hours (03 D4): counts, telling the receiver, and message by message what the
 * receiver says that it holds. Epochs and seqs are decimal text, for they may pass 2^53.
 *
 * @module
 */
import type { CountedHour, CountedStretch } from "#reconcile/agent-lines.ts";
import { AgentError, controlIdFact } from "./errors.ts";
import type { HourPlace, HourStretch, Told } from "./outbox/hours/hour-messages.ts";
import { isReservedChannel } from "./outbox/inbox/outcome-report.ts";
import type { Outbox } from "./outbox/outbox.ts";

/** As JSON has it. */
export type StretchFact = Omit<CountedStretch, "epoch" | "first" | "last" | "after"> & {
  readonly epoch: string;
  readonly first: string;
  readonly last: string;
  /** Hexadecimal. */
  readonly after: string | null;
};

export interface HourFacts {
  readonly stretches: readonly StretchFact[];
  readonly counts: readonly CountedHour[];
  /** Where the next page begins; absent: there is no more. */
  readonly next?: HourPlace | undefined;
}

export interface HeldQuestion {
  readonly channel: string;
  readonly epoch: bigint;
  readonly afterSeq: bigint;
  readonly throughSeq: bigint;
  readonly rows: readonly { readonly seq: bigint; readonly sha256: Uint8Array }[];
}

/** One message that is not the same on both sides. */
export interface UnlikeFact {
  readonly seq: string;
  readonly kind: "absentThere" | "absentHere" | "other";
  /** Where it may be shown (08 PL4). */
  readonly controlId: string | null;
  readonly receivedAtMs: number | null;
  readonly isSettled: boolean;
}

/** More rows than one question of a command has. */
const ROWS_MAX_COUNT = 1_000;

type Question = Partial<Record<string, unknown>>;

export class HourDesk {
  readonly #outbox: Outbox;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** @throws {TypeError} if it is none of the questions about hours */
  answer(question: Question): Promise<unknown> {
    switch (question["ask"]) {
      case "hours":
        return this.page(question["after"], question["toHour"]);
      case "hoursTell":
        return this.tell();
      case "hoursCompare":
        return this.compare(heldOf(question));
      default:
        throw new TypeError("Cannot answer an unknown question");
    }
  }

  async page(after: unknown, toHour: unknown): Promise<HourFacts> {
    const place = placeOf(after);
    if (place === undefined || typeof toHour !== "number") {
      throw new TypeError("Cannot answer a question without its place");
    }
    const { stretches, counts, next } = await this.#outbox.hours.page(place, toHour);
    return { stretches: stretches.map(stretchFact), counts, next };
  }

  /** @throws {AgentError} `CHANNEL_UNKNOWN` where the store has no channel for it */
  async tell(): Promise<Told> {
    const told = await this.#outbox.hours.tell();
    if (told === undefined) throw new AgentError("CHANNEL_UNKNOWN", {});
    return told;
  }

  async compare(held: HeldQuestion): Promise<UnlikeFact[]> {
    if (isReservedChannel(held.channel)) return [];
    const found = await this.#outbox.hours.compare(held);
    return found.map(({ seq, kind, controlId, receivedAtMs, isSettled }) => ({
      ...{ seq: String(seq), kind, controlId: controlIdFact(controlId).controlId ?? null },
      ...{ receivedAtMs: receivedAtMs ?? null, isSettled },
    }));
  }
}

export const isAboutHours = ({ ask }: Question): boolean =>
  ask === "hours" || ask === "hoursTell" || ask === "hoursCompare";

function stretchFact(stretch: HourStretch): StretchFact {
  const { direction, channel, epoch, firstSeq, lastSeq, hour, copies, after, fates } = stretch;
  return {
    ...{ direction, channel, epoch: String(epoch), first: String(firstSeq), last: String(lastSeq) },
    ...{ hour, copies, after: after === undefined ? null : Buffer.from(after).toString("hex") },
    ...fates,
  };
}

function placeOf(value: unknown): HourPlace | undefined {
  const { hour, id, countHour, countChannel } = (value ?? {}) as Partial<HourPlace>;
  const numbers = [hour, id, countHour, countChannel];
  if (!numbers.every((one) => Number.isSafeInteger(one))) return undefined;
  return value as HourPlace;
}

/** @throws {TypeError} if a part of it is missing */
function heldOf({ channel, epoch, afterSeq, throughSeq, rows }: Question): HeldQuestion {
  const seq = (value: unknown): bigint => {
    if (typeof value === "string" && /^\d{1,19}$/.test(value)) return BigInt(value);
    throw new TypeError("Cannot answer a question without its number");
  };
  if (typeof channel !== "string" || !Array.isArray(rows) || rows.length > ROWS_MAX_COUNT) {
    throw new TypeError("Cannot answer a question without its rows");
  }
  return {
    ...{ channel, epoch: seq(epoch), afterSeq: seq(afterSeq), throughSeq: seq(throughSeq) },
    rows: rows.map((row: unknown) => {
      const [at, digest] = Array.isArray(row) ? (row as unknown[]) : [];
      const sha256 = Buffer.from(typeof digest === "string" ? digest : "", "hex");
      return { seq: seq(at), sha256 };
    }),
  };
}
