/**
 * Heads of agents' audits on `$status` (08 6): verified by the agent's device key, kept for ever, and compared with
 * what came before. A counter, an audit or a generation that goes back means that the agent's machine was put back,
 * or that there are two of it (07 1.7, 2.12, U21).
 *
 * It is an outlet like `$outcomes`: in order, at least once. Records of alarms go their own way (`alarm-records.ts`); what
 * is no head of this agent is logged and left behind.
 *
 * @module
 */
import { keyIdOf } from "#documents/public-key.ts";
import { verifyDocument } from "#documents/verify.ts";
import { type Facts, identifierFrom, ReceiverError } from "../errors.ts";
import type { OutletGap, OutletMessage } from "../outlets/event.ts";
import { STATUS_CHANNEL } from "../served-channels.ts";
import type { AlarmStore } from "../store/alarms.ts";
import type { HeadMarks, HeadStore } from "../store/heads.ts";
import type { AgentRecord } from "../store/store.ts";
import { takeAlarms } from "./alarm-records.ts";
import { unverifiedHead } from "./unverified-head.ts";

export interface HeadsOptions {
  readonly store: HeadStore & AlarmStore;
  /** By `tenant/name`. */
  readonly agentOf: (name: string) => Promise<AgentRecord | null>;
  readonly nowMs: () => number;
  /** One that is not kept. */
  readonly refused: (facts: Facts) => void;
  /** Something went back. */
  readonly wentBack: (facts: Facts) => void;
}

export function headsTaker({ store, agentOf, nowMs, refused, wentBack }: HeadsOptions) {
  return {
    name: STATUS_CHANNEL,
    take: async (event: OutletMessage | OutletGap): Promise<void> => {
      if (event.kind === "gap") return;
      const agent = await agentOf(event.agent);
      const bytes = await event.body();
      const from = { bytes, atMs: nowMs() };
      if (agent !== null && (await takeAlarms(store, { ...from, agent: agent.id }))) return;
      const head = agent === null ? undefined : readHead(bytes, agent);
      if (agent === null || head === undefined) {
        refused({ epoch: event.epoch, seq: event.seq });
        return;
      }
      const { digest, deviceKeyHex, ...marks } = head;
      const envelope = Buffer.from(bytes).toString("utf8");
      const call = { agent: agent.id, deviceKeyHex, digest, envelope, atMs: nowMs(), ...marks };
      const result = await store.heads.addHead(call);
      // Tried again by whoever hands on.
      if (result.kind === "busy") throw new ReceiverError("STORE_FULL");
      if (result.known || result.before === null) return;
      const what = whatWentBack(marks, result.before);
      if (what.length > 0) wentBack(factsOf(agent, what, marks, result.before));
    },
  };
}

interface ReadHead extends HeadMarks {
  readonly digest: string;
  readonly deviceKeyHex: string;
}

/** @returns `undefined` for what is not signed by the agent's device key, not for it, or no status document */
function readHead(bytes: Uint8Array, agent: AgentRecord): ReadHead | undefined {
  const { tenant, name, identity } = agent;
  const { deviceKeyHex } = identity;
  // Its identity was put in place by hand: it is kept as it is, and proves nothing.
  if (deviceKeyHex === null) return unverifiedHead(bytes);
  const raw = Buffer.from(deviceKeyHex, "hex");
  const found = verifyDocument({
    ...{ envelope: bytes, type: "status" },
    role: { keys: new Map([[keyIdOf(raw), raw]]), threshold: 1 },
    recipient: { tenant, agent: name },
  });
  if (found.kind === "refused") return undefined;
  const { counter, auditSeq, auditHead, generation } = found.document;
  const { digest } = found;
  return { counter, auditSeq, auditHead: auditHead ?? "", generation, digest, deviceKeyHex };
}

/** Names of what is lower than it was, or another thing under the same number. */
export function whatWentBack(head: HeadMarks, before: HeadMarks): string[] {
  const isRewritten = head.auditSeq === before.auditSeq && head.auditHead !== before.auditHead;
  return [
    // A counter is used once: the same one in another document is a copy's.
    ...(head.counter <= before.counter ? ["counter"] : []),
    ...(head.auditSeq < before.auditSeq || isRewritten ? ["audit"] : []),
    ...(head.generation < before.generation ? ["generation"] : []),
  ];
}

function factsOf(
  { tenant, name }: AgentRecord,
  what: readonly string[],
  head: HeadMarks,
  before: HeadMarks,
): Facts {
  return {
    ...{ tenant: identifierFrom(tenant), agent: identifierFrom(name) },
    ...{ what: identifierFrom(what.join(".")), counter: head.counter, was: before.counter },
    ...{ auditSeq: head.auditSeq, auditSeqWas: before.auditSeq },
  };
}
