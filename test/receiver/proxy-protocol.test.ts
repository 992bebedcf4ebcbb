import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  isNetwork,
  Networks,
  PROXY_HEADER_MAX_BYTES,
  readProxyHeader,
} from "#receiver/proxy-protocol.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const read = (hex: string) => readProxyHeader(bytesOf(SIGNATURE + hex.replaceAll(" ", "")));

/** Source 192.0.2.1:41000, destination 198.51.100.7:443. */
const TCP4 = "21 11 000c c0000201 c6336407 a028 01bb";
const TCP6 =
  "21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 a028 01bb";

describe("PROXY protocol", () => {
  test("[TP4] TCP over IPv4 and IPv6, as the specification writes them", () => {
    assert.deepEqual(read(TCP4), {
      kind: "complete",
      bytes: 28,
      source: { address: "192.0.2.1", port: 41_000 },
    });
    assert.deepEqual(read(TCP6), {
      kind: "complete",
      bytes: 52,
      source: { address: "2001:db8:0:0:0:0:0:1", port: 41_000 },
    });
  });

  test("[TP4] LOCAL has no source, with and without addresses", () => {
    assert.deepEqual(read("20 00 0000"), { kind: "complete", bytes: 16, source: null });
    assert.deepEqual(read(TCP4.replace("21", "20")), { kind: "complete", bytes: 28, source: null });
  });

  test("[TP4] TLVs behind the addresses are skipped, up to 536 bytes in all", () => {
    const withTlv = `21 11 0013 c0000201 c6336407 a028 01bb 04 0004 ${"00".repeat(4)}`;
    assert.deepEqual(read(withTlv), {
      kind: "complete",
      bytes: 35,
      source: { address: "192.0.2.1", port: 41_000 },
    });
    const largest = PROXY_HEADER_MAX_BYTES - 16;
    const padded = (length: number): string =>
      `21 11 ${length.toString(16).padStart(4, "0")} c0000201 c6336407 a028 01bb${"00".repeat(length - 12)}`;
    assert.equal(read(padded(largest)).kind, "complete");
    assert.equal(read(padded(largest + 1)).kind, "malformed");
  });

  const MALFORMED = {
    "version 1, as text": Buffer.from("PROXY TCP4 192.0.2.1 ").toString("hex"),
    "a TLS ClientHello": "16030100c8010000c4030300",
    "another version": `${SIGNATURE}31 11 000c c0000201 c6336407 a028 01bb`,
    "another command": `${SIGNATURE}22 11 000c c0000201 c6336407 a028 01bb`,
    UDP: `${SIGNATURE}21 12 000c c0000201 c6336407 a028 01bb`,
    "a Unix socket": `${SIGNATURE}21 31 000c c0000201 c6336407 a028 01bb`,
    "PROXY of an unspecified family": `${SIGNATURE}21 00 0000`,
    "too few bytes of addresses": `${SIGNATURE}21 11 000b c0000201 c6336407 a028 01`,
    "IPv4 addresses said to be IPv6": `${SIGNATURE}21 21 000c c0000201 c6336407 a028 01bb`,
    "a length above the limit, before the rest is here": `${SIGNATURE}21 11 ffff`,
  };
  for (const [what, hex] of Object.entries(MALFORMED)) {
    test(`[TP4] ${what} is malformed`, () => {
      assert.deepEqual(readProxyHeader(bytesOf(hex.replaceAll(" ", ""))), { kind: "malformed" });
    });
  }

  test("[TP4] a wrong byte of the signature is found as soon as it is here", () => {
    assert.equal(readProxyHeader(bytesOf("0d0a0d0a000d0b")).kind, "malformed");
    assert.deepEqual(readProxyHeader(bytesOf("0d0a0d0a000d0a")), { kind: "incomplete", bytes: 16 });
  });

  test("[TP4] however it is cut, a header is incomplete until its last byte, and what follows is left", () => {
    const header = fc.oneof(
      fc.constantFrom(TCP4, TCP6, "20 00 0000").map((hex) => ({ hex, more: 0 })),
      fc.nat(500).map((more) => ({ hex: "", more })),
    );
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 40 }), ({ hex, more }, behind) => {
        const length = (12 + more).toString(16).padStart(4, "0");
        const tlv = `21 11 ${length} c0000201 c6336407 a028 01bb${"05".repeat(more)}`;
        const whole = bytesOf(SIGNATURE + (hex === "" ? tlv : hex).replaceAll(" ", ""));
        for (let cut = 0; cut < whole.length; cut++) {
          const read = readProxyHeader(whole.subarray(0, cut));
          assert.ok(read.kind === "incomplete" && read.bytes > cut && read.bytes <= whole.length);
        }
        const read = readProxyHeader(Uint8Array.from([...whole, ...behind]));
        assert.ok(read.kind === "complete" && read.bytes === whole.length);
      }),
    );
  });

  test("[TP4] any bytes behind the signature are read, or malformed, and nothing is thrown", () => {
    const signature = bytesOf(SIGNATURE);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, signed) => {
        const read = readProxyHeader(signed ? Uint8Array.from([...signature, ...bytes]) : bytes);
        if (read.kind !== "malformed") assert.ok(read.bytes <= PROXY_HEADER_MAX_BYTES);
      }),
      { numRuns: 2_000 },
    );
  });

  test("[TP4] networks: IPv4, IPv6, and IPv4 as a socket of both tells it", () => {
    const networks = new Networks(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"]);
    for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::5", "192.0.2.7"]) {
      assert.equal(networks.has(address), true, address);
    }
    for (const address of ["11.1.2.3", "::ffff:11.1.2.3", "2001:db9::5", "192.0.2.8", "", "::1"]) {
      assert.equal(networks.has(address), false, address);
    }
    assert.ok(isNetwork("0.0.0.0/0") && isNetwork("::/0"));
    for (const text of ["10.0.0.0", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/8/8", "1.2.3.4/-1"]) {
      assert.equal(isNetwork(text), false, text);
      assert.throws(() => new Networks([text]), RangeError);
    }
  });
});
