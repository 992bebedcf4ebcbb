/** Somebody is faster between two steps of ours. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Folder } from "#agent/folders/folder.ts";
import { Patience } from "#agent/folders/patience.ts";
import { openSafely } from "#agent/folders/safe-open.ts";
import { systemClock } from "#agent/host/clock.ts";
import { DropFolder, SECRET } from "#test/support/drop-folder.ts";

type Method = "link" | "rename" | "look" | "openToRead";

/** Does something of its own before or after a step on one folder, until it is disposed. */
class Between implements Disposable {
  readonly #method: Method;
  readonly #original: unknown;

  constructor(method: Method, role: string, when: "before" | "after", act: (name: string) => void) {
    this.#method = method;
    const prototype = Folder.prototype as unknown as Record<
      string,
      (...asked: unknown[]) => unknown
    >;
    const original = prototype[method];
    assert.ok(original);
    this.#original = original;
    prototype[method] = function (this: Folder, ...asked) {
      const isMeant = this.role === role;
      if (isMeant && when === "before") act(String(asked[0]));
      const result = original.apply(this, asked);
      if (isMeant && when === "after") act(String(asked[0]));
      return result;
    };
  }

  [Symbol.dispose](): void {
    Object.assign(Folder.prototype, { [this.#method]: this.#original });
  }
}

describe("between two steps", () => {
  test("[P-A6, P-A7] a device and a pipe are not even opened", (t) => {
    using folder = new DropFolder();
    const made = spawnSync("mknod", [folder.at("drop", "device"), "c", "1", "5"]).status === 0;
    spawnSync("mkfifo", [folder.at("drop", "pipe")]);
    let opened = 0;
    using _between = new Between("openToRead", "drop", "before", () => {
      opened += 1;
    });
    using drop = Folder.open("drop", new Patience(systemClock), folder.at("drop"));
    for (const name of ["device", "pipe"]) {
      if (name !== "device" || made)
        assert.equal(openSafely(drop, name, undefined, true), "refused");
    }
    assert.equal(opened, 0);
    if (!made) t.skip("not tested: a device; this is not root");
  });

  const SWAPS: Readonly<Record<string, readonly [(path: string) => void, string]>> = {
    "a link": [(path) => symlinkSync(SECRET, path), "refused"],
    "another file": [(path) => writeFileSync(path, "MSH|^~\\&|\r"), "changed"],
    "a folder": [(path) => mkdirSync(path), "refused"],
  };
  for (const [what, [plant, expected]] of Object.entries(SWAPS)) {
    test(`[P-A2] ${what} that is put there just before the rename is ${expected}, and put back`, () => {
      using folder = new DropFolder();
      const path = folder.drop("a.hl7").toString();
      const [candidate] = folder.complete();
      let isDone = false;
      using _between = new Between("rename", "drop", "before", () => {
        if (isDone) return;
        isDone = true;
        renameSync(path, folder.at("aside"));
        plant(path);
      });
      const asked = [{ token: candidate?.token ?? 0, claim: folder.newClaim() }];
      assert.equal(folder.methods.claim(asked)[0]?.outcome, expected);
      assert.ok(fs.lstatSync(path));
      assert.deepEqual(fs.readdirSync(folder.at("work")), []);
    });
  }

  for (const after of ["archive", "delete"] as const) {
    test(`[P19] a file that is put under the name while ${after} goes on is not deleted`, () => {
      using folder = new DropFolder({ claimBy: "row" });
      const claimed = folder.taken("a.hl7", "first");
      const path = folder.at("drop", "a.hl7");
      let looks = 0;
      using _between = new Between("look", "drop", "after", (name) => {
        // The last look before anything is done with it, by its own name.
        if (name !== "a.hl7" || looks++ > 0) return;
        renameSync(path, folder.at("aside"));
        writeFileSync(path, "second");
      });
      const moves = [folder.move(claimed)];
      const [outcome] = folder.methods.archive({ moves, after });
      assert.ok(outcome);
      assert.equal(folder.text("drop", "a.hl7"), "second");
      assert.deepEqual(folder.list("archive"), []);
    });

    test(`[P19] nor one that is put there once ${after} has begun`, () => {
      using folder = new DropFolder({ claimBy: "row" });
      const claimed = folder.taken("a.hl7", "first");
      const path = folder.at("drop", "a.hl7");
      using _between = new Between("rename", "drop", "after", () => {
        if (!existsSync(path)) writeFileSync(path, "second");
      });
      using _other = new Between("link", "drop", "after", () => writeFileSync(path, "second"));
      const [outcome] = folder.methods.archive({ moves: [folder.move(claimed)], after });
      assert.equal(outcome?.outcome, "moved");
      assert.equal(folder.text("drop", "a.hl7"), "second");
      assert.deepEqual(folder.list("drop"), ["a.hl7"]);
      if (after === "archive") assert.equal(folder.text("archive", "2025/01/02/a.hl7"), "first");
    });
  }

  test("[P20, P27] a file that appears under the name while another is put back is kept", () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7", "first");
    using _between = new Between("look", "drop", "after", (name) => {
      if (name === "a.hl7" && !existsSync(folder.at("drop", name))) folder.drop(name, "second");
    });
    folder.methods.putBack([claimed]);
    const texts = folder.list("drop").map((name) => folder.text("drop", name));
    assert.deepEqual(texts.sort(), ["first", "second"]);
  });

  test("[P27] a file that appears in the archive under the name is kept", () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7", "first");
    const path = folder.at("archive", "2025/01/02/a.hl7");
    using _between = new Between("look", "archive", "after", (name) => {
      if (name === "a.hl7" && !existsSync(path)) writeFileSync(path, "theirs");
    });
    const [outcome] = folder.methods.archive({ moves: [folder.move(claimed)], after: "archive" });
    assert.equal(outcome?.outcome, "moved");
    const texts = folder.list("archive").map((name) => folder.text("archive", name));
    assert.deepEqual(texts.sort(), ["first", "theirs"]);
  });

  test("[P28] a copy that is not what was read does not replace its source", (t) => {
    if (!existsSync("/dev/shm") || statSync("/dev/shm").dev === statSync("/tmp").dev) {
      return t.skip("not tested: two file systems; there is no /dev/shm");
    }
    const shm = mkdtempSync("/dev/shm/holdfast-");
    const { writeSync } = fs;
    try {
      const archiveFolder = join(shm, "archive");
      mkdirSync(archiveFolder);
      using folder = new DropFolder({ archiveFolder });
      const moves = [folder.move(folder.taken("a.hl7", "content"))];
      const write = (file: number, bytes: Uint8Array): number =>
        writeSync(
          file,
          bytes.map((byte) => byte ^ 1),
        );
      Object.assign(fs, { writeSync: write });
      syncBuiltinESMExports();
      const [failed] = folder.methods.archive({ moves, after: "archive" });
      assert.ok(failed?.outcome === "failed");
      assert.deepEqual([failed.step, failed.folder, failed.sysCode], ["compare", "archive", "EIO"]);
      assert.deepEqual(fs.readdirSync(join(archiveFolder, "2025/01/02")), []);
      assert.equal(folder.list("work").length, 1);
    } finally {
      Object.assign(fs, { writeSync });
      syncBuiltinESMExports();
      rmSync(shm, { recursive: true });
    }
  });
});
