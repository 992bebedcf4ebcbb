/** Names and paths (04 P61). Run by `windows.test.ts`. @module */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, toNamespacedPath } from "node:path";
import type { DroppedFile } from "#agent/folders/messages.ts";
import { DropFolder, namesOf } from "#test/support/drop-folder.ts";
import type { Scenes } from "#test/support/scenes.ts";
import { archived, exact, textRead } from "./scene-folder.ts";

const MINUTE_MS = 60_000;

const files = (name: string): readonly DroppedFile[] => [
  { part: "data", name: Buffer.from(name), size: 6, modifiedNs: 0n, inode: 0n },
];

export const NAMES_SCENES: Scenes = {
  "[P61, P-A17] files whose paths are longer than 260 characters are worked on": () => {
    using folder = new DropFolder();
    folder.drop(`${"n".repeat(251)}.hl7`, "MSH|1");
    const [claimed] = folder.claim(folder.complete());
    assert.ok(claimed !== undefined);
    assert.equal(textRead(folder, claimed), "MSH|1");
    assert.match(archived(folder, claimed), /^2025\/01\/02\/n{200,}\.hl7$/);
    assert.deepEqual([folder.list("drop"), folder.list("work")], [[], []]);
    return undefined;
  },

  "[P61, P-A17] folders whose paths are longer than 260 characters are worked on": () => {
    const parent = join(mkdtempSync(join(tmpdir(), "long-")), "d".repeat(200), "e".repeat(200));
    mkdirSync(toNamespacedPath(parent), { recursive: true });
    try {
      realpathSync.native(parent);
    } catch {
      return "a folder with a long path; wine 8 does not say where one is";
    }
    using folder = new DropFolder({ recursive: true }, parent);
    mkdirSync(folder.at("drop", "s".repeat(200)));
    folder.drop(`${"s".repeat(200)}/${"m".repeat(200)}.hl7`, "MSH|1");
    const [claimed] = folder.claim(folder.complete());
    assert.ok(claimed !== undefined);
    assert.equal(textRead(folder, claimed), "MSH|1");
    assert.match(archived(folder, claimed), /^2025\/01\/02\/s{200}/);
    return undefined;
  },

  "[P61, P34] a name of 255 characters is longer in bytes, and comes back whole": () => {
    using folder = new DropFolder();
    const name = `${"ä".repeat(251)}.hl7`;
    try {
      folder.drop(name, "MSH|1");
    } catch {
      return "a name of 255 characters and 506 bytes; no file system of Linux takes it";
    }
    const [claimed] = folder.claim(folder.complete());
    assert.ok(claimed !== undefined);
    assert.equal(textRead(folder, claimed), "MSH|1");
    folder.methods.putBack([claimed]);
    assert.deepEqual([folder.list("drop"), folder.list("work")], [[name], []]);
    return undefined;
  },

  "[P61, P-A16] names of devices, and with a dot or blank at the end, are read by their exact names":
    () => {
      using folder = new DropFolder({ order: "name" });
      const names = ["AUX.b.hl7", "COM1.hl7", "CON", "NUL .hl7", "a.", "b ", "c. .", "nul.hl7"];
      for (const name of names) writeFileSync(exact(folder, "drop", name), `MSH|${name}`);
      const claimed = folder.claim(folder.complete());
      assert.deepEqual(
        claimed.map((one) => textRead(folder, one)),
        names.map((name) => `MSH|${name}`),
      );
      assert.deepEqual(
        claimed.map((one) => archived(folder, one).slice(11)),
        ["_AUX.b.hl7", "_COM1.hl7", "_CON", "_NUL .hl7", "a_", "b_", "c_", "_nul.hl7"],
      );
      assert.deepEqual([folder.list("drop"), folder.list("work")], [[], []]);
      return undefined;
    },

  "[P61, P-A16] a stream of a file is never read, nor made": () => {
    using folder = new DropFolder();
    folder.drop("x.hl7", "MSH|1");
    writeFileSync(folder.at("drop", "x.hl7:stream"), "secret");
    folder.poll();
    folder.clock.advance(MINUTE_MS);
    const { candidates, troubles } = folder.poll();
    assert.deepEqual(namesOf(candidates), ["x.hl7"]);
    // Wine lists it as a file: refused. Windows does not list it.
    assert.ok((troubles.refused?.count ?? 0) <= 1);
    const [claimed] = folder.claim(candidates);
    assert.ok(claimed !== undefined);
    assert.equal(textRead(folder, claimed), "MSH|1");
    assert.equal(archived(folder, claimed), "2025/01/02/x.hl7");
    assert.deepEqual(folder.list("archive"), ["2025/01/02/x.hl7"]);
    return undefined;
  },

  "[P61, P-A15] no name of a row leads out of the folders, or into a stream": () => {
    using folder = new DropFolder();
    writeFileSync(folder.at("secret"), "secret");
    for (const name of ["..\\secret", "x:y", "C:\\windows", "a\\b", "\\\\server\\share\\x"]) {
      const claimed = { claim: folder.newClaim(), files: files(name) };
      assert.equal(folder.methods.whereIs([claimed])[0]?.place, "nowhere", name);
      assert.equal(textRead(folder, claimed), "gone", name);
      assert.equal(archived(folder, claimed), "vanished", name);
      const planned = { ...folder.move(folder.taken("a.hl7")), targets: [Buffer.from(name)] };
      const [moved] = folder.methods.archive({ moves: [planned], after: "archive" });
      assert.ok(moved?.outcome === "failed" && moved.sysCode === "EINVAL", name);
    }
    assert.equal(readFileSync(folder.at("secret"), "latin1"), "secret");
    return undefined;
  },

  "[P27, P61, P-A20] names that differ by case alone are both kept": () => {
    using folder = new DropFolder();
    const first = archived(folder, folder.taken("a.hl7", "1"));
    const second = archived(folder, folder.taken("A.HL7", "2"));
    assert.equal(first, "2025/01/02/a.hl7");
    assert.match(second, /^2025\/01\/02\/A_20250102T030405_\w{8}\.HL7$/);
    assert.equal(folder.text("archive", first), "1");
    assert.equal(folder.text("archive", second), "2");
    return undefined;
  },
};
