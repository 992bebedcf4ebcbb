/**
 * Whether two live copies speak for one agent (TP33). Both stores keep what this function remembers
 * in the agent's row, and call it inside the transaction of HELLO.
 *
 * A pair is (store id, instance nonce): the nonce is new at each start, so one machine shows a pair,
 * then another, and never the first again. Two machines take the session from each other in turn,
 * and each shows its old pair when its turn comes. One return may be a HELLO that was late on the
 * way, and the answer to it a second; so three count.
 *
 * @module
 */
import { z } from "zod";
import type { HelloCall } from "./store.ts";

/** Pairs that are remembered of one agent (TP33). */
const PAIRS_MAX_COUNT = 8;
const RETURNS_MAX_COUNT = 3;
/**
 * All three returns have to lie within this. TP33 says 5 min; but a copy that was told FENCED stays
 * away for 150 to 300 s (TP27), so that with two copies three returns take 5 to 10 min.
 */
const RETURNS_WITHIN_MS = 900_000;

const MEMORY = z.object({
  /** Pair in hexadecimal, and when it last said HELLO; the latest comes last. */
  pairs: z.array(z.tuple([z.string(), z.int()])),
  /** When a pair returned after another had replaced it. */
  returns: z.array(z.int()),
});
type Memory = z.infer<typeof MEMORY>;

const NOTHING: Memory = { pairs: [], returns: [] };

export interface Greeting {
  /** To be kept in place of what was remembered; null if everything is to be forgotten. */
  readonly memory: string | null;
  readonly isDuplicate: boolean;
}

/**
 * Remembers a HELLO.
 *
 * @param memory what the last call returned, or null for an agent that never said HELLO, or was
 *   unlocked since
 */
export function greet(
  memory: string | null,
  { storeId, instanceNonce, atMs }: Pick<HelloCall, "storeId" | "instanceNonce" | "atMs">,
): Greeting {
  const before = memory === null ? NOTHING : MEMORY.parse(JSON.parse(memory));
  const pair = `${hex(storeId)}.${hex(instanceNonce)}`;
  const isReturn =
    before.pairs.at(-1)?.[0] !== pair && before.pairs.some(([known]) => known === pair);
  // The wall clock may have been set back: what lies ahead of it is as near as what lies behind.
  const isNear = (returnedMs: number): boolean => Math.abs(atMs - returnedMs) <= RETURNS_WITHIN_MS;
  const returns = [...before.returns.filter(isNear), ...(isReturn ? [atMs] : [])];
  if (returns.length >= RETURNS_MAX_COUNT) return { memory: null, isDuplicate: true };
  const others = before.pairs.filter(([known]) => known !== pair);
  const pairs = [...others, [pair, atMs]].slice(-PAIRS_MAX_COUNT);
  return { memory: JSON.stringify({ pairs, returns }), isDuplicate: false };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
