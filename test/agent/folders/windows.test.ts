/**
 * Folders on Windows. The scenes run there, or under wine where that is installed; what needs no Windows runs
 * everywhere.
 *
 * @module
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AgentError } from "#agent/errors.ts";
import { driveOf } from "#agent/folders/drive-letters.ts";
import { Folder } from "#agent/folders/folder.ts";
import { cutTo, isBelow } from "#agent/folders/names.ts";
import { isUnc } from "#agent/folders/share-kind.ts";
import { isBusy } from "#agent/host/platform.ts";
import { DropFolder } from "#test/support/drop-folder.ts";
import { testScenes } from "#test/support/scenes.ts";
import { SCENES } from "./windows/scenes.ts";

const LIMIT_MS = 240_000;

testScenes(SCENES, fileURLToPath(new URL("./windows/scenes.ts", import.meta.url)), LIMIT_MS);

describe("rules of Windows, on any system", () => {
  test("[P61, P-A15, P-A16] a name with a backslash, a drive or a stream is none below its folder", () => {
    for (const name of ["a\\b", "..\\a", "C:a", "C:\\a", "x.hl7:stream", "sub/x:y", "\\\\s\\h"]) {
      assert.equal(isBelow(name, true), false, name);
      assert.equal(isBelow(name, false), true, name);
    }
    // These are read by their exact names.
    for (const name of ["CON", "COM1.hl7", "a.", "a ", "sub/nul.hl7"]) {
      assert.equal(isBelow(name, true), true, name);
    }
  });

  test("[P61, P34] a name is shortened between characters, never within one", () => {
    const name = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80x";
    const cuts = Array.from({ length: 12 }, (_, bytes) => cutTo(name, bytes).length);
    assert.deepEqual(cuts, [0, 0, 2, 2, 2, 5, 5, 5, 5, 9, 10, 10]);
    assert.equal(cutTo(name, -1), "");
  });

  test("[P20, P61] a name that is made unique stays one that Windows has", () => {
    using folder = new DropFolder();
    const claimed = folder.taken(`${"ä".repeat(125)}.hl7`, "MSH|1");
    folder.drop(`${"ä".repeat(125)}.hl7`, "another one");
    folder.methods.putBack([claimed]);
    const names = folder.list("drop");
    assert.equal(names.length, 2);
    for (const name of names) assert.match(name, /^ä+(?:_aaaaaaaa)?\.hl7$/);
  });

  test("[P62] what is held for a moment: a sharing violation anywhere, access denied on Windows alone", () => {
    const codes = ["EBUSY", "EPERM", "EACCES", "ENOENT", "EIO"];
    const busy = (onWindows: boolean) => codes.filter((code) => isBusy({ code }, onWindows));
    assert.deepEqual(busy(true), ["EBUSY", "EPERM", "EACCES"]);
    assert.deepEqual(busy(false), ["EBUSY"]);
    assert.equal(isBusy(undefined, true), false);
  });

  test("[P60] a drive letter is refused if it leads to a share, or to nothing; a UNC path is not", () => {
    const roots: Readonly<Record<string, string>> = {
      "C:\\": "C:\\",
      "D:\\": "C:\\data",
      "Z:\\": "\\\\server\\results",
    };
    const drives: Readonly<Record<string, string>> = {
      "C:\\in": "local",
      "D:/in": "local",
      "\\\\?\\C:\\in": "local",
      "Z:\\in": "network",
      "Z:": "network",
      "\\\\?\\Z:\\in": "network",
      "Q:\\in": "missing",
      "\\\\server\\results\\in": "local",
      "\\\\?\\UNC\\server\\results": "local",
      "\\\\?\\Volume{01234567}\\in": "local",
    };
    for (const [path, expected] of Object.entries(drives)) {
      assert.equal(
        driveOf(path, (root) => roots[root]),
        expected,
        path,
      );
    }
  });

  test("[P48, P60] paths of shares are known by their form", () => {
    for (const path of ["\\\\server\\share", "//server/share/in", "\\\\?\\UNC\\server\\share"]) {
      assert.equal(isUnc(path), true, path);
    }
    for (const path of ["C:\\in", "\\\\?\\C:\\in", "\\\\.\\pipe\\x", "/srv/in", "in"]) {
      assert.equal(isUnc(path), false, path);
    }
  });

  test("[P66] where a renamed file counts as another one, as on FAT, the folder is not used: that is told", (t) => {
    const { rename } = Folder.prototype;
    const parent = mkdtempSync(join(tmpdir(), "holdfast-drop-"));
    t.after(() => {
      Folder.prototype.rename = rename;
      rmSync(parent, { recursive: true });
    });
    // Renamed, and numbered anew.
    Folder.prototype.rename = function copied(name, to, toName) {
      copyFileSync(this.path(name), to.path(toName));
      unlinkSync(this.path(name));
      return "done";
    };
    assert.throws(
      () => new DropFolder({}, parent),
      (error) => {
        assert.ok(error instanceof AgentError && error.code === "FOLDER_FAILED");
        assert.deepEqual(error.facts, { step: "identity", folder: "drop", sysCode: "ENOTSUP" });
        return true;
      },
    );
  });
});
