/**
 * What is recorded for power cuts of signed configuration: one comes into force, another after it, a third is taken back.
 * Each promise is marked once it was made: `SEQ n`, `COMMITTED n`, `ROLLED n`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "#scripts/free-port.ts";
import { bundleOf, channelsOn, configOf, MINUTE_MS } from "#test/support/configured-documents.ts";
import { passed, Site } from "#test/support/configured-site.ts";

const PROBATION_MS = 2 * MINUTE_MS + 5_000;
/** One that was given too early stays too early. */
const QUIET_MS = 50;

async function runLoad(stateDir: string, marker: string): Promise<void> {
  const marks = openSync(marker, "w");
  const mark = (text: string): void => void writeSync(marks, `${text}\n`);
  await using site = await Site.make({ stateDir });
  await using machine = await site.start();
  let base: string | null = null;
  for (const seq of [1, 2, 3]) {
    const made = configOf({ seq, base, body: channelsOn(await freePort()) });
    await machine.imported(bundleOf(made));
    assert.equal(machine.state, "AWAITING_APPROVAL");
    mark(`SEQ ${seq}`);
    assert.equal(await machine.approved(made.digest), "PROBATION");
    if (seq === 3) {
      assert.equal(await machine.rolledBack(), "ROLLED_BACK");
      mark(`ROLLED ${seq}`);
    } else {
      await passed(site.clock, PROBATION_MS);
      await machine.until("COMMITTED");
      mark(`COMMITTED ${seq}`);
      base = made.digest;
    }
    await pause(QUIET_MS);
  }
}

if (import.meta.main) {
  const { CRASH_DIR = "", CRASH_MARK = "" } = process.env;
  await runLoad(CRASH_DIR, CRASH_MARK);
}
