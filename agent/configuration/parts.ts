/** What the life cycle of signed configuration works with. @module */
import type { ChannelSet } from "#config/channel-set.ts";
import type { Policy } from "#config/policy.ts";
import type { PolicyPlaces } from "#config/policy-check.ts";
import { keyIdOf } from "#documents/public-key.ts";
import type { Role } from "#documents/role.ts";
import { keyFromHex } from "#documents/trust-rules.ts";
import type { TrustDocument } from "#documents/types/trust.ts";
import type { Audit } from "../audit/audit.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { TrustKeeper } from "../marks/trust-keeper.ts";
import type { TrustStore } from "../outbox/trust/trust-store.ts";
import type { RunningChannels } from "../running/running-channels.ts";

export interface ConfigurationParts {
  /** Whom documents must be for. */
  readonly recipient: { readonly tenant: string; readonly agent: string };
  /** Raw: no trust document may name it. */
  readonly deviceKey: Uint8Array;
  /** Compiled in; for the first trust document. */
  readonly anchor: Role;
  readonly configSource: "local" | "signed";
  readonly policy: Policy;
  readonly places: PolicyPlaces;
  readonly stateDir: string;
  readonly version: string;
  readonly audit: Pick<Audit, "record" | "note">;
  readonly keeper: TrustKeeper;
  readonly trust: TrustStore;
  readonly running: Pick<RunningChannels, "preflight" | "apply" | "health"> & {
    readonly set: ChannelSet;
  };
  /** Trust documents are in force, oldest first: whom the tunnel may trust is theirs to say (1.9). Never throws. */
  readonly trusted: (
    held: readonly { readonly document: TrustDocument; readonly envelope: Uint8Array }[],
  ) => void;
  /** What came with the identity in use (1.5). */
  readonly enrolment: {
    /** Envelopes of its trust chain, oldest first. */
    readonly chain: () => readonly Uint8Array[];
    /** Nobody has acted on it yet. */
    readonly isNew: () => boolean;
    /** Somebody has. Never throws. */
    readonly noted: () => void;
  };
  readonly isTunnelUp: () => boolean;
  /** Whether the receiver's host, and the proxy if there is one, take connections. Never rejects. */
  readonly isWayOpen: () => Promise<boolean>;
  /** Whether a message of our own passes through the store. Never rejects. */
  readonly synthetic: () => Promise<boolean>;
  /** Where the life cycle stands has changed: the receiver is told. Never throws. */
  readonly report: () => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly conditions: Conditions;
}

/** Of `local.yaml`, where each was judged as VT3 judges a key. */
export function hospitalRole({ approval }: Policy): Role {
  const raws = approval.hospitalKeys.flatMap((hex) => keyFromHex(hex) ?? []);
  return {
    keys: new Map(raws.map((raw) => [keyIdOf(raw), raw])),
    threshold: approval.hospitalKeyThreshold,
  };
}

/**
 * VT3 from the other side: a key belongs to one role only, also one that `local.yaml` came to list after the vendor's
 * trust document had named it.
 *
 * @throws {AgentError} `HOSPITAL_KEY_IS_VENDORS`
 */
export function refuseVendorsKeys(
  { policy }: Pick<ConfigurationParts, "policy">,
  trust: TrustDocument | undefined,
): void {
  const vendors = trust?.keys ?? {};
  const key = [...hospitalRole(policy).keys.keys()].find((keyId) => Object.hasOwn(vendors, keyId));
  if (key !== undefined)
    throw new AgentError("HOSPITAL_KEY_IS_VENDORS", { key: identifierFrom(key) });
}

/** VT3: the hospital's, and the device key. */
export const forbiddenKeys = ({
  policy,
  deviceKey,
}: Pick<ConfigurationParts, "policy" | "deviceKey">): Uint8Array[] => [
  ...hospitalRole(policy).keys.values(),
  deviceKey,
];
