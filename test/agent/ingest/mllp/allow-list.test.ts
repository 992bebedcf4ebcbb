import assert from "node:assert/strict";
import { test } from "node:test";
import { allowList, plainAddress } from "#agent/ingest/mllp/allow-list.ts";

const VECTORS: readonly (readonly [readonly string[], string, boolean])[] = [
  [[], "192.0.2.7", true],
  [["192.0.2.7"], "192.0.2.7", true],
  [["192.0.2.7"], "192.0.2.8", false],
  [["10.20.0.0/16"], "10.20.255.1", true],
  [["10.20.0.0/16"], "10.21.0.1", false],
  [["10.20.0.0/16", "192.0.2.7"], "192.0.2.7", true],
  [["0.0.0.0/0"], "203.0.113.1", true],
  [["0.0.0.0/0"], "2001:db8::1", false],
  [["2001:db8::/32"], "2001:db8:1::1", true],
  [["2001:db8::/32"], "2001:db9::1", false],
  [["fe80::1"], "fe80::1", true],
  [["192.0.2.7"], "", false],
  [["192.0.2.7"], "nonsense", false],
];
for (const [entries, address, allowed] of VECTORS) {
  const what = `${address || "a peer without address"} by [${entries}]`;
  test(`[C3] allowList ${allowed ? "admits" : "refuses"} ${what}`, () => {
    assert.equal(allowList(entries)(address), allowed);
  });
}

test("[C3] allowList refuses an entry that is no address", () => {
  for (const entry of ["", "ward-3.example", "300.1.1.1", "/8"]) {
    assert.throws(() => allowList([entry]), RangeError, entry);
  }
  assert.throws(() => allowList(["10.0.0.0/33"]), RangeError);
});

test("[C3, E6] plainAddress takes off the dual-stack prefix and the zone of a link-local address", () => {
  assert.equal(plainAddress("::ffff:10.0.0.1"), "10.0.0.1");
  assert.equal(plainAddress("10.0.0.1"), "10.0.0.1");
  assert.equal(plainAddress("2001:db8::1"), "2001:db8::1");
  assert.equal(plainAddress("fe80::1%eth0"), "fe80::1");
});
