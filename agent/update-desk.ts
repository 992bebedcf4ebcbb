/** What a person at the machine sees and says of updates of this program (07 section 3). @module */
import { approvalFor, type Policy } from "#config/policy.ts";
import type { AuditActor } from "./audit/entry.ts";
import { AgentError, identifierFrom } from "./errors.ts";
import type { Conditions } from "./health/conditions.ts";
import { type Chance, type Clock, systemChance, systemClock } from "./host/clock.ts";
import {
  readApproval,
  removeApproval,
  type UpdateApproval,
  writeApproval,
} from "./updater/approval.ts";
import { type Journal, JournalFile, type Outcome } from "./updater/journal.ts";
import { type Offer, readOffer } from "./updater/offer.ts";
import { placesIn, UPDATER_FOLDER, type UpdaterPlaces } from "./updater/places.ts";

/** As JSON. */
export interface UpdateStatus {
  readonly mode: Policy["updates"]["mode"];
  /** `off`: root has not enabled the updater; else what it is in the middle of. */
  readonly step: Journal["step"] | "off" | "damaged";
  readonly current: string | undefined;
  /** The release before, to which one can go back. */
  readonly previous: { readonly version: string; readonly digest: string } | undefined;
  readonly offer: Offer | undefined;
  /** The yes that waits for the updater. */
  readonly approved: { readonly digest: string; readonly by: string } | undefined;
  readonly outcome: Outcome | undefined;
}

export interface UpdateDeskParts {
  readonly policy: Policy;
  readonly stateDir: string;
  readonly places: UpdaterPlaces;
  readonly chance: Chance;
  /** Ms since 1970 (07 2.5). */
  readonly floorMs: () => number;
  /** Resolves once a transaction of the store is durable. */
  readonly probe: () => Promise<void>;
  readonly conditions: Pick<Conditions, "open" | "close">;
  readonly clock: Pick<Clock, "nowMs">;
}

export class UpdateDesk {
  readonly #parts: UpdateDeskParts;

  constructor(parts: UpdateDeskParts) {
    this.#parts = parts;
  }

  get status(): UpdateStatus {
    const { policy, places, stateDir } = this.#parts;
    const { mode } = policy.updates;
    const found = this.#journal();
    const journal = found === "damaged" ? undefined : found;
    const approval = readApproval(stateDir);
    const isOpen = approval !== undefined && !(journal?.used.includes(approval.id) ?? false);
    const { current, previous, outcome } = journal ?? {};
    const step = found === "damaged" ? found : (journal?.step ?? "off");
    return {
      ...{ mode, step, current: current?.version },
      previous: previous && { version: previous.version, digest: previous.digest },
      offer: readOffer(places.offer),
      approved: isOpen ? { digest: approval.digest, by: approval.by } : undefined,
      outcome,
    };
  }

  /** @returns `undefined` where nobody wants updates, and nobody ever did */
  get shown(): UpdateStatus | undefined {
    const { status } = this;
    return status.mode === "off" && status.step === "off" ? undefined : status;
  }

  /**
   * @param digest whole, of what is staged or of the release before
   * @param isBack the person knows that it goes back
   * @throws {AgentError} `UPDATE_OFF`, `UPDATE_APPROVAL_MODE`, `UPDATE_NOT_STAGED`, `UPDATE_GOES_BACK`
   */
  approve(digest: string, isBack: boolean, { id: by }: AuditActor): UpdateStatus {
    const { policy, stateDir, chance, floorMs } = this.#parts;
    const { mode, step, offer, previous } = this.status;
    if (mode !== "apply" || step === "off") throw new AgentError("UPDATE_OFF", {});
    // As a configuration of class `high`.
    if (approvalFor(policy.approval, "high") !== "local") {
      throw new AgentError("UPDATE_APPROVAL_MODE", {});
    }
    const isOffered = offer?.digest === digest;
    if (!isOffered && previous?.digest !== digest) throw new AgentError("UPDATE_NOT_STAGED", {});
    const goesBack = isOffered ? offer.back : true;
    if (goesBack !== isBack) throw new AgentError("UPDATE_GOES_BACK", {});
    const approval: UpdateApproval = {
      ...{ id: Buffer.from(chance.bytes(16)).toString("hex"), digest, back: isBack },
      ...(isOffered ? { name: offer.name } : {}),
      ...{ by: by.slice(0, 256), floorMs: floorMs() },
    };
    writeApproval(stateDir, approval);
    this.warn();
    return this.status;
  }

  /** Takes a yes back that was not used yet. */
  reject(): UpdateStatus {
    removeApproval(this.#parts.stateDir);
    this.warn();
    return this.status;
  }

  /** Whoever watches from afar hears that a release was not kept, until a person has approved one. */
  warn(): void {
    const { conditions, clock } = this.#parts;
    const { outcome, approved } = this.status;
    if (outcome?.kind !== "wentBack" || approved !== undefined) {
      conditions.close("updateWentBack", "");
      return;
    }
    const { to = "?", reason = "?" } = outcome;
    const facts = { version: identifierFrom(to), reason: identifierFrom(reason) };
    conditions.open("updateWentBack", "", facts, clock.nowMs());
  }

  /** The updater asks, before and after: what cannot store must not be kept. */
  async test(): Promise<{ readonly stored: true }> {
    await this.#parts.probe();
    return { stored: true };
  }

  /**
   * The updater has told what came of it, which is recorded by now: the yes is used up.
   *
   * @param digest of the package; a yes to another one, said meanwhile, stays
   */
  ended(digest: unknown): UpdateStatus {
    const isUsed = readApproval(this.#parts.stateDir)?.digest === digest;
    if (isUsed) return this.reject();
    this.warn();
    return this.status;
  }

  #journal(): Journal | "damaged" | undefined {
    try {
      return new JournalFile(this.#parts.places.journal).read();
    } catch {
      // Messages flow without it, and the updater itself says what is wrong.
      return "damaged";
    }
  }
}

/** That of this machine. */
export const updateDesk = (
  { policy, stateDir }: Pick<UpdateDeskParts, "policy" | "stateDir">,
  parts: Pick<UpdateDeskParts, "floorMs" | "probe" | "conditions">,
): UpdateDesk =>
  new UpdateDesk({
    ...{ ...parts, policy, stateDir },
    ...{ chance: systemChance, clock: systemClock, places: placesIn(UPDATER_FOLDER) },
  });
