/** The comparison of a stretch, over generated stores: what it names is what was done to them. */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { CHAIN_START, chainInput } from "#protocol/chain.ts";
import { lineDigest } from "#reconcile/line-digest.ts";
import { type HeldRow, StretchCheck, type ToldStretch } from "#reconcile/stretch-check.ts";

interface Made {
  readonly told: ToldStretch;
  readonly rows: readonly HeldRow[];
}

const digestOf = (content: number): Buffer => hash("sha256", String(content), "buffer");

/** A stretch behind `lead` others, and all rows of its epoch. */
function made(contents: readonly number[], lead: number, epoch: bigint, cut: number): Made {
  const rows = contents.map((content, at) => ({ seq: BigInt(at + 1), sha256: digestOf(content) }));
  const chains: Uint8Array[] = [CHAIN_START];
  for (const { seq, sha256 } of rows) {
    const before = chains.at(-1) ?? CHAIN_START;
    chains.push(hash("sha256", chainInput(before, epoch, seq, sha256), "buffer"));
  }
  const [first, last] = [BigInt(lead + 1), BigInt(rows.length)];
  const expected = last - BigInt(Math.min(cut, rows.length - lead));
  const [before = null, after = null] = [chains[lead], chains[rows.length]];
  return { told: { epoch, first, last, expected, before, after }, rows };
}

const stretch = fc
  .record({
    contents: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 30 }),
    lead: fc.nat({ max: 29 }),
    epoch: fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }),
    cut: fc.constantFrom(0, 0, 0, 2),
  })
  .filter(({ contents, lead }) => lead < contents.length)
  .map(({ contents, lead, epoch, cut }) => made(contents, lead, epoch, cut));

function checked({ told, rows }: Made) {
  const check = new StretchCheck(told);
  for (const row of rows) check.take(row);
  return check.end();
}

test("[D4, TP15] what holds the same is the same, and nothing is missing", () => {
  fc.assert(
    fc.property(stretch, (one) => {
      const { missing, content, heldCount, chain } = checked(one);
      const isCut = one.told.expected !== one.told.last;
      assert.deepEqual(missing, []);
      assert.equal(content, isCut ? "unknown" : "same");
      assert.equal(heldCount, Number(one.told.expected - one.told.first + 1n));
      assert.equal(chain === null, isCut);
    }),
  );
});

test("[D4] each message that was taken away is named, and no other", () => {
  const gone = fc.tuple(stretch, fc.array(fc.nat({ max: 29 }), { minLength: 1, maxLength: 5 }));
  fc.assert(
    fc.property(gone, ([one, which]) => {
      const seqs = new Set(which.map((at) => BigInt((at % one.rows.length) + 1)));
      const rows = one.rows.filter(({ seq }) => !seqs.has(seq));
      const { missing, content } = checked({ ...one, rows });
      const named = missing.flatMap(({ first, last }) =>
        Array.from({ length: Number(last - first + 1n) }, (_, at) => first + BigInt(at)),
      );
      const { first, expected } = one.told;
      const inside = [...seqs].filter((seq) => seq >= first && seq <= expected).sort();
      assert.deepEqual(named.map(String).sort(), inside.map(String).sort());
      if (inside.length > 0) assert.equal(content, "unknown");
    }),
  );
});

test("[D4, TP15] one changed content, or two that were exchanged, is not the same", () => {
  const changed = fc.tuple(stretch, fc.nat({ max: 29 }), fc.boolean());
  fc.assert(
    fc.property(changed, ([one, which, isSwap]) => {
      const { first, last, expected } = one.told;
      if (expected !== last) return;
      const at = Number(first) - 1 + (which % Number(last - first + 1n));
      const other = isSwap ? (one.rows[at + 1]?.sha256 ?? digestOf(9)) : digestOf(9);
      const mine = one.rows[at]?.sha256 ?? digestOf(8);
      const rows = one.rows.map((row, index) => {
        if (index === at) return { ...row, sha256: other };
        return isSwap && index === at + 1 ? { ...row, sha256: mine } : row;
      });
      const { content, missing } = checked({ ...one, rows });
      assert.deepEqual(missing, []);
      assert.equal(content, Buffer.compare(mine, other) === 0 ? "same" : "other");
    }),
  );
});

test("[D4] a line's digest does not depend on the order in which its stretches are read", () => {
  const parts = fc.uniqueArray(fc.bigInt({ min: 1n, max: 1_000n }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(parts, (firsts) => {
      const stretches = firsts.map((first) => ({
        ...{ epoch: first % 3n, first, last: first + 5n, after: digestOf(Number(first)) },
      }));
      const digest = lineDigest(stretches);
      assert.equal(lineDigest([...stretches].reverse()), digest);
      const [head, ...others] = stretches;
      assert.ok(head !== undefined);
      assert.notEqual(lineDigest([{ ...head, last: head.last + 1n }, ...others]), digest);
      assert.equal(lineDigest([{ ...head, after: null }, ...others]), null);
    }),
  );
});
