/** Compares what the hospital was told, and put into the folder, with what the receiver holds, message by message. @module */
import { createHash } from "node:crypto";
import type { Laboratory } from "./laboratory.ts";
import type { HospitalSender } from "./sender.ts";

/** One line of `holdfast-receiver export --body`. */
export interface Exported {
  readonly channel: string;
  readonly seq: number;
  readonly controlId: string;
  readonly sha256: string;
  readonly body: string;
}

export interface Reconciliation {
  readonly acknowledged: number;
  readonly dropped: number;
  readonly atReceiver: number;
  readonly missing: number;
  readonly twice: number;
  readonly changed: number;
  readonly outOfOrder: number;
  readonly gaps: number;
}

export function reconcile(
  senders: readonly HospitalSender[],
  laboratory: Laboratory,
  exported: readonly Exported[],
): Reconciliation {
  const byId = new Map<string, Exported[]>();
  for (const row of exported) byId.set(row.controlId, [...(byId.get(row.controlId) ?? []), row]);
  const sources = [...senders, laboratory];
  const sent = sources.flatMap(({ acknowledged }) => acknowledged);
  const changed = sent.filter(({ controlId, bytes }) => {
    const row = byId.get(controlId)?.[0];
    return row !== undefined && !isSame(row, bytes);
  });
  const outOfOrder = sources.filter((sender) => {
    const seqs = sender.acknowledged.map(({ controlId }) => byId.get(controlId)?.[0]?.seq ?? 0);
    return seqs.some((seq, index) => index > 0 && seq <= (seqs[index - 1] ?? 0));
  });
  const last = new Map<string, number>();
  const gaps = exported.filter(({ channel, seq }) => {
    const before = last.get(channel) ?? 0;
    last.set(channel, seq);
    return seq !== before + 1;
  });
  return {
    acknowledged: sent.length - laboratory.acknowledged.length,
    dropped: laboratory.acknowledged.length,
    atReceiver: exported.length,
    missing: sent.filter(({ controlId }) => !byId.has(controlId)).length,
    twice: [...byId.values()].filter((rows) => rows.length > 1).length,
    changed: changed.length,
    outOfOrder: outOfOrder.length,
    gaps: gaps.length,
  };
}

/** The body itself is compared, not only its digest: the digest could be copied along with a mistake. */
function isSame(row: Exported, bytes: Uint8Array): boolean {
  const digest = createHash("sha256").update(bytes).digest("hex");
  return row.sha256 === digest && Buffer.from(row.body, "base64").equals(bytes);
}

export function isPerfect(result: Reconciliation): boolean {
  const { acknowledged, dropped, atReceiver, missing, twice, changed, outOfOrder, gaps } = result;
  return (
    acknowledged + dropped === atReceiver && missing + twice + changed + outOfOrder + gaps === 0
  );
}
