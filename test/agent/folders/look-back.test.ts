import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFileSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import { describe, test } from "node:test";
import type { Move, MoveOutcome } from "#agent/folders/messages.ts";
import { DropFolder, SECRET } from "#test/support/drop-folder.ts";

const sha256 = (text: string): Uint8Array =>
  new Uint8Array(createHash("sha256").update(text).digest());
const archive = (folder: DropFolder, ...moves: readonly Move[]): readonly MoveOutcome[] =>
  folder.methods.archive({ moves, after: "archive" });

describe("look back", () => {
  const lookBack = (folder: DropFolder, ...moves: readonly Move[]) => {
    const reason = { code: "lateWrite", rule: "P11", channel: "adt" };
    return folder.methods.lookBack(moves.map((move) => ({ ...move, reason })));
  };
  const archived = (folder: DropFolder, name: string): Move => {
    const move = folder.move(folder.taken(name, "MSH|1\r"), { sha256: sha256("MSH|1\r") });
    const [moved] = archive(folder, move);
    assert.ok(moved?.outcome === "moved");
    return { ...move, targets: moved.targets };
  };

  test("[P11] an archived file as it was committed is no late write", () => {
    using folder = new DropFolder();
    assert.deepEqual(lookBack(folder, archived(folder, "a.hl7")), []);
    assert.deepEqual(folder.list("error"), []);
  });

  test("[P11, P-A29] one that was written to afterwards is told, and a copy lies in the error folder, once", () => {
    using folder = new DropFolder();
    const move = archived(folder, "a.hl7");
    appendFileSync(folder.at("archive", "2025/01/02/a.hl7"), "PID|2\r");
    for (const told of [[{ claim: move.claim, found: "copied" }], []]) {
      assert.deepEqual(lookBack(folder, move), told);
      assert.deepEqual(folder.list("error"), ["a.hl7", "a.hl7.reason.json"]);
    }
    assert.equal(folder.text("error", "a.hl7"), "MSH|1\rPID|2\r");
    assert.equal(folder.text("archive", "2025/01/02/a.hl7"), "MSH|1\rPID|2\r");
    assert.equal(JSON.parse(folder.text("error", "a.hl7.reason.json")).code, "lateWrite");
  });

  test("[P11] one that has grown beyond what may be copied is told all the same, and so are those beside it", () => {
    using folder = new DropFolder({ maxBytes: 1_000 });
    const [large, late] = [archived(folder, "a.hl7"), archived(folder, "b.hl7")];
    truncateSync(folder.at("archive", "2025/01/02/a.hl7"), 2_000);
    appendFileSync(folder.at("archive", "2025/01/02/b.hl7"), "PID|2\r");
    assert.deepEqual(lookBack(folder, large, late), [
      { claim: large.claim, found: "uncopied" },
      { claim: late.claim, found: "copied" },
    ]);
    assert.deepEqual(folder.list("error"), ["b.hl7", "b.hl7.reason.json"]);
  });

  test("[P11] a file that somebody took out of the archive is nobody's late write", () => {
    using folder = new DropFolder();
    const move = archived(folder, "a.hl7");
    rmSync(folder.at("archive", "2025/01/02/a.hl7"));
    symlinkSync(SECRET, folder.at("archive", "2025/01/02/a.hl7"));
    assert.deepEqual(lookBack(folder, move), []);
    assert.deepEqual(lookBack(folder, { ...move, targets: [Buffer.from("../../etc/passwd")] }), []);
  });
});
