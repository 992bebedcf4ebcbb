import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type AuditDraft, entryBytes, readEntry } from "#agent/audit/entry.ts";
import { Flood } from "#agent/audit/flood.ts";
import { draftOf } from "#test/support/test-trust.ts";

const PLACE = {
  seq: 7,
  atMs: Date.UTC(2026, 0, 31, 8),
  monotonicMs: 81_234.4,
  prev: new Uint8Array(32).fill(0xab),
};

describe("an entry", () => {
  test("[A01] is one line of JSON with its members in order", () => {
    const draft: AuditDraft = {
      actor: { kind: "local", id: "anna", claimed: true },
      ...{ action: "quarantine.release", subject: "block 12", decision: "done", reason: "asked" },
    };
    const expected =
      '{"seq":7,"at":"2026-01-31T08:00:00.000Z","monotonicMs":81234,' +
      '"actor":{"kind":"local","id":"anna","claimed":true},"action":"quarantine.release",' +
      `"subject":"block 12","decision":"done","reason":"asked","prev":"${"ab".repeat(32)}"}`;
    assert.equal(Buffer.from(entryBytes(draft, PLACE)).toString("utf8"), expected);
  });

  test("[A03] is printable ASCII on one line, whatever stands in it, and says the same when read", () => {
    const text = fc.string({ unit: "binary", maxLength: 200 });
    fc.assert(
      fc.property(text, text, text, (id, subject, reason) => {
        const draft = draftOf("x", { actor: { kind: "engineer", id }, subject, reason });
        const bytes = entryBytes(draft, PLACE);
        assert.match(Buffer.from(bytes).toString("latin1"), /^[\x20-\x7e]+$/);
        const read = readEntry(bytes);
        assert.deepEqual([read?.actor.id, read?.subject, read?.reason], [id, subject, reason]);
      }),
    );
    const hostile = '\r\n\u001b[31m"}]\u2028\u202e\0';
    const line = Buffer.from(entryBytes(draftOf("x", { subject: hostile }), PLACE)).toString();
    assert.ok(line.includes(String.raw`\r\n\u001b[31m\"}]\u2028\u202e\u0000`));
  });

  test("[A03] a name that a caller claims is cut and escaped, and ends no member", () => {
    const id = `\r\n","kind":"engineer"}]\u001b[2J${"n".repeat(100_000)}`;
    const bytes = entryBytes(draftOf("x", { actor: { kind: "local", id, claimed: true } }), PLACE);
    assert.match(Buffer.from(bytes).toString("latin1"), /^[\x20-\x7e]{1,1000}$/);
    const actor = readEntry(bytes)?.actor;
    assert.deepEqual(actor, { kind: "local", id: `${id.slice(0, 253)}...`, claimed: true });
  });

  test("[A02] is cut where a text is too long", () => {
    const bytes = entryBytes(draftOf("x", { reason: "r".repeat(100_000) }), PLACE);
    assert.ok(bytes.length < 1_000);
    assert.match(readEntry(bytes)?.reason ?? "", /^r{253}\.\.\.$/);
  });
});

describe("a flood", () => {
  test("[A02] of one source and action is 30 entries, and from then on a number a minute", () => {
    const flood = new Flood();
    const refused = draftOf("config.refused", { actor: { kind: "receiver", id: "r" } });
    const other = draftOf("config.refused", { actor: { kind: "receiver", id: "s" } });
    const admitted = Array.from({ length: 1_000 }, () => flood.admits(refused, 0));
    assert.equal(admitted.filter(Boolean).length, 30);
    assert.equal(flood.admits(other, 0), true, "nobody else is held up");
    assert.deepEqual(flood.summaries(59_999), []);
    assert.deepEqual(flood.summaries(60_000), [
      {
        ...{ actor: refused.actor, action: "audit.suppressed", subject: "config.refused" },
        reason: "970 more",
      },
    ]);
    let count = 0;
    for (let ms = 60_001; ms < 24 * 3_600_000; ms += 2_000) {
      if (flood.admits(refused, ms)) count += 1;
      count += flood.summaries(ms).length;
    }
    assert.ok(count < 1.6 * 24 * 60, String(count));
    assert.equal(flood.admits(refused, 26 * 3_600_000), true);
  });

  test("[A02] a person at the machine has all of his back after a minute", () => {
    const flood = new Flood();
    const shown = draftOf("quarantine.show", { actor: { kind: "local", id: "anna" } });
    for (const atMs of [0, 60_000]) {
      const admitted = Array.from({ length: 50 }, () => flood.admits(shown, atMs));
      assert.equal(admitted.filter(Boolean).length, 30);
    }
  });

  test("[A02] of invented names is bounded as a whole", () => {
    const flood = new Flood();
    let admitted = 0;
    for (let index = 0; index < 100_000; index++) {
      const draft = draftOf("x", { actor: { kind: "receiver", id: `r${index}` } });
      if (flood.admits(draft, 0)) admitted += 1;
    }
    assert.ok(admitted <= 256 + 30, String(admitted));
    const summaries = flood.summaries(0, true);
    assert.deepEqual(
      summaries.map(({ reason }) => reason),
      [`${100_000 - admitted} more`],
    );
  });
});
