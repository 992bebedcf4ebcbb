/** Judges one image of the receiver's disk after a power cut: the oracles over its own store. @module */
import { join } from "node:path";
import { openDatabase } from "#receiver/store/sqlite/database.ts";
import { STORE_FILE } from "#receiver/store/sqlite/sqlite-store.ts";
import { sha256Of } from "../seeded-messages.ts";
import { bodyAt } from "./workload.ts";

type Row = [string, number, number, Buffer, Buffer];

/** The workload's; it is the same for all images of a recording. */
const SEED = Number(process.env["HOLDFAST_SEED"] ?? 1);
const bodies = new Map<string, Buffer>();

/** @param marks `ACK channel seq` of each answer that had been given by then @returns reasons */
export function check(dir: string, marks: readonly string[]): string[] {
  const { db } = openDatabase(join(dir, STORE_FILE));
  try {
    const reasons: string[] = [];
    const checked = db.pragma("integrity_check", { simple: true });
    if (checked !== "ok") reasons.push(`integrity_check: ${checked}`);
    const lastSeqs = new Map<string, number>();
    const chains = new Map<string, Buffer>();
    const sql = "SELECT channel, epoch, seq, sha256, body FROM inbox ORDER BY channel, epoch, seq";
    for (const [channel, epoch, seq, sha256, body] of db.prepare(sql).raw().all() as Row[]) {
      if (seq !== (lastSeqs.get(channel) ?? 0) + 1) reasons.push(`order: ${channel} at ${seq}`);
      lastSeqs.set(channel, seq);
      const sent = sentAs(channel, seq);
      if (!body.equals(sent) || !sha256Of(body).equals(sha256)) {
        reasons.push(`integrity: ${channel} ${seq} is not what was sent`);
      }
      const numbers = Buffer.alloc(16);
      numbers.writeBigUInt64BE(BigInt(epoch), 0);
      numbers.writeBigUInt64BE(BigInt(seq), 8);
      const before = chains.get(channel) ?? Buffer.alloc(32);
      chains.set(channel, sha256Of(Buffer.concat([before, numbers, sha256])));
    }
    const positions = db.prepare("SELECT channel, last_seq, chain FROM channel").raw().all();
    for (const [channel, lastSeq, chain] of positions as [string, number, Buffer][]) {
      const held = lastSeqs.get(channel) ?? 0;
      if (lastSeq !== held) reasons.push(`position: ${channel} says ${lastSeq}, holds ${held}`);
      if (!chain.equals(chains.get(channel) ?? Buffer.alloc(32))) reasons.push(`chain: ${channel}`);
    }
    for (const mark of marks) {
      const [, channel = "", seq = ""] = /^ACK (\S+) (\d+)$/.exec(mark) ?? [];
      const held = lastSeqs.get(channel) ?? 0;
      if (held < Number(seq)) reasons.push(`conservation: ${mark}, but ${held} is the last`);
    }
    return reasons;
  } finally {
    db.close();
  }
}

function sentAs(channel: string, seq: number): Buffer {
  const key = `${channel} ${seq}`;
  const known = bodies.get(key) ?? bodyAt(SEED, channel, seq);
  bodies.set(key, known);
  return known;
}
