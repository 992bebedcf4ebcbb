/** Files and what is known of them. Run by `windows.test.ts`. @module */
import assert from "node:assert/strict";
import fs, {
  chmodSync,
  linkSync,
  lstatSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { DropFolder, namesOf } from "#test/support/drop-folder.ts";
import type { Scenes } from "#test/support/scenes.ts";
import { archived, isLinked, textRead } from "./scene-folder.ts";

const MINUTE_MS = 60_000;

export const FILES_SCENES: Scenes = {
  "[P2, P64] a folder needs no flush, and its made-up rights are no warning": () => {
    using folder = new DropFolder();
    const found = folder.methods.test(undefined);
    assert.equal(found.filter(({ step }) => step === "flushFolder").length, 4);
    assert.ok(
      found.every(({ sysCode, warning }) => sysCode === undefined && warning === undefined),
    );
    return undefined;
  },

  "[P1, P17] the content of a file is flushed before it is claimed: Windows wants it open to write":
    () => {
      using folder = new DropFolder();
      folder.drop("a.hl7", "MSH|1");
      const candidates = folder.complete();
      const { fdatasyncSync } = fs;
      const flushed: string[] = [];
      try {
        fs.fdatasyncSync = (descriptor) => {
          fdatasyncSync(descriptor);
          flushed.push(folder.list("drop").join());
        };
        syncBuiltinESMExports();
        const [claimed] = folder.claim(candidates);
        assert.ok(claimed !== undefined);
        assert.deepEqual(flushed, ["a.hl7"]);
        assert.equal(textRead(folder, claimed), "MSH|1");
      } finally {
        fs.fdatasyncSync = fdatasyncSync;
        syncBuiltinESMExports();
      }
      return undefined;
    },

  "[P33] a file that is read-only is claimed, archived and deleted when it is old": () => {
    using folder = new DropFolder();
    folder.drop("a.hl7", "MSH|1");
    chmodSync(folder.at("drop", "a.hl7"), 0o444);
    const [claimed] = folder.claim(folder.complete());
    assert.ok(claimed !== undefined);
    assert.equal(textRead(folder, claimed), "MSH|1");
    assert.equal(archived(folder, claimed), "2025/01/02/a.hl7");
    const ask = { folder: "archive", beforeMs: Date.UTC(2026, 0, 1), kept: [] } as const;
    assert.equal(folder.methods.prune(ask).deleted, 1);
    return undefined;
  },

  "[P66, P7] a file that grows while its time stands still is not taken": () => {
    using folder = new DropFolder();
    for (let size = 1; size < 5; size++) {
      folder.drop("a.hl7", "x".repeat(size));
      // As FAT would have it for two seconds.
      utimesSync(folder.at("drop", "a.hl7"), 1_700_000_000, 1_700_000_000);
      folder.clock.advance(MINUTE_MS);
      assert.deepEqual(folder.poll().candidates, []);
    }
    folder.clock.advance(MINUTE_MS);
    assert.deepEqual(namesOf(folder.poll().candidates), ["a.hl7"]);
    return undefined;
  },

  "[P7, P21] a file is known by its 64-bit number, also after it was renamed": () => {
    using folder = new DropFolder();
    folder.drop("a.hl7");
    const before = lstatSync(folder.at("drop", "a.hl7"), { bigint: true });
    const [candidate] = folder.complete();
    assert.equal(candidate?.files[0]?.inode, BigInt.asIntN(64, before.ino));
    renameSync(folder.at("drop", "a.hl7"), folder.at("b.hl7"));
    assert.equal(statSync(folder.at("b.hl7"), { bigint: true }).ino, before.ino);
    // Another file of the same size and time is another file.
    folder.drop("a.hl7");
    utimesSync(folder.at("drop", "a.hl7"), before.atime, before.mtime);
    const [token = 0] = [candidate?.token];
    const claim = folder.newClaim();
    assert.equal(folder.methods.claim([{ token, claim }])[0]?.outcome, "changed");
    return undefined;
  },

  "[P-A5] a file of two names is refused": () => {
    using folder = new DropFolder();
    writeFileSync(folder.at("secret"), "secret");
    linkSync(folder.at("secret"), folder.at("drop", "a.hl7"));
    folder.drop("b.hl7");
    assert.deepEqual(namesOf(folder.complete()), ["b.hl7"]);
    assert.equal(folder.poll().troubles.refused?.count, 1);
    return undefined;
  },

  "[P-A1] a symbolic link is refused, and one that is put in a file's place is not read": () => {
    using folder = new DropFolder();
    writeFileSync(folder.at("secret"), "MSH|secret");
    const link = folder.at("drop", "link.hl7");
    if (!isLinked(folder.at("secret"), link))
      return "a symbolic link to a file; wine 8 hides it, and on Windows few accounts make one";
    const claimed = folder.taken("a.hl7", "MSH|secret");
    assert.deepEqual(folder.list("drop"), ["link.hl7"]);
    assert.equal(folder.poll().troubles.refused?.count, 1);
    const [name = ""] = folder.list("work");
    rmSync(folder.at("work", name));
    isLinked(folder.at("secret"), folder.at("work", name));
    assert.match(textRead(folder, claimed), /^(?:refused|changed)$/);
    return undefined;
  },
};
