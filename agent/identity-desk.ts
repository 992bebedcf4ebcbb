/** Who the agent is: the identity that it keeps, or imported files; and what a person asks of it. @module */
import type { KeyObject } from "node:crypto";
import { type Identity, loadIdentity } from "#certs/identity.ts";
import { IdentityStore } from "#certs/slots.ts";
import type { LocalConfig } from "#config/local.ts";
import { type DeviceKey, deviceKeyOf } from "./audit/device-key.ts";
import { kekCustody } from "./channel-options.ts";
import { AgentError, type ErrorCode, type Facts } from "./errors.ts";
import type { Conditions } from "./health/conditions.ts";
import { systemChance, systemClock } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import { silentLog } from "./host/silent-log.ts";
import type { Tasks } from "./host/tasks.ts";
import { askOn } from "./identity/doors.ts";
import { IdentityKeeper, type IdentityStanding } from "./identity/keeper.ts";
import { loadIdentities } from "./identity/loading.ts";
import { envelopesOf, type HeldTrust, heldTrust } from "./identity/receiver-trust.ts";
import { receiverOptions } from "./receiver-options.ts";
import type { DeviceIdentity } from "./recording.ts";
import { loadOwnKek } from "./sealing/kek.ts";
import type { AgentStatus } from "./status.ts";
import { type Identities, oneIdentity } from "./tunnel/identities.ts";
import { remedyFor } from "./tunnel/refusal-reasons.ts";
import type { Tunnel } from "./tunnel/tunnel.ts";

export interface IdentityDeskParts {
  readonly config: LocalConfig;
  /** `$CREDENTIALS_DIRECTORY`. */
  readonly credentials: string | undefined;
  readonly log: Log;
  readonly conditions: Conditions;
  readonly tasks: Tasks;
}

/** Where the trust documents lie that were accepted, as far as it is asked here. */
export interface TrustDocuments {
  documents(kind: "trust", limit: number): Promise<readonly { readonly bytes: Uint8Array }[]>;
}

/** The store keeps no more of one kind. */
const TRUST_DOCUMENTS_MAX_COUNT = 2_048;

type IdentityStatus = AgentStatus["identity"];
/** As the commands take it: what failed is said there, with its facts. */
export type IdentityOutcome =
  | { readonly done: IdentityStatus }
  | { readonly fault: { readonly code: ErrorCode; readonly facts: Facts } };

/** The store of identities that a configuration means. */
export function identityStore(config: LocalConfig, credentials: string | undefined): IdentityStore {
  const { stateDir } = config;
  const kek = () => loadOwnKek(kekCustody(config.kek, credentials), stateDir);
  return new IdentityStore({ stateDir, kek, chance: systemChance });
}

/**
 * The identity that a command shows to a receiver: what the agent would show, read anew.
 *
 * @throws {AgentError} `IDENTITY_…`, `KEK_…`
 */
export function identityOf(config: LocalConfig, credentials: string | undefined): Identity {
  if (config.identity !== undefined) return loadIdentity(config.identity);
  const { current, next } = loadIdentities(identityStore(config, credentials), silentLog);
  const found = current ?? next;
  if (found === undefined) throw new AgentError("IDENTITY_MISSING", {});
  return found;
}

export class IdentityDesk implements Disposable {
  readonly identities: Identities;
  readonly #keeper: IdentityKeeper | undefined;
  readonly #store: IdentityStore | undefined;
  readonly #files: Identity | undefined;
  readonly #giveUp = new AbortController();

