/** Every agent as the store knows it: read once for all who look, and again when somebody looks later. @module */
import { X509Certificate } from "node:crypto";
import { readEnvelope } from "#documents/envelope.ts";
import { parsePayload } from "#documents/payload.ts";
import type { StatusDocument } from "#documents/types/status.ts";
import type { Tone } from "#pages/tone.ts";
import type { AgentAlarm } from "../downstream/alarm-records.ts";
import type { Clock } from "../host/clock.ts";
import { PAGE_MAX_COUNT } from "../limits.ts";
import type { AgentStanding } from "../store/console.ts";
import type { AgentRecord } from "../store/store.ts";
import { allAgents, allDenied } from "../store/walk.ts";
import type { WholeStore } from "../store/whole-store.ts";
import { isLive, type Known, lastSeenMs, rankOf, type Trouble, troublesOf } from "./troubles.ts";

export interface Agent extends Known {
  /** TENANT/AGENT. */
  readonly name: string;
  readonly isLive: boolean;
  readonly lastSeenMs: number | null;
  /** Its newest status document. */
  readonly status: StatusDocument | undefined;
  readonly troubles: readonly Trouble[];
  readonly tone: Tone;
}

export interface Fleet {
  /** Those that somebody must look at come first, the longest first. */
  readonly agents: readonly Agent[];
  readonly atMs: number;
}

/** What all who look share. */
const FRESH_MS = 2_000;

export class FleetReader {
  readonly #store: WholeStore;
  readonly #clock: Clock;
  #last: { readonly fleet: Promise<Fleet>; readonly beganMs: number } | undefined;

  constructor(store: WholeStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @throws {ReceiverError} `STORE_UNREACHABLE` */
  read(): Promise<Fleet> {
    const beganMs = this.#clock.monotonicMs();
    if (this.#last !== undefined && beganMs - this.#last.beganMs < FRESH_MS)
      return this.#last.fleet;
    const fleet = fleetOf(this.#store, this.#clock.nowMs());
    this.#last = { fleet, beganMs };
    // Not kept: whoever asks next asks anew.
    fleet.catch(() => {
      this.#last = undefined;
    });
    return fleet;
  }
}

async function fleetOf(store: WholeStore, nowMs: number): Promise<Fleet> {
  const denied = new Set<string>();
  for await (const { kind, value } of allDenied(store.registry)) {
    if (kind === "agent") denied.add(value);
  }
  const standings = await allStandings(store);
  const agents: Agent[] = [];
  for await (const record of allAgents(store)) {
    agents.push(agentOf(record, standings.get(record.id), denied, nowMs));
  }
  return { agents: agents.toSorted(byTrouble), atMs: nowMs };
}

async function allStandings({ console: records }: WholeStore): Promise<Map<number, AgentStanding>> {
  const all = new Map<number, AgentStanding>();
  for (let after = 0; ; ) {
    const page = await records.standings({ after, limit: PAGE_MAX_COUNT });
    for (const standing of page) all.set(standing.agent, standing);
    const last = page.at(-1);
    if (last === undefined) return all;
    after = last.agent;
  }
}

function agentOf(
  record: AgentRecord,
  standing: AgentStanding | undefined,
  denied: ReadonlySet<string>,
  nowMs: number,
): Agent {
  const name = `${record.tenant}/${record.name}`;
  const status = standing?.head == null ? undefined : statusIn(standing.head.envelope);
  const waited = standing?.waitedMs ?? undefined;
  const known: Known = {
    ...{ record, standing, isDenied: denied.has(name) },
    // Checked before it was stored.
    alarms: JSON.parse(standing?.alarms?.report ?? "[]") as readonly AgentAlarm[],
    certificateEndMs: certificateEndOf(record),
    waitedMs: waited === undefined ? undefined : Math.max(0, waited + (status?.clockSkewMs ?? 0)),
  };
  const troubles = troublesOf(known, nowMs);
  return {
    ...{ ...known, name, isLive: isLive(known, nowMs), lastSeenMs: lastSeenMs(known), status },
    ...{ troubles, tone: troubles[0]?.tone ?? "good" },
  };
}

function byTrouble(a: Agent, b: Agent): number {
  const rank = rankOf(a.tone) - rankOf(b.tone);
  if (rank !== 0) return rank;
  const since = (a.troubles[0]?.sinceMs ?? 0) - (b.troubles[0]?.sinceMs ?? 0);
  return since === 0 ? (a.name < b.name ? -1 : 1) : since;
}

/** Verified, or marked as not, when it came. */
function statusIn(envelope: string): StatusDocument | undefined {
  const read = readEnvelope(Buffer.from(envelope), "status");
  const parsed = "kind" in read ? read : parsePayload("status", read.payload);
  return parsed.kind === "refused" ? undefined : parsed.document;
}

/** Of the one that was issued here last; one that was put in place by hand is not known. */
function certificateEndOf({ identity }: AgentRecord): number | undefined {
  const issued = identity.renewed ?? identity.token?.issued;
  if (issued == null) return undefined;
  try {
    return new X509Certificate(issued.certificatePem).validToDate.getTime();
  } catch {
    return undefined;
  }
}
