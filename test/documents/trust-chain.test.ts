import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptTrust, acceptTrustChain, readAcceptedTrust } from "#documents/trust-chain.ts";
import { keyFromHex, keysOf, roleOf } from "#documents/trust-rules.ts";
import type { TrustDocument } from "#documents/types/trust.ts";
import {
  ANCHOR,
  KEYS,
  keyFrom,
  role,
  signed,
  type TestKey,
  trust,
} from "#test/support/signed-documents.ts";

interface Question {
  readonly stored?: TrustDocument;
  readonly forbidden?: readonly TestKey[];
}

function step(envelope: Uint8Array, { stored, forbidden = [] }: Question = {}): string {
  const answer = acceptTrust({
    ...{ stored, anchor: ANCHOR, envelope, tenant: "north" },
    forbiddenKeys: forbidden.map(({ raw }) => raw),
  });
  return answer.kind === "accepted" ? "accepted" : `${answer.step} ${answer.code}`;
}

const [first, second, third] = KEYS.trust;
const first2 = signed("trust", trust(), [first, second]);

/** A trust document whose roles or keys are changed: what VT3 and VT4 judge. */
function broken(change: (document: LooseTrust) => void): Uint8Array {
  const document = structuredClone(trust()) as unknown as LooseTrust;
  change(document);
  return signed("trust", document, KEYS.trust);
}
interface LooseTrust {
  keys: Record<string, string>;
  roles: Record<string, { keyIds: string[]; threshold: number } | undefined>;
}
const inRole = (name: string, change: Partial<{ keyIds: string[]; threshold: number }>) =>
  broken(({ roles }) => Object.assign(roles[name] ?? {}, change));
const ids = (keys: readonly TestKey[]): string[] => keys.map(({ id }) => id);

test("[VT1] the first document must satisfy the anchor", () => {
  assert.equal(step(first2), "accepted");
  assert.equal(step(signed("trust", trust(), [first])), "V8 SIGNATURES");
  const others = [keyFrom("a"), keyFrom("b")];
  assert.equal(step(signed("trust", trust(), others)), "V8 SIGNATURES");
});

test("[VT1] once a document is stored the anchor counts for nothing", () => {
  const own = [keyFrom("a"), keyFrom("b")];
  const stored = trust({
    keys: { ...trust().keys, ...Object.fromEntries(own.map(({ id, hex }) => [id, hex])) },
    roles: { ...trust().roles, trust: { keyIds: ids(own), threshold: 2 } },
  });
  const next = { ...stored, version: 2 };
  assert.equal(step(signed("trust", next, KEYS.trust), { stored }), "V8 SIGNATURES");
  assert.equal(step(signed("trust", next, own), { stored }), "accepted");
});

test("[VT2] the next version is the stored one and one; the first may be any", () => {
  const version = (n: number): Uint8Array =>
    signed("trust", trust({ version: n }), [first, second]);
  assert.equal(step(version(7)), "accepted");
  const stored = trust({ version: 7 });
  for (const [n, answer] of [
    [6, "VT2 ROLLBACK"],
    [7, "VT2 ROLLBACK"],
    [8, "accepted"],
    [9, "VT2 ROLLBACK"],
  ] as const) {
    assert.equal(step(version(n), { stored }), answer, String(n));
  }
});

const JUNK = "ab".repeat(32);
const SMALL_ORDER = "00".repeat(32);
const BROKEN: readonly (readonly [what: string, envelope: Uint8Array, answer: string])[] = [
  [
    "a key of 31 bytes",
    broken(({ keys }) => Object.assign(keys, { [JUNK]: "09".repeat(31) })),
    "VT3",
  ],
  [
    "a key in capitals",
    broken(({ keys }) => Object.assign(keys, { [first.id]: first.hex.toUpperCase() })),
    "VT3",
  ],
  [
    "an id of another key",
    broken(({ keys }) => Object.assign(keys, { [first.id]: second.hex })),
    "VT3",
  ],
  [
    "one key under two ids",
    broken(({ keys }) => Object.assign(keys, { [JUNK]: first.hex })),
    "VT3",
  ],
  [
    "a key of small order, under its id",
    broken(({ keys }) =>
      Object.assign(keys, {
        "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925": SMALL_ORDER,
      }),
    ),
    "VT3",
  ],
  ["no role config", broken(({ roles }) => Object.assign(roles, { config: undefined })), "VT4"],
  ["no role head", broken(({ roles }) => Object.assign(roles, { head: undefined })), "VT4"],
  ["no role command", broken(({ roles }) => Object.assign(roles, { command: undefined })), "VT4"],
  ["no role trust", broken(({ roles }) => Object.assign(roles, { trust: undefined })), "VT4"],
  ["a role with a key that is not listed", inRole("head", { keyIds: [keyFrom("x").id] }), "VT4"],
  ["a role with the key constructor", inRole("head", { keyIds: ["constructor"] }), "VT4"],
  [
    "a role with one key twice",
    inRole("config", { keyIds: [KEYS.config[0].id, KEYS.config[0].id] }),
    "VT4",
  ],
  ["a key in two roles", inRole("head", { keyIds: [KEYS.command[0].id] }), "VT4"],
  [
    "a trust key that signs configurations",
    inRole("config", { keyIds: [third.id, ...ids(KEYS.config)] }),
    "VT4",
  ],
  ["trust threshold 1", inRole("trust", { threshold: 1 }), "VT4"],
  ["config threshold 1", inRole("config", { threshold: 1 }), "VT4"],
  ["head threshold 0", inRole("head", { threshold: 0 }), "VT4"],
  ["command threshold -1", inRole("command", { threshold: -1 }), "VT4"],
  ["a threshold above the number of keys", inRole("trust", { threshold: 4 }), "VT4"],
  ["a role without keys", inRole("head", { keyIds: [] }), "VT4"],
];
for (const [what, envelope, by] of BROKEN) {
  test(`[VT3, VT4] ${what}: BAD_TRUST by ${by}`, () =>
    assert.equal(step(envelope), `${by} BAD_TRUST`));
}

