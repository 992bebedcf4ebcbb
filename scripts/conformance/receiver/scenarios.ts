/** Everything that is asked of a receiver, in order. @module */
import { type Scenario, Skipped } from "../scenario.ts";
import { CUT_SCENARIOS } from "./cut-scenarios.ts";
import { EPOCH_SCENARIOS } from "./epoch-scenarios.ts";
import { FENCE_SCENARIOS } from "./fence-scenarios.ts";
import { FLOW_SCENARIOS } from "./flow-scenarios.ts";
import { FRAME_SCENARIOS } from "./frame-scenarios.ts";
import { REFUSAL_SCENARIOS } from "./refusal-scenarios.ts";
import { SESSION_SCENARIOS } from "./session-scenarios.ts";
import { STORING_SCENARIOS } from "./storing-scenarios.ts";
import type { ReceiverSubject } from "./subject.ts";
import { TRANSPORT_SCENARIOS } from "./transport-scenarios.ts";

/** Every scenario above compares by itself; this one says if none could. */
async function hasExport(subject: ReceiverSubject): Promise<void> {
  if (subject.options.exportCommand === undefined) {
    throw new Skipped("no --export COMMAND: bodies and gap records were compared with nothing");
  }
  const ledger = subject.newLedger("export");
  await using talk = await subject.stream(ledger);
  await subject.store(talk, ledger, new Uint8Array([0, 0x80, 0xff]));
  await subject.verify(ledger);
}

export const RECEIVER_SCENARIOS: readonly Scenario<ReceiverSubject>[] = [
  ...TRANSPORT_SCENARIOS,
  ...SESSION_SCENARIOS,
  ...FRAME_SCENARIOS,
  ...STORING_SCENARIOS,
  ...REFUSAL_SCENARIOS,
  ...EPOCH_SCENARIOS,
  ...FENCE_SCENARIOS,
  ...CUT_SCENARIOS,
  ...FLOW_SCENARIOS,
  {
    rule: "RI7",
    title: "what was acknowledged stands in export, and nothing else",
    run: hasExport,
  },
];
