import assert from "node:assert/strict";
import { hash, sign, verify } from "node:crypto";
import { test } from "node:test";
import { ed25519OfRaw, ed25519Raw } from "#certs/ed25519.ts";
import { type EnrolmentToken, formatToken, parseToken, tokenKey } from "#certs/token.ts";

const TOKEN: EnrolmentToken = {
  url: "https://gateway.example.org:8443",
  tenant: "north",
  agent: "ward-1",
  tokenId: "00112233445566778899aabbccddeeff",
  seed: new Uint8Array(32).fill(7),
  caSpkiSha256: "ab".repeat(32),
  expires: "2026-11-27T08:00:00Z",
};

/** A token around any JSON, with its check part right. */
function tokenOf(json: string): string {
  const middle = Buffer.from(json).toString("base64url");
  return `holdfast1.${middle}.${hash("sha256", middle, "hex").slice(0, 8)}`;
}

const fields = (change: object): string =>
  JSON.stringify({ ...TOKEN, seed: Buffer.from(TOKEN.seed).toString("base64url"), ...change });

test("[EN1] a token comes out as it was made, also broken over lines by a mail program", () => {
  const text = formatToken(TOKEN);
  assert.match(text, /^holdfast1\.[A-Za-z0-9_-]+\.[0-9a-f]{8}$/);
  assert.deepEqual(parseToken(text), { kind: "token", token: TOKEN });
  const broken = ` ${text.slice(0, 40)}\r\n ${text.slice(40)}\n`;
  assert.deepEqual(parseToken(broken), { kind: "token", token: TOKEN });
});

test("[I06] a slip of the hand is found at every position, before a try is spent", () => {
  const text = formatToken(TOKEN);
  for (let at = "holdfast1.".length; at < text.length; at++) {
    const other = text[at] === "a" ? "b" : "a";
    const slip = text.slice(0, at) + other + text.slice(at + 1);
    assert.deepEqual(parseToken(slip), { kind: "refused", why: "mistyped" }, `at ${at}`);
  }
  const short = parseToken(text.slice(0, -1));
  assert.deepEqual(short, { kind: "refused", why: "mistyped" });
});

test("[EN1] what is no token at all is told apart from a mistyped one", () => {
  for (const text of ["", "hello", "holdfast2.e30.12345678", "x".repeat(100_000)]) {
    assert.deepEqual(parseToken(text), { kind: "refused", why: "notAToken" });
  }
});

test("[EN1] a token with a field too many, too few or out of its grammar is refused", () => {
  assert.equal(parseToken(tokenOf(fields({}))).kind, "token");
  const changes = [
    { extra: 1 },
    { url: "http://gateway.example.org" },
    { url: "https://user@gateway.example.org" },
    { url: "https://gateway.example.org/path" },
    { url: "https://gateway.example.org/?q=1" },
    { tenant: "North" },
    { agent: "" },
    { tokenId: "0011" },
    { seed: "AAAA" },
    { seed: `${"A".repeat(42)}B` },
    { caSpkiSha256: "AB".repeat(32) },
    { expires: "2026-11-27" },
    { expires: "2026-13-27T08:00:00Z" },
    { expires: "never" },
  ];
  const bodies = [...changes.map(fields), fields({ tenant: undefined }), "[]", "{", "null"];
  for (const body of bodies) {
    assert.deepEqual(parseToken(tokenOf(body)), { kind: "refused", why: "malformed" }, body);
  }
});

test("[EN5] the seed's key signs, and the receiver needs the public half alone", () => {
  const key = tokenKey(TOKEN);
  const raw = ed25519Raw(key);
  assert.equal(raw.length, 32);
  const said = Buffer.from("hello");
  assert.ok(verify(null, said, ed25519OfRaw(raw), sign(null, said, key)));
});