test("[VT3] a key of the hospital or the device is refused in any place", () => {
  assert.equal(step(first2, { forbidden: KEYS.hospital }), "accepted");
  assert.equal(step(first2, { forbidden: [KEYS.head[0]] }), "VT3 BAD_TRUST");
});

test("[VT5] the new role must have signed, too: new keys that are not there are not put in force", () => {
  const own = [keyFrom("a"), keyFrom("b")];
  const keys = { ...trust().keys, ...Object.fromEntries(own.map(({ id, hex }) => [id, hex])) };
  const roles = { ...trust().roles, trust: { keyIds: ids(own), threshold: 2 } };
  const next = trust({ version: 2, keys, roles });
  const stored = trust();
  const by = (signers: readonly TestKey[]): string =>
    step(signed("trust", next, signers), { stored });
  assert.equal(by([first, second]), "VT5 SIGNATURES");
  assert.equal(by([first, second, own[0] as TestKey]), "VT5 SIGNATURES");
  assert.equal(by(own), "V8 SIGNATURES");
  assert.equal(by([first, ...own]), "V8 SIGNATURES");
  assert.equal(by([first, second, ...own]), "accepted");
});

test("[VT6] an epoch never falls; a higher one begins anew", () => {
  const stored = trust({ configEpoch: 5 });
  const answer = (configEpoch: number) =>
    acceptTrust({
      ...{ stored, anchor: ANCHOR, tenant: "north", forbiddenKeys: [] },
      envelope: signed("trust", trust({ version: 2, configEpoch }), KEYS.trust),
    });
  const lower = answer(4);
  assert.ok(lower.kind === "refused" && lower.code === "ROLLBACK" && lower.step === "VT6");
  for (const [epoch, startsEpoch] of [
    [5, false],
    [6, true],
  ] as const) {
    const accepted = answer(epoch);
    assert.ok(accepted.kind === "accepted");
    assert.equal(accepted.startsEpoch, startsEpoch);
  }
});

test("[VT7] no clock is asked: a document of any date is taken", () => {
  for (const issuedAt of ["1999-01-01T00:00:00Z", "2999-01-01T00:00:00Z"]) {
    assert.equal(step(signed("trust", trust({ issuedAt }), KEYS.trust)), "accepted");
  }
});

test("a chain goes on from where the agent is; what it has already is passed over", () => {
  const chain = [1, 2, 3, 4].map((version) => signed("trust", trust({ version }), KEYS.trust));
  const start = { anchor: ANCHOR, tenant: "north", forbiddenKeys: [] };
  for (const have of [0, 1, 2, 3, 4]) {
    const stored = have === 0 ? undefined : trust({ version: have });
    const answer = acceptTrustChain({ ...start, stored }, chain);
    assert.ok(answer.kind === "whole");
    const versions = answer.accepted.map(({ document }) => document.version);
    assert.deepEqual(versions, [1, 2, 3, 4].slice(have));
  }
});

test("a chain that breaks off says where, and keeps what was good", () => {
  const chain = [1, 2, 4].map((version) => signed("trust", trust({ version }), KEYS.trust));
  const start = { stored: undefined, anchor: ANCHOR, tenant: "north", forbiddenKeys: [] };
  const answer = acceptTrustChain(start, chain);
  assert.ok(answer.kind === "broken");
  assert.deepEqual([answer.index, answer.refused.code], [2, "ROLLBACK"]);
  assert.equal(answer.accepted.length, 2);
  // What is older is passed over at the beginning only.
  const back = acceptTrustChain(start, [...chain.slice(0, 2), ...chain.slice(0, 1)]);
  assert.ok(back.kind === "broken" && back.index === 2);
});

test("what was accepted is read back from its payload, and nothing that VT3 and VT4 forbid", () => {
  const start = { stored: undefined, anchor: ANCHOR, tenant: "north", forbiddenKeys: [] };
  const accepted = acceptTrust({ ...start, envelope: first2 });
  assert.ok(accepted.kind === "accepted");
  assert.deepEqual(readAcceptedTrust(accepted.payload), trust());
  const bad = JSON.stringify(trust()).replace('"threshold":2', '"threshold":1');
  const refused = readAcceptedTrust(new TextEncoder().encode(bad));
  assert.ok("kind" in refused && refused.code === "BAD_TRUST");
});

test("a role of a document is what the kernel takes; its keys are what a hospital key must not be", () => {
  assert.deepEqual(roleOf(trust(), "config"), role(KEYS.config, 2));
  assert.equal(keysOf(trust()).length, 8);
  assert.deepEqual(keyFromHex(first.hex), first.raw);
  assert.equal(keyFromHex(first.hex, second.id), undefined);
  assert.equal(keyFromHex(SMALL_ORDER), undefined);
});
