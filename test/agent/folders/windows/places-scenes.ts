/** Where folders are (04 P47, P60), and what leads out of them. Run by `windows.test.ts`. @module */
import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { AgentError } from "#agent/errors.ts";
import { folderClashes, type UsedFolder } from "#config/folders.ts";
import { DropFolder, namesOf } from "#test/support/drop-folder.ts";
import { FolderBench } from "#test/support/folder-bench.ts";
import type { Scenes } from "#test/support/scenes.ts";
import { archived, junction, textRead } from "./scene-folder.ts";

export const PLACES_SCENES: Scenes = {
  "[P60, P48] a folder of a share is named by its UNC path, and counts as a share": async () => {
    // Under wine what lies in `dosdevices/unc` is a share.
    const shares = `${process.env["WINECONFIGDIR"]?.replace("\\??\\", "")}\\dosdevices\\unc`;
    if (!shares.startsWith("Z:")) return "a share; there is none here";
    mkdirSync(join(shares, "server", "results"), { recursive: true });
    const parent = "\\\\server\\results";
    using folder = new DropFolder({}, parent);
    assert.equal(folder.methods.open(folder.settings).kind, "smb");
    assert.match(folder.settings.folder, /^\\\\server\\results\\/);
    const claimed = folder.taken("a.hl7", "MSH|1");
    assert.equal(textRead(folder, claimed), "MSH|1");
    assert.equal(archived(folder, claimed), "2025/01/02/a.hl7");
    using local = new DropFolder();
    assert.equal(local.methods.open(local.settings).mayHang, false);
    const archiveFolder = folder.at("archive");
    const far = local.methods.open({ ...local.settings, archiveFolder });
    assert.deepEqual([far.kind, far.mayHang], ["local", true]);
    return undefined;
  },

  "[P60, P3] a drive letter that this account does not have is refused with the reason": () => {
    using folder = new DropFolder();
    assert.throws(
      () => folder.opened({ folder: "Q:\\in" }),
      (error) => {
        assert.ok(error instanceof AgentError);
        assert.equal(error.code, "FOLDER_DRIVE_LETTER");
        assert.deepEqual(error.facts, { folder: "drop", drive: "missing" });
        assert.match(error.remedy, /UNC path/);
        return true;
      },
    );
    return undefined;
  },

  "[P60, P54] a channel that delivers to such a drive tells it, and goes on trying": async () => {
    await using bench = new FolderBench({ outlet: { folder: "Q:\\out" } });
    bench.queue.append("MSH|1");
    await bench.until("it is told", () => bench.alarms.includes("targetUnreachable"), 60_000);
    assert.equal(bench.state, "unreachable");
    assert.match(bench.lines.join("\n"), /^targetFailed .*code=FOLDER_DRIVE_LETTER/m);
    assert.deepEqual(bench.queue.standing, ["open"]);
    return undefined;
  },

  "[P34, P47] the sentinel in another case is the sentinel, and no drop": () => {
    using folder = new DropFolder();
    folder.drop("Here.txt");
    folder.drop("a.hl7");
    const methods = folder.opened({ sentinelFile: "HERE.TXT" });
    assert.equal(methods.poll(undefined).fileCount, 1);
    return undefined;
  },

  "[P2, P60] folders of two shares, or of two drives, are apart": () => {
    const used = (channel: number, path: string): UsedFolder => ({
      ...{ channel, key: "folder", path, use: "drop", recursive: true },
    });
    const apart = [
      used(0, "\\\\server\\adt\\in"),
      used(1, "\\\\other\\adt\\in"),
      used(2, "D:\\in"),
      used(3, "C:\\in"),
    ];
    assert.deepEqual(folderClashes(apart, "C:\\holdfast"), []);
    const same = [used(0, "\\\\server\\adt\\in"), used(1, "\\\\SERVER\\Adt\\IN")];
    assert.match(folderClashes(same, "C:\\holdfast")[0]?.message ?? "", /same folder/);
    return undefined;
  },

  "[P47, P-A3] a drop folder that is gone, or a file now, is told as moved": () => {
    using folder = new DropFolder();
    const moved = (error: unknown) => error instanceof AgentError && error.code === "FOLDER_MOVED";
    renameSync(folder.at("drop"), folder.at("elsewhere"));
    assert.throws(() => folder.poll(), moved);
    writeFileSync(folder.at("drop"), "");
    assert.throws(() => folder.poll(), moved);
    rmSync(folder.at("drop"));
    renameSync(folder.at("elsewhere"), folder.at("drop"));
    assert.equal(folder.poll().fileCount, 0);
    return undefined;
  },

  "[P47, P-A3] a drop folder that is a junction now is told as moved": () => {
    using folder = new DropFolder();
    renameSync(folder.at("drop"), folder.at("elsewhere"));
    junction(folder.at("elsewhere"), folder.at("drop"));
    assert.throws(
      () => folder.poll(),
      (error) => error instanceof AgentError && error.code === "FOLDER_MOVED",
    );
    return undefined;
  },

  "[P-A4, P-A3] a junction is not entered: not to list it, nor for a row, nor to write there":
    () => {
      using folder = new DropFolder({ recursive: true });
      mkdirSync(folder.at("outside"));
      writeFileSync(folder.at("outside", "secret.hl7"), "MSH|secret");
      folder.drop("a.hl7");
      junction(folder.at("outside"), folder.at("drop", "inside"));
      const [candidate, ...others] = folder.complete();
      assert.ok(candidate !== undefined && others.length === 0);
      assert.deepEqual(namesOf([candidate]), ["a.hl7"]);
      const { ino, mtimeNs } = lstatSync(folder.at("outside", "secret.hl7"), { bigint: true });
      const state = { size: 10, modifiedNs: mtimeNs, inode: ino };
      const secret = { part: "data", name: Buffer.from("inside/secret.hl7"), ...state } as const;
      const planted = { claim: folder.newClaim(), files: [secret] };
      assert.equal(folder.methods.whereIs([planted])[0]?.place, "nowhere");
      assert.equal(archived(folder, planted), "vanished");
      const [claimed] = folder.claim([candidate]);
      assert.ok(claimed !== undefined);
      rmSync(folder.at("archive", "2025"), { recursive: true });
      junction(folder.at("outside"), folder.at("archive", "2025"));
      assert.match(archived(folder, claimed), /^makeFolder /);
      assert.deepEqual(readdirSync(folder.at("outside")), ["secret.hl7"]);
      return undefined;
    },

  "[P28] a file gets to another volume by a copy that is compared": () => {
    // Under wine another file system of the machine.
    if (!existsSync("Z:\\dev\\shm")) return "two volumes; there is one here";
    const far = mkdtempSync("Z:\\dev\\shm\\holdfast-");
    try {
      mkdirSync(join(far, "archive"));
      using folder = new DropFolder({ archiveFolder: join(far, "archive") });
      const claimed = folder.taken("a.hl7", "MSH|1");
      assert.equal(archived(folder, claimed), "2025/01/02/a.hl7");
      assert.deepEqual(folder.list("work"), []);
      const copy = join(far, "archive", "2025", "01", "02", "a.hl7");
      assert.equal(readFileSync(copy, "latin1"), "MSH|1");
    } finally {
      rmSync(far, { recursive: true, force: true });
    }
    return undefined;
  },
};
