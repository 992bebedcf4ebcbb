import assert from "node:assert/strict";
import { test } from "node:test";
import { entryBytes } from "#agent/audit/entry.ts";
import { ChainCheck } from "#agent/audit/verify-chain.ts";
import { chainHash } from "#agent/outbox/trust/audit-hash.ts";
import { AUDIT_START, type AuditRow } from "#agent/outbox/trust/trust-messages.ts";
import { draftOf } from "#test/support/test-trust.ts";

/** Rows whose hashes fit, whatever their bytes say. */
function chained(bytes: readonly Uint8Array[]): AuditRow[] {
  let hash = AUDIT_START;
  return bytes.map((one, index) => {
    hash = chainHash(hash, one);
    return { seq: index + 1, atMs: 1, bytes: one, hash };
  });
}

function faultsOf(rows: readonly AuditRow[]): string[] {
  const check = new ChainCheck({});
  for (const row of rows) check.take(row);
  return check.report().findings.map(({ fault, seq }) => `${fault} ${seq}`);
}

test("[A01] an entry must say its own number, and what came before it, beside having the right hash", () => {
  const first = entryBytes(draftOf("a"), { seq: 1, atMs: 1, monotonicMs: 1, prev: AUDIT_START });
  const prev = chainHash(AUDIT_START, first);
  const place = { seq: 2, atMs: 1, monotonicMs: 1, prev };
  assert.deepEqual(faultsOf(chained([first, entryBytes(draftOf("b"), place)])), []);
  for (const wrong of [
    entryBytes(draftOf("b"), { ...place, seq: 3 }),
    entryBytes(draftOf("b"), { ...place, prev: AUDIT_START }),
    Buffer.from("no entry"),
    Buffer.from("{}"),
  ]) {
    assert.deepEqual(faultsOf(chained([first, wrong])), ["altered 2"]);
  }
});

test("[A02] of very many faults the first hundred are named, and all counted", () => {
  const rows = chained(Array.from({ length: 1_000 }, () => Buffer.from("no entry")));
  const check = new ChainCheck({});
  for (const row of rows) check.take(row);
  const { findings, faultCount } = check.report();
  assert.deepEqual([findings.length, faultCount], [100, 1_000]);
});
