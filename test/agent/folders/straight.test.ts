import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { DropFolder, namesOf, REASON } from "#test/support/drop-folder.ts";

const sha256 = (text: string): Uint8Array =>
  new Uint8Array(createHash("sha256").update(text).digest());

describe("a file's way", () => {
  test("[P17, P22, P27] from the drop folder through work into the archive", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7", "MSH|1\r");
    folder.drop("b.hl7", "MSH|2\r");
    const candidates = folder.complete();
    assert.deepEqual(namesOf(candidates), ["a.hl7", "b.hl7"]);
    const claimed = folder.claim(candidates);
    assert.deepEqual(folder.list("drop"), []);
    assert.deepEqual(folder.list("work"), ["aaaaaaaaaaaaaaa1.d.a.hl7", "aaaaaaaaaaaaaaa2.d.b.hl7"]);
    const read = folder.methods.read({ claims: claimed, maxBytes: 1_000 });
    assert.deepEqual(
      read.map((one) => one.outcome === "whole" && Buffer.from(one.bytes).toString()),
      ["MSH|1\r", "MSH|2\r"],
    );
    assert.deepEqual(
      read.map((one) => one.outcome === "whole" && one.sha256),
      [sha256("MSH|1\r"), sha256("MSH|2\r")],
    );
    const moved = folder.methods.archive({
      moves: claimed.map((one) => folder.move(one)),
      after: "archive",
    });
    assert.deepEqual(
      moved.map((one) => one.outcome),
      ["moved", "moved"],
    );
    assert.deepEqual(folder.list("work"), []);
    assert.deepEqual(folder.list("archive"), ["2025/01/02/a.hl7", "2025/01/02/b.hl7"]);
    assert.equal(folder.text("archive", "2025/01/02/a.hl7"), "MSH|1\r");
  });

  test("[P31] into the error folder, with the reason beside it", () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7", "nothing");
    const [moved] = folder.methods.aside([
      { ...folder.move(claimed, { sha256: sha256("nothing") }), reason: REASON },
    ]);
    assert.equal(moved?.outcome, "moved");
    assert.deepEqual(folder.list("error"), ["a.hl7", "a.hl7.reason.json"]);
    const { modified, ...reason } = JSON.parse(folder.text("error", "a.hl7.reason.json"));
    assert.ok(Date.parse(modified) > 0);
    assert.deepEqual(reason, {
      code: "noHeader",
      rule: "P39",
      channel: "adt",
      claim: claimed.claim,
      size: 7,
      at: "2025-01-02T03:04:05.000Z",
      sha256: Buffer.from(sha256("nothing")).toString("hex"),
    });
    assert.deepEqual(folder.list("work"), []);
  });

  test("[P22] a large one in parts, with the same hash", () => {
    using folder = new DropFolder();
    const text = "0123456789".repeat(1_000);
    const claimed = folder.taken("a.hl7", text);
    const [begun] = folder.methods.read({ claims: [claimed], maxBytes: 100 });
    assert.deepEqual(begun, {
      claim: claimed.claim,
      outcome: "large",
      size: 10_000,
      about: { named: {}, sidecar: undefined },
    });
    let found = "";
    for (;;) {
      const part = folder.methods.readPart({ claim: claimed.claim, maxBytes: 999 });
      if (part.length === 0) break;
      found += Buffer.from(part).toString();
    }
    assert.equal(found, text);
    assert.deepEqual(folder.methods.readEnd({ claim: claimed.claim }), {
      outcome: "unchanged",
      sha256: sha256(text),
    });
  });
});
