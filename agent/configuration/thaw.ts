/** How a freeze ends (07 2.11, 2.12): numbers go on from the highest of everything readable. @module */
import type { AuditActor } from "../audit/entry.ts";
import { readLastGood } from "../marks/last-good.ts";
import { thawValues } from "../marks/trust-keeper.ts";
import type { Driver } from "./driver.ts";
import { inspectLastGood } from "./last-good-bundle.ts";
import type { Ledger } from "./ledger.ts";
import { type ConfigurationParts, forbiddenKeys } from "./parts.ts";
import { type Height, highestOf } from "./recovery.ts";

export interface Thaw {
  readonly parts: ConfigurationParts;
  readonly ledger: Ledger;
  readonly driver: Driver;
  readonly actor: AuditActor;
  /** Of the audit. */
  readonly action: "config.repaired" | "trust.enrolled";
}

/** To be called in a turn of its own. @throws {AgentError} `AUDIT_UNWRITABLE`: it is as frozen as before */
export async function thaw({ parts, ledger, driver, actor, action }: Thaw): Promise<void> {
  const { epoch, seqHigh } = highestKnown(parts, ledger);
  const draft = { actor, action, decision: `epoch ${epoch} seq ${seqHigh}` };
  await driver.advance(
    { type: "repaired", epoch, seqHigh },
    { actor, drafts: [draft], values: thawValues(new Map()) },
  );
  await parts.keeper.thawed();
  driver.noteFreeze();
}

function highestKnown(parts: ConfigurationParts, ledger: Ledger): Height {
  const { keeper, stateDir, anchor, recipient } = parts;
  const { lifeCycle, trust } = ledger;
  const bytes = readLastGood(stateDir);
  const keys = forbiddenKeys(parts);
  const lastGood =
    typeof bytes === "string"
      ? undefined
      : inspectLastGood(bytes, { anchor, recipient, forbiddenKeys: keys });
  const document = lastGood?.config.document;
  return highestOf([
    lifeCycle,
    keeper.marks,
    { epoch: trust?.configEpoch ?? 0, seqHigh: 0 },
    ...(document === undefined ? [] : [{ epoch: document.epoch, seqHigh: document.seq }]),
    // Not what a head names: an epoch begins by the signature of the trust role alone (VT6).
  ]);
}
