import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { PickupSettings } from "#agent/folders/messages.ts";
import { DropFolder, namesOf } from "#test/support/drop-folder.ts";

const unfit = (folder: DropFolder): Record<string, string> => {
  const { candidates } = folder.poll();
  return Object.fromEntries(
    candidates.map((one, at) => [namesOf(candidates)[at], one.unfit ?? ""]),
  );
};

const GATES: readonly (readonly [
  PickupSettings["contentGate"],
  string,
  string | Buffer,
  boolean,
])[] = [
  ["hl7", "a message", "MSH|^~\\&|\rPID|1\r", true],
  ["hl7", "a message behind a byte order mark", "\ufeffMSH|^~\\&|\r", true],
  ["hl7", "a framed message", "\vMSH|^~\\&|\rPID|\r\x1c\r", true],
  ["hl7", "a message without an end", "MSH|^~\\&|\rPID|1", false],
  ["hl7", "something else", "PID|1\r", false],
  ["hl7", "a batch", "BHS|\rMSH|\rBTS|1\n", true],
  ["hl7", "a batch without its end", "BHS|\rMSH|\r", false],
  ["hl7", "a file of batches", "FHS|\rBHS|\rMSH|\rBTS|1\rFTS|1\r", true],
  ["hl7", "a file without BTS", "FHS|\rBHS|\rMSH|\rFTS|1\r", false],
  ["hl7", "a file without FTS", "FHS|\rBHS|\rMSH|\rBTS|1\r", false],
  ["hl7", "a file without batches", "FHS|\nMSH|\nFTS|1\n", true],
  ["hl7", "a large batch", `BHS|\r${"MSH|^~\\&|\r".repeat(20_000)}BTS|20000\r`, true],
  ["hl7", "a large batch without its end", `BHS|\r${"MSH|^~\\&|\r".repeat(20_000)}`, false],
  ["hl7", "FTS as text", "FHS|\rMSH|FTS\r", false],
  ["pdf", "a document", "%PDF-1.7\n...\n%%EOF\n", true],
  [
    "pdf",
    "a document behind other bytes",
    `${"x".repeat(1_019)}%PDF-${"y".repeat(5_000)}%%EOF`,
    true,
  ],
  ["pdf", "a document that begins too late", `${"x".repeat(1_020)}%PDF-%%EOF`, false],
  ["pdf", "half a document", `%PDF-1.7\n${"x".repeat(5_000)}`, false],
  ["pdf", "an end too far from the end", `%PDF-%%EOF${"x".repeat(2_048)}`, false],
  ["zip", "an empty archive", Buffer.from(`PK\x05\x06${"\0".repeat(18)}`, "latin1"), true],
  ["zip", "half an archive", Buffer.from(`PK\x03\x04${"\0".repeat(60)}`, "latin1"), false],
  ["zip", "an archive", zip(""), true],
  ["zip", "an archive with a comment", zip("PK\x05\x06 is a comment"), true],
  ["zip", "an archive without its last byte", zip("a comment").subarray(0, -1), false],
  ["zip", "an archive whose directory is not there", zip("").fill(0, 31, 35), false],
];

/** One stored file `a` of one byte, by APPNOTE.TXT. */
function zip(comment: string): Buffer {
  const local = Buffer.from(`PK\x03\x04${"\0".repeat(26)}a1`, "latin1");
  local.writeUInt16LE(1, 26);
  const entry = Buffer.from(`PK\x01\x02${"\0".repeat(42)}a`, "latin1");
  const end = Buffer.from(`PK\x05\x06${"\0".repeat(18)}${comment}`, "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(entry.length, 12);
  end.writeUInt32LE(local.length, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([local, entry, end]);
}

describe("content gate", () => {
  for (const [contentGate, what, content, isOpen] of GATES) {
    test(`[P9] ${contentGate}: ${what} ${isOpen ? "passes" : "waits ten minutes, then is unfit"}`, () => {
      using folder = new DropFolder({ contentGate });
      folder.drop("a", content);
      folder.poll();
      folder.clock.advance(5_000);
      if (isOpen) {
        assert.deepEqual(unfit(folder), { a: "" });
        return;
      }
      const { candidates, waitingCount } = folder.poll();
      assert.deepEqual([candidates.length, waitingCount], [0, 1]);
      folder.clock.advance(599_999);
      assert.deepEqual(unfit(folder), {});
      folder.clock.advance(1);
      assert.deepEqual(unfit(folder), { a: "contentGate" });
    });
  }

  test("[P9] a file that is completed while it waits is taken", () => {
    using folder = new DropFolder({ contentGate: "hl7" });
    folder.drop("a", "MSH|\rPID|");
    folder.complete();
    appendFileSync(folder.at("drop", "a"), "1\r");
    assert.deepEqual(namesOf(folder.complete()), ["a"]);
  });

  test("[P9] a file below minFileBytes waits, whatever the gate", () => {
    using folder = new DropFolder({ minFileBytes: 10 });
    folder.drop("a", "MSH|\r");
    folder.drop("b", "MSH|^~\\&|\r");
    assert.deepEqual(namesOf(folder.complete()), ["b"]);
    folder.clock.advance(600_000);
    assert.deepEqual(unfit(folder), { a: "contentGate", b: "" });
  });

  test("[P9, P32] files that a gate stops do not stop those behind them, though they are many", () => {
    using folder = new DropFolder({ contentGate: "hl7", maxFilesPerPoll: 5 });
    for (let at = 0; at < 40; at++) folder.drop(`bad${at}`, "MSH|");
    folder.drop("good", "MSH|\r");
    let found = folder.complete();
    for (let polls = 0; found.length === 0 && polls < 10; polls++) found = folder.poll().candidates;
    assert.deepEqual(namesOf(found), ["good"]);
  });

  test("[P9] the gate is looked through after stability alone, and not when a file is too large", () => {
    using folder = new DropFolder({ contentGate: "pdf", maxBytes: 20 });
    folder.drop("a", "x".repeat(21));
    folder.poll();
    folder.clock.advance(5_000);
    assert.deepEqual(unfit(folder), { a: "tooLarge" });
  });
});
