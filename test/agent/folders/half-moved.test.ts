/** The process ended, or the power failed, between two steps of a move: what is begun is found again, and nothing is left over. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { linkSync } from "node:fs";
import { test } from "node:test";
import { DropFolder } from "#test/support/drop-folder.ts";

const sha256 = (text: string): Uint8Array =>
  new Uint8Array(createHash("sha256").update(text).digest());
const DAY = "2025/01/02";

test("[P27] files of one name and second, and of several contents: each mark begins anew, so that a name that was taken is found again", () => {
  using folder = new DropFolder();
  const archive = (content: string): string[] => {
    const claimed = folder.taken("a.hl7", content);
    const move = folder.move(claimed, { sha256: sha256(content) });
    folder.methods.archive({ moves: [move], after: "archive" });
    const target = folder.list("archive").find((name) => folder.text("archive", name) === content);
    // Linked, and not removed yet.
    linkSync(folder.at("archive", target ?? ""), folder.at("work", `${claimed.claim}.d.a.hl7`));
    const again = folder.opened().archive({ moves: [move], after: "archive" });
    assert.equal(again[0]?.outcome, "moved");
    assert.deepEqual(folder.list("work"), []);
    return folder.list("archive");
  };
  archive("first");
  archive("second");
  const mark = Buffer.from(sha256("third")).toString("hex").slice(0, 8);
  const names = archive("third");
  assert.equal(names.length, 3, names.join());
  assert.ok(names.includes(`${DAY}/a_20250102T030405_${mark}.hl7`), names.join());
});
