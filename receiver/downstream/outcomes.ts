/**
 * What agents report of deliveries (03 O10): messages on `$outcomes` (TP35), kept with the messages that
 * they speak of.
 *
 * It is an outlet like any other: in order, at least once, going on where it had come before. A report
 * that nobody can read, or that speaks of no message, is logged and left behind: it stays in the store.
 *
 * @module
 */
import { z } from "zod";
import { type Facts, ReceiverError } from "../errors.ts";
import type { OutletGap, OutletMessage } from "../outlets/event.ts";
import { isServed, OUTCOMES_CHANNEL } from "../served-channels.ts";
import type { OutgoingStore } from "../store/outgoing.ts";

/** What a store can hold: an agent may write anything, and the report is durable already. */
const NUMBER_MAX = 2n ** 63n - 1n;
/** As the agent's module `outcome-report` has it; members that are not known here are kept as they are. */
const NUMBER = z
  .string()
  .regex(/^\d{1,19}$/)
  .refine((text) => BigInt(text) <= NUMBER_MAX);
const REPORT = z.looseObject({
  schema: z.literal("holdfast.outcome/1"),
  channel: z.string().max(128).refine(isServed),
  epoch: NUMBER,
  seq: NUMBER,
});

export interface OutcomesOptions {
  readonly store: OutgoingStore;
  /** The store's number of an agent, by `tenant/name`. */
  readonly agentOf: (name: string) => Promise<number | undefined>;
  /** A report that cannot be kept. */
  readonly refused: (facts: Facts) => void;
}

export function outcomesTaker({ store, agentOf, refused }: OutcomesOptions) {
  return {
    name: OUTCOMES_CHANNEL,
    take: async (event: OutletMessage | OutletGap): Promise<void> => {
      if (event.kind === "gap") return;
      const text = Buffer.from(await event.body()).toString("utf8");
      const report = REPORT.safeParse(jsonOf(text));
      const agent = await agentOf(event.agent);
      if (!report.success || agent === undefined) {
        refused({ epoch: event.epoch, seq: event.seq });
        return;
      }
      const { channel, epoch, seq } = report.data;
      const place = { agent, channel, epoch: BigInt(epoch), seq: BigInt(seq) };
      const { kind } = await store.noteOutcome({ ...place, outcome: text });
      // Tried again by whoever hands on.
      if (kind === "busy") throw new ReceiverError("STORE_FULL");
    },
  };
}

/** V8 may take keys with escapes for others (`documents/strict-json.ts`): an agent that writes them misleads nobody but its own readers. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
