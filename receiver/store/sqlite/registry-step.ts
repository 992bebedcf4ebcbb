/**
 * The register of identities (07 1.4 to 1.8), inside the writer's transaction.
 *
 * @module
 */
import { PAGE_MAX_COUNT } from "../../limits.ts";
import { identityText } from "../identity-record.ts";
import type {
  AddTrustCall,
  ChangeIdentityCall,
  Denial,
  DenialRecord,
  LiveIdentity,
  Registry,
  TrustRecord,
} from "../registry.ts";
import type { AddAgentResult, AgentName, AgentRecord } from "../store.ts";
import type { Operations, Request } from "./calls.ts";
import type { Prepared } from "./prepared.ts";
import { agentRecord, findAgent } from "./read-step.ts";

type RegistryRequest = Extract<Request, { name: keyof Registry }>;

const NAMES: ReadonlySet<string> = new Set([
  "registerAgent",
  "findByToken",
  "changeIdentity",
  "lockAgent",
  "deny",
  "allow",
  "isDenied",
  "listDenied",
  "barredOf",
  "addTrust",
  "trustAfter",
] satisfies (keyof Registry)[]);

export function isOfRegistry(request: Request): request is RegistryRequest {
  return NAMES.has(request.name);
}

export function answer(
  sql: Prepared,
  { name, ask }: RegistryRequest,
): Operations[keyof Registry]["answer"] {
  switch (name) {
    case "registerAgent":
      return registerAgent(sql, ask.call);
    case "findByToken":
      return findByToken(sql, ask.call);
    case "changeIdentity":
      return changeIdentity(sql, ask.call);
    case "lockAgent":
      return lockAgent(sql, ask.call);
    case "deny":
      return deny(sql, ask.call);
    case "allow":
      return allow(sql, ask.call);
    case "isDenied":
      return isDenied(sql, ask.call);
    case "listDenied":
      return listDenied(sql, ask.call);
    case "barredOf":
      return barredOf(sql, ask.call);
    case "addTrust":
      return addTrust(sql, ask.call);
    case "trustAfter":
      return trustAfter(sql, ask.call);
  }
}

function registerAgent(
  sql: Prepared,
  { tenant, name, atMs }: AgentName & { readonly atMs: number },
): AddAgentResult {
  const before = findAgent(sql, { tenant, name });
  if (before === null) sql.insertAgent.run(tenant, name, "", atMs);
  const agent = before ?? findAgent(sql, { tenant, name });
  if (agent === null) throw new TypeError("Cannot find the agent that was added");
  return { agent, known: before !== null };
}

function findByToken(sql: Prepared, tokenIdHex: string): AgentRecord | null {
  const row = sql.registry.findByToken.get(tokenIdHex);
  return row === undefined ? null : agentRecord(row);
}

function changeIdentity(
  sql: Prepared,
  { agent, revision, serialHex, identity }: ChangeIdentityCall,
): { readonly kind: "ok" | "stale" } {
  const text = identityText(identity);
  const { changes } = sql.registry.changeIdentity.run(serialHex, text, agent, revision);
  return { kind: changes === 1 ? "ok" : "stale" };
}

function lockAgent(
  sql: Prepared,
  { agent, atMs }: { readonly agent: number; readonly atMs: number },
): { readonly kind: "ok" } {
  sql.registry.lockUnlocked.run(atMs, agent);
  return { kind: "ok" };
}

function deny(
  { registry }: Prepared,
  { kind, value, atMs }: DenialRecord,
): { readonly kind: "ok" } {
  registry.deny.run(kind, value, atMs);
  return { kind: "ok" };
}

function allow({ registry }: Prepared, { kind, value }: Denial): { readonly kind: "ok" } {
  registry.allow.run(kind, value);
  return { kind: "ok" };
}

function isDenied({ registry }: Prepared, denials: readonly Denial[]): boolean {
  return denials.some(({ kind, value }) => registry.findDenied.get(kind, value) !== undefined);
}

function listDenied({ registry }: Prepared, after: Denial | null): readonly DenialRecord[] {
  const { kind, value } = after ?? { kind: "", value: "" };
  return registry.listDenied.all(kind, value, PAGE_MAX_COUNT).map(([found, what, atMs]) => ({
    // The CHECK of the column lets no other in.
    kind: found as Denial["kind"],
    value: what,
    atMs: Number(atMs),
  }));
}

function barredOf(sql: Prepared, live: readonly LiveIdentity[]): readonly LiveIdentity[] {
  return live.filter(({ agent, serialHex }) => {
    const row = sql.registry.findById.get(agent);
    if (row === undefined) return true;
    const { tenant, name, serialHex: current, lockedAtMs, identity } = agentRecord(row);
    if (lockedAtMs !== null) return true;
    if (serialHex !== current && serialHex !== identity.nextSerialHex) return true;
    const denials: Denial[] = [
      { kind: "agent", value: `${tenant}/${name}` },
      { kind: "serial", value: serialHex },
      { kind: "deviceKey", value: identity.deviceKeyHex ?? "" },
    ];
    return isDenied(sql, denials);
  });
}

function addTrust(
  { registry }: Prepared,
  { tenant, version, envelope, atMs }: AddTrustCall,
): { readonly kind: "ok" | "conflict" } {
  registry.addTrust.run(tenant, version, envelope, atMs);
  const [kept] = registry.findTrust.get(tenant, version) ?? [];
  return { kind: kept === envelope ? "ok" : "conflict" };
}

function trustAfter(
  { registry }: Prepared,
  { tenant, version }: { readonly tenant: string; readonly version: number },
): readonly TrustRecord[] {
  return registry.trustAfter
    .all(tenant, version, PAGE_MAX_COUNT)
    .map(([found, envelope]) => ({ version: Number(found), envelope }));
}
