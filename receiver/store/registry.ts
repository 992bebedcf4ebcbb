/**
 * The register of identities: what a store keeps so that agents can enrol, renew and be kept out (07 1.4 to
 * 1.8). The rules of {@link Store} hold: an answer comes after its flushed commit.
 *
 * What it holds lets nobody enrol, renew or connect: public keys, digests, certificates (I21).
 *
 * @module
 */
import type { Identity } from "./identity-record.ts";
import type { AddAgentResult, AgentName, AgentRecord } from "./store.ts";

type Busy = { readonly kind: "busy" };

export interface ChangeIdentityCall {
  readonly agent: number;
  /** That was read: if the row has another by now, nothing is changed. */
  readonly revision: number;
  /** Of the current certificate; empty for none. */
  readonly serialHex: string;
  readonly identity: Identity;
}

/** `agent`: TENANT/AGENT; `serial`: as {@link AgentRecord} has it; `deviceKey`: 32 bytes in hexadecimal. */
export interface Denial {
  readonly kind: "agent" | "serial" | "deviceKey";
  readonly value: string;
}

export interface DenialRecord extends Denial {
  readonly atMs: number;
}

/** An agent that is connected, and the serial that it came with. */
export interface LiveIdentity {
  readonly agent: number;
  readonly serialHex: string;
}

export interface AddTrustCall {
  readonly tenant: string;
  readonly version: number;
  /** JSON. */
  readonly envelope: string;
  readonly atMs: number;
}

export interface TrustRecord {
  readonly version: number;
  readonly envelope: string;
}

export interface Registry {
  /** Adds an agent without a certificate, or finds the one that is known. */
  registerAgent(call: AgentName & { readonly atMs: number }): Promise<AddAgentResult>;
  /** Whose token that is, or was last. */
  findByToken(tokenIdHex: string): Promise<AgentRecord | null>;
  changeIdentity(call: ChangeIdentityCall): Promise<{ readonly kind: "ok" | "stale" } | Busy>;
  /** Locks it as {@link Store.hello} does: older sessions are fenced. Once locked, nothing changes. */
  lockAgent(call: { readonly agent: number; readonly atMs: number }): Promise<{
    readonly kind: "ok" | "busy";
  }>;
  /** Adds to the deny list; once there, nothing changes. */
  deny(call: DenialRecord): Promise<{ readonly kind: "ok" | "busy" }>;
  /** Takes off the deny list. */
  allow(denial: Denial): Promise<{ readonly kind: "ok" | "busy" }>;
  /** Whether any of these is on the deny list. */
  isDenied(denials: readonly Denial[]): Promise<boolean>;
  /** One page in order of kind and value; empty after the last. */
  listDenied(after: Denial | null): Promise<readonly DenialRecord[]>;
  /** Those that the gate would send away: locked, denied, or with a serial that is neither current nor next. */
  barredOf(live: readonly LiveIdentity[]): Promise<readonly LiveIdentity[]>;
  /** Keeps a trust document; `conflict` if another one has this version. */
  addTrust(call: AddTrustCall): Promise<{ readonly kind: "ok" | "conflict" } | Busy>;
  /** One page in order of the version; empty after the last. */
  trustAfter(call: {
    readonly tenant: string;
    readonly version: number;
  }): Promise<readonly TrustRecord[]>;
}

export interface RegistryStore {
  readonly registry: Registry;
}
