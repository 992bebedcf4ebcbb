/**
 * What a person at the vendor does about identities (07 1.4 to 1.8): a token for a new machine, the comparison
 * of codes, the deny list, the count of recoveries.
 *
 * @module
 */
import { ReceiverError } from "../errors.ts";
import type { Identity } from "../store/identity-record.ts";
import type { Denial, DenialRecord } from "../store/registry.ts";
import type { AgentName, AgentRecord } from "../store/store.ts";
import type { WholeStore } from "../store/whole-store.ts";
import { changing } from "./changing.ts";
import { confirm } from "./enrolment.ts";

/** 20 octets at most (RFC 5280 4.1.2.2). */
const SERIAL = /^[0-9a-f]{1,40}$/;

export interface NewToken extends AgentName {
  readonly tokenIdHex: string;
  /** Raw Ed25519. */
  readonly publicKeyHex: string;
  readonly expiresMs: number;
  readonly atMs: number;
}

/**
 * Lets one machine enrol under a name. An older token of that name is worth nothing from here on; a machine
 * that has the name goes on with it until the new one is confirmed.
 *
 * @throws {ReceiverError} `AGENT_DENIED`, `STORE_FULL`
 */
export async function addToken(store: WholeStore, token: NewToken): Promise<AgentRecord> {
  const { tenant, name, atMs, tokenIdHex: idHex, publicKeyHex, expiresMs } = token;
  const { registry } = store;
  const denial: Denial = { kind: "agent", value: `${tenant}/${name}` };
  if (await registry.isDenied([denial])) throw new ReceiverError("AGENT_DENIED");
  const added = await registry.registerAgent({ tenant, name, atMs });
  if ("kind" in added) throw new ReceiverError("STORE_FULL");
  const made = { idHex, publicKeyHex, expiresMs, failedTries: 0 };
  const open = { claim: null, confirmedAtMs: null, issued: null };
  await change(store, token, (identity) => ({ ...identity, token: { ...made, ...open } }));
  return await found(store, token);
}

/**
 * EN7. The machine that had the name before is kept out from here on, and a lock is taken off: it was this
 * decision that it waited for (1.7).
 *
 * @throws {ReceiverError} `CONFIRM_CODE`, `CONFIRM_EXPIRED`, `CONFIRM_NOTHING`, `AGENT_UNKNOWN`, `STORE_FULL`
 */
export async function confirmAgent(
  store: WholeStore,
  { code, atMs, ...name }: AgentName & { readonly code: string; readonly atMs: number },
): Promise<AgentRecord> {
  await changing(
    store.registry,
    () => store.findAgent(name),
    ({ identity }) => {
      const confirmation = confirm(identity, code, atMs);
      switch (confirmation.kind) {
        case "confirmed":
          return { answer: null, change: { serialHex: "", identity: confirmation.identity } };
        case "nothing":
          throw new ReceiverError("CONFIRM_NOTHING");
        case "expired":
          throw new ReceiverError("CONFIRM_EXPIRED");
        case "wrongCode":
          throw new ReceiverError("CONFIRM_CODE");
      }
    },
  );
  const agent = await store.unlockAgent(name);
  if (agent === null) throw new ReceiverError("AGENT_UNKNOWN");
  if ("kind" in agent) throw new ReceiverError("STORE_FULL");
  return agent;
}

/** 1.6: the agent may recover again as often as is allowed. @throws {ReceiverError} `AGENT_UNKNOWN`, `STORE_FULL` */
export async function resetRecovery(store: WholeStore, name: AgentName): Promise<AgentRecord> {
  await change(store, name, (identity) => ({ ...identity, recoveryCount: 0 }));
  return await found(store, name);
}

export interface DenyCall extends AgentName {
  readonly what: Denial["kind"];
  /** Of `what: "serial"`; the device key is that which the agent has. */
  readonly serialHex: string | null;
  readonly isUndo: boolean;
  readonly atMs: number;
}

/**
 * Puts on the deny list, or takes off.
 *
 * @throws {ReceiverError} `DENY_SERIAL`, `AGENT_UNKNOWN` for the key of an agent that is not there, `STORE_FULL`
 */
export async function denyAgent(store: WholeStore, call: DenyCall): Promise<DenialRecord> {
  const { what: kind, atMs } = call;
  const value = await deniedValue(store, call);
  const { registry } = store;
  const done = await (call.isUndo
    ? registry.allow({ kind, value })
    : registry.deny({ kind, value, atMs }));
  if (done.kind === "busy") throw new ReceiverError("STORE_FULL");
  return { kind, value, atMs };
}

async function deniedValue(store: WholeStore, call: DenyCall): Promise<string> {
  switch (call.what) {
    case "agent":
      return `${call.tenant}/${call.name}`;
    case "serial": {
      const serial = call.serialHex?.toLowerCase().replace(/^0+(?=.)/, "") ?? "";
      if (!SERIAL.test(serial)) throw new ReceiverError("DENY_SERIAL");
      return serial;
    }
    case "deviceKey": {
      const { deviceKeyHex } = (await found(store, call)).identity;
      if (deviceKeyHex === null) throw new ReceiverError("DENY_SERIAL");
      return deviceKeyHex;
    }
  }
}

async function change(
  store: WholeStore,
  name: AgentName,
  changed: (identity: Identity) => Identity,
): Promise<void> {
  await changing(
    store.registry,
    () => store.findAgent(name),
    ({ serialHex, identity }) => ({
      answer: null,
      change: { serialHex, identity: changed(identity) },
    }),
  );
}

async function found(store: WholeStore, name: AgentName): Promise<AgentRecord> {
  const agent = await store.findAgent(name);
  if (agent === null) throw new ReceiverError("AGENT_UNKNOWN");
  return agent;
}
