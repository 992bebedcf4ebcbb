/**
 * The register of identities (07 1.4 to 1.8).
 *
 * @module
 */
import { PAGE_MAX_COUNT } from "../../limits.ts";
import { identityText } from "../identity-record.ts";
import type { Denial, Registry } from "../registry.ts";
import type { AddAgentResult, AgentName, AgentRecord } from "../store.ts";
import type { Questions } from "./questions.ts";
import { type AgentRow, agentRecord } from "./rows.ts";

/** How a store asks: what writes may be answered `busy`, what reads is refused while the database is away. */
export interface Asking {
  read<T>(act: () => Promise<T>): Promise<T>;
  write<T>(act: () => Promise<T>): Promise<T | { readonly kind: "busy" }>;
}

export function registryOver(questions: Questions, { read, write }: Asking): Registry {
  return {
    registerAgent: (call) => write(() => registerAgent(questions, call)),
    findByToken: (tokenIdHex) =>
      read(async () => {
        const [row] = await questions.rows<AgentRow>("findByToken", [tokenIdHex]);
        return row === undefined ? null : agentRecord(row);
      }),
    changeIdentity: ({ agent, revision, serialHex, identity }) =>
      write(async () => {
        const values = [agent, revision, serialHex, identityText(identity)];
        const changed = await questions.rows("changeIdentity", values);
        return { kind: changed.length === 1 ? "ok" : "stale" };
      }),
    lockAgent: ({ agent, atMs }) => write(() => done(questions, "lockUnlocked", [agent, atMs])),
    deny: ({ kind, value, atMs }) => write(() => done(questions, "deny", [kind, value, atMs])),
    allow: ({ kind, value }) => write(() => done(questions, "allow", [kind, value])),
    isDenied: (denials) =>
      read(async () => {
        const columns = [denials.map(({ kind }) => kind), denials.map(({ value }) => value)];
        const [isDenied] = await questions.row<[boolean]>("isDenied", columns);
        return isDenied;
      }),
    listDenied: (after) =>
      read(async () => {
        const values = [after?.kind ?? "", after?.value ?? "", PAGE_MAX_COUNT];
        const rows = await questions.rows<[Denial["kind"], string, string]>("listDenied", values);
        return rows.map(([kind, value, atMs]) => ({ kind, value, atMs: Number(atMs) }));
      }),
    barredOf: (live) =>
      read(async () => {
        const columns = [live.map(({ agent }) => agent), live.map(({ serialHex }) => serialHex)];
        const rows = await questions.rows<[agent: string, serial: string]>("barredOf", columns);
        return rows.map(([agent, serialHex]) => ({ agent: Number(agent), serialHex }));
      }),
    addTrust: ({ tenant, version, envelope, atMs }) =>
      write(async () => {
        await questions.rows("addTrust", [tenant, version, envelope, atMs]);
        const [kept] = await questions.row<[string]>("findTrust", [tenant, version]);
        return { kind: kept === envelope ? "ok" : "conflict" };
      }),
    trustAfter: ({ tenant, version }) =>
      read(async () => {
        const values = [tenant, version, PAGE_MAX_COUNT];
        const rows = await questions.rows<[version: string, envelope: string]>(
          "trustAfter",
          values,
        );
        return rows.map(([found, envelope]) => ({ version: Number(found), envelope }));
      }),
  };
}

async function registerAgent(
  questions: Questions,
  { tenant, name, atMs }: AgentName & { readonly atMs: number },
): Promise<AddAgentResult> {
  const [added] = await questions.rows<[string]>("registerAgent", [tenant, name, atMs]);
  // Also for one that is known: whoever added it may have got no further.
  await questions.rows("addSessionOf", [tenant, name]);
  const agent = await findAgent(questions, { tenant, name });
  if (agent === null) throw new TypeError("Cannot find the agent that was added");
  return { agent, known: added === undefined };
}

async function findAgent(
  questions: Questions,
  { tenant, name }: AgentName,
): Promise<AgentRecord | null> {
  const [row] = await questions.rows<AgentRow>("findAgent", [tenant, name]);
  return row === undefined ? null : agentRecord(row);
}

async function done(
  questions: Questions,
  name: "lockUnlocked" | "deny" | "allow",
  values: readonly (string | number)[],
): Promise<{ readonly kind: "ok" }> {
  await questions.rows(name, values);
  return { kind: "ok" };
}
