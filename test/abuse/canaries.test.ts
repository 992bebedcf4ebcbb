/** The search for canaries itself: what it must find, made by others than it (08 9). */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { digestNeedles, hitsIn, needlesOf } from "./canaries.ts";

const WORD = 'Kanarienvögel & "Зяблик" <7/7>';
const NEEDLES = [...needlesOf(WORD), ...digestNeedles("the word", Buffer.from(WORD))];
const UTF8 = Buffer.from(WORD);
const digest = (algorithm: string) => createHash(algorithm).update(WORD);

/** As it would be met in the wild, each with something in front that shifts it. */
const MET: Readonly<Record<string, (lead: string) => string | Buffer>> = {
  "as it is": (lead) => lead + WORD,
  "in capitals": (lead) => (lead + WORD).toUpperCase(),
  "in lower case": (lead) => (lead + WORD).toLowerCase(),
  "UTF-16LE": (lead) => Buffer.from(lead + WORD, "utf16le"),
  "UTF-16BE": (lead) => Buffer.from(lead + WORD, "utf16le").swap16(),
  base64: (lead) => Buffer.from(`${lead}${WORD}, and more`).toString("base64"),
  base64url: (lead) => Buffer.from(`${lead}${WORD}, and more`).toString("base64url"),
  hex: (lead) => Buffer.from(lead + WORD).toString("hex"),
  HEX: (lead) =>
    Buffer.from(lead + WORD)
      .toString("hex")
      .toUpperCase(),
  "as Node shows a buffer": (lead) =>
    Buffer.from(lead + WORD)
      .toString("hex")
      .replaceAll(/../g, "$& ")
      .trim(),
  "a component of a URL": (lead) => encodeURIComponent(lead + WORD),
  "a form": (lead) => new URLSearchParams({ lead, q: WORD }).toString(),
  JSON: (lead) => JSON.stringify({ name: lead + WORD }),
  "JSON in ASCII": (lead) =>
    JSON.stringify(lead + WORD).replaceAll(
      /[\u0080-\uffff]/g,
      (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
  HTML: (lead) =>
    (lead + WORD)
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;"),
  reversed: (lead) => [...(lead + WORD)].reverse().join(""),
  "bytes read as latin1": (lead) => Buffer.from(Buffer.from(lead + WORD).toString("latin1")),
  "with a character that could not be read": (lead) =>
    (lead + WORD).replaceAll(/[^ -~]/g, "\ufffd"),
  "cut off behind a part of it": (lead) => lead + WORD.slice(0, 9),
  "MD5 in hex": () => digest("md5").digest("hex"),
  "SHA-1 in base64": () => digest("sha1").digest("base64"),
  "SHA-256 in hex": () => digest("sha256").digest("hex"),
  "SHA-256 in capitals": () => digest("sha256").digest("hex").toUpperCase(),
  "SHA-256, half of it": () => digest("sha256").digest("hex").slice(0, 32),
  "SHA-512 as bytes": () => digest("sha512").digest(),
};

test("[R01] [D06] [PL3] a canary is found however it was written down, and nothing else is", () => {
  for (const [what, written] of Object.entries(MET)) {
    for (const lead of ["", "a", "ab", "abc"]) {
      const content = Buffer.concat([
        Buffer.alloc(50, "."),
        Buffer.from(written(lead)),
        Buffer.from("."),
      ]);
      assert.ok(hitsIn("planted", content, NEEDLES).length > 0, `${what}, behind "${lead}"`);
    }
  }
  const innocent = Buffer.from("A canary of another kind: Kanari, Vogel & Co, 77 <7>, зяб");
  assert.deepEqual(hitsIn("innocent", innocent, NEEDLES), []);
  assert.deepEqual(hitsIn("its length", Buffer.from(String(UTF8.length)), NEEDLES), []);
});