  /**
   * Reads what is there.
   *
   * @throws {AgentError} `IDENTITY_…`, `KEK_…`: without an identity nothing is begun
   */
  constructor(parts: IdentityDeskParts) {
    const { config, credentials } = parts;
    if (config.identity !== undefined) {
      this.#files = loadIdentity(config.identity);
      this.identities = oneIdentity(this.#files);
      return;
    }
    const { receiverUrl, proxy } = receiverOptions(config);
    const { signal } = this.#giveUp;
    this.#store = identityStore(config, credentials);
    this.#keeper = new IdentityKeeper({
      ...parts,
      store: this.#store,
      ask: askOn({ receiverUrl, proxy, clock: systemClock, signal }),
      clock: systemClock,
      chance: systemChance,
      overdueDays: config.renewalOverdueDays,
    });
    this.identities = this.#keeper;
  }

  /** Envelopes of the trust chain that came with the identity, oldest first. */
  get trustChain(): readonly Uint8Array[] {
    return envelopesOf(this.#keeper?.signer?.trustChain ?? "[]");
  }

  /** Who signs heads and marks, and for whom; `undefined` for imported files, which have no device key. */
  get device(): DeviceIdentity | undefined {
    const keeper = this.#keeper;
    const signer = keeper?.signer;
    if (signer?.keys.device === undefined) return undefined;
    const { tenant, agent, keys } = signer;
    // Asked each time: another enrolment brings another key.
    const key = followingKey(() => keeper?.signer?.keys.device ?? keys.device);
    const former = (): DeviceKey | undefined => formerKey(this.#store);
    const generation = (): number => keeper?.signer?.generation ?? 0;
    return { key, tenant, agent, generation, former };
  }

  /** What the store knows of whom to trust, before anybody is dialled. @throws {AgentError} `STORE_*` */
  async readTrust(store: TrustDocuments): Promise<void> {
    const rows = await store.documents("trust", TRUST_DOCUMENTS_MAX_COUNT);
    this.#keeper?.trusts(heldTrust(rows.map(({ bytes }) => bytes)));
  }

  /** A trust document was accepted (07 1.9): the next connection is made by it, and one that it ends, ends. */
  trusts(held: readonly HeldTrust[], tunnel: Pick<Tunnel, "distrust" | "dialNow">): void {
    const effect = this.#keeper?.trusts(held) ?? "same";
    if (effect === "withdrawn") tunnel.distrust();
    // What could not be reached may be reached now.
    else if (effect === "changed") tunnel.dialNow();
  }

  /** @param reconnect shows the identity anew @param inUse another one is in use */
  begin(reconnect: () => void, inUse: () => void): void {
    this.#keeper?.begin(reconnect, inUse);
  }

  get status(): IdentityStatus {
    return this.#files === undefined
      ? enrolledStatus(this.#kept.standing)
      : filesStatus(this.#files);
  }

  renew(): Promise<IdentityOutcome> {
    return outcome(async () => enrolledStatus(await this.#kept.renewNow()));
  }

  adopt(): Promise<IdentityOutcome> {
    return outcome(async () => enrolledStatus(await this.#kept.adopt()));
  }

  /** Nobody writes identity keys while `work` is under way. */
  readonly exclusively = <T>(work: () => Promise<T>): Promise<T> =>
    this.#keeper === undefined ? work() : this.#keeper.exclusively(work);

  [Symbol.dispose](): void {
    this.#giveUp.abort();
    this.#keeper?.[Symbol.dispose]();
  }

  /** @throws {AgentError} `RENEWAL_IMPOSSIBLE` for imported files */
  get #kept(): IdentityKeeper {
    if (this.#keeper === undefined) throw new AgentError("RENEWAL_IMPOSSIBLE", {});
    return this.#keeper;
  }
}

/** Of the identity before, while its slot is kept; `undefined`, too, for one that cannot be read. */
function formerKey(store: IdentityStore | undefined): DeviceKey | undefined {
  try {
    const device = store?.prev?.load().keys.device;
    return device && deviceKeyOf(device);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return undefined;
  }
}

/** @throws {AgentError} `DEVICE_KEY_ABSENT` once there is none any more */
function followingKey(keyNow: () => KeyObject | undefined): DeviceKey {
  const now = (): DeviceKey => {
    const key = keyNow();
    if (key === undefined) throw new AgentError("DEVICE_KEY_ABSENT", {});
    return deviceKeyOf(key);
  };
  return {
    get raw() {
      return now().raw;
    },
    sign: (bytes) => now().sign(bytes),
    verify: (bytes, signature) => now().verify(bytes, signature),
  };
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

function filesStatus({ serialHex, notAfterMs }: Identity): IdentityStatus {
  return {
    ...{ source: "files", serial: serialHex, notAfter: isoOf(notAfterMs) },
    ...{ generation: undefined, renewalDueAt: undefined, hasNext: false },
    ...{ lastError: undefined, reason: undefined, remedy: undefined },
  };
}

function enrolledStatus(standing: IdentityStanding): IdentityStatus {
  const { serialHex, notAfterMs, renewalDueMs, generation, hasNext, lastError } = standing;
  const reason = lastError?.facts["code"] ?? lastError?.facts["sysCode"];
  return {
    ...{ source: "enrolled", serial: serialHex, notAfter: isoOf(notAfterMs), generation, hasNext },
    renewalDueAt: renewalDueMs === undefined ? undefined : isoOf(renewalDueMs),
    lastError: lastError?.code,
    reason: reason === undefined ? undefined : String(reason),
    remedy: lastError === undefined ? undefined : remedyFor(lastError),
  };
}

async function outcome(work: () => Promise<IdentityStatus>): Promise<IdentityOutcome> {
  try {
    return { done: await work() };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return { fault: { code: error.code, facts: error.facts } };
  }
}
