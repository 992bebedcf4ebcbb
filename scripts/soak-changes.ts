/** The long form of channels that change under their senders; part of `npm run soak`. @module */
import { changingSenders } from "#test/agent/running/changing-senders.ts";

/** As many as leave a store with channels and messages that a person can still look through. */
const CHANGES_A_STORE = 200;

/** @returns runs in which something was lost, doubled or cut */
export async function soakChanges(changes: number, seeds: readonly number[]): Promise<number> {
  let bad = 0;
  for (const first of seeds) {
    const runs = Math.ceil(changes / CHANGES_A_STORE);
    for (let run = 0; run < runs; run++) {
      const seed = first * 1_000 + run;
      try {
        const outcome = await changingSenders(seed, Math.min(changes, CHANGES_A_STORE));
        console.log(`seed ${seed}  ${JSON.stringify(outcome)}`);
      } catch (error) {
        bad += 1;
        console.log(`seed ${seed}  violated: ${String(error)}`);
      }
    }
  }
  return bad;
}
