/** Which identities are there when the agent starts (07 1.2). @module */
import { damaged } from "#certs/identity-folder.ts";
import type { Slot, SlotIdentity } from "#certs/slot.ts";
import type { IdentityStore } from "#certs/slots.ts";
import { AgentError } from "../errors.ts";
import type { Log } from "../host/log.ts";

/** At least one is there. */
export interface LoadedIdentities {
  readonly current: SlotIdentity | undefined;
  /** Whole, and not welcomed yet. */
  readonly next: SlotIdentity | undefined;
}

/**
 * One that is damaged does not matter while another one works; one that is open to others does.
 *
 * @throws {AgentError} `IDENTITY_MISSING` if this machine was never enrolled; `IDENTITY_FOLDER_UNSAFE`, `KEK_WRONG`;
 *   `IDENTITY_DAMAGED` if none works
 */
export function loadIdentities(store: IdentityStore, log: Log): LoadedIdentities {
  // What was enrolled since is adopted, and takes the place of a renewal.
  const slots = [store.current, found(() => store.enrolled) ?? found(() => wholeOf(store.next))];
  if (slots.every((slot) => slot === undefined)) throw noneNamed(store);
  let fault: AgentError | undefined;
  const [current, next] = slots.map((slot) => {
    try {
      return slot?.load();
    } catch (error) {
      fault = damageOf(error);
      return undefined;
    }
  });
  if (current === undefined && next === undefined) {
    throw fault ?? new AgentError("IDENTITY_MISSING", {});
  }
  if (fault !== undefined) log.fault("identityDamaged", fault);
  return { current, next };
}

/** Why no slot is in use or comes next. */
export const noneNamed = (store: IdentityStore): AgentError =>
  store.isListLost ? damaged("slots.json") : new AgentError("IDENTITY_MISSING", {});

const wholeOf = (slot: Slot | undefined): Slot | undefined =>
  slot?.isComplete === true ? slot : undefined;

function found(look: () => Slot | undefined): Slot | undefined {
  try {
    return look();
  } catch (error) {
    damageOf(error);
    return undefined;
  }
}

function damageOf(error: unknown): AgentError {
  if (error instanceof AgentError && error.code === "IDENTITY_DAMAGED") return error;
  throw error;
}
