import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import {
  type AddressRange,
  canonicalHost,
  isUnspecified,
  isWithin,
  rangeOf,
} from "#config/addresses.ts";

function known(text: string): AddressRange {
  const range = rangeOf(text);
  assert.ok(range, text);
  return range;
}

test("[VC9] a range is inside another exactly where each of its addresses is", () => {
  const TABLE: readonly (readonly [string, string, boolean])[] = [
    ["10.20.0.0/16", "10.0.0.0/8", true],
    ["10.0.0.0/8", "10.20.0.0/16", false],
    ["10.20.3.4", "10.20.3.4", true],
    ["10.20.3.4", "10.20.3.4/32", true],
    ["10.20.3.5", "10.20.3.4/31", true],
    ["10.20.3.6", "10.20.3.4/31", false],
    ["0.0.0.0/0", "0.0.0.0/1", false],
    ["128.0.0.0/1", "0.0.0.0/1", false],
    ["10.0.0.1", "::/0", false],
    ["fd00:1::/32", "fd00::/8", true],
    ["fe00::/8", "fd00::/8", false],
    // The same address in other spellings.
    ["::ffff:10.20.3.4", "10.0.0.0/8", true],
    ["::ffff:10.0.0.0/104", "10.0.0.0/8", true],
    ["::ffff:10.0.0.0/103", "10.0.0.0/8", false],
    ["FD00:0:0:0::1", "fd00::1", true],
    // A range with bits behind its prefix is the range that it lies in.
    ["10.20.3.4/8", "10.20.0.0/16", false],
  ];
  for (const [inner, outer, expected] of TABLE) {
    assert.equal(isWithin(known(inner), known(outer)), expected, `${inner} in ${outer}`);
  }
});

test("[VC9] ranges and addresses agree with the lists that Node keeps", () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(address, address, fc.nat(32), (inner, outer, prefix) => {
      const family = isIP(outer) === 6 ? "ipv6" : "ipv4";
      fc.pre(isIP(inner) !== 0 && isIP(outer) !== 0 && isIP(inner) === isIP(outer));
      const list = new BlockList();
      list.addSubnet(outer, prefix, family);
      const found = isWithin(known(inner), known(`${outer}/${prefix}`));
      assert.equal(found, list.check(inner, family), `${inner} in ${outer}/${prefix}`);
    }),
  );
});

test("[VC9] what is no address or range is none", () => {
  const TEXTS = ["", "10.1", "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.0/", "fe80::1%eth0", "::/129"];
  for (const text of [...TEXTS, "localhost", "10.0.0.0/-1", "10.0.0.0/0x8"]) {
    assert.equal(rangeOf(text), undefined, text);
  }
});

test("[VC9] every address that means all interfaces is known as one", () => {
  for (const text of ["0.0.0.0", "::", "::ffff:0.0.0.0", "0:0:0:0:0:0:0:0"]) {
    assert.ok(isUnspecified(known(text)), text);
  }
  for (const text of ["0.0.0.1", "::1", "0.0.0.0/8"]) assert.ok(!isUnspecified(known(text)), text);
});

test("[VC9] a host has one spelling", () => {
  assert.equal(canonicalHost("RIS.Hospital.Example."), canonicalHost("ris.hospital.example"));
  assert.equal(canonicalHost("::ffff:10.20.3.4"), canonicalHost("10.20.3.4"));
  assert.notEqual(canonicalHost("10.20.3.4"), canonicalHost("10.20.3.5"));
});
