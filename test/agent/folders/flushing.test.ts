/** Content is durable before its file leaves the drop folder (04 P1). */
import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, describe, test } from "node:test";
import { fileStateOf } from "#agent/folders/file-state.ts";
import { flushContent } from "#agent/folders/flushing.ts";
import { Folder } from "#agent/folders/folder.ts";
import { Patience } from "#agent/folders/patience.ts";
import { DropFolder } from "#test/support/drop-folder.ts";

const { fdatasyncSync, openSync, renameSync } = fs;
/** What was flushed and what was renamed, in order. */
let calls: string[] = [];
let flushFails: string | undefined;
/** A name that the account may not read. */
let denied: string | undefined;

const nameOf = (path: fs.PathLike): string => String(path).split("/").at(-1) ?? "";
fs.fdatasyncSync = (descriptor) => {
  calls.push(`flush ${nameOf(fs.readlinkSync(`/proc/self/fd/${descriptor}`))}`);
  if (flushFails !== undefined) throw Object.assign(new Error("flush"), { code: flushFails });
  fdatasyncSync(descriptor);
};
fs.renameSync = (from, to) => {
  if (!nameOf(from).startsWith(".holdfast-")) calls.push(`rename ${nameOf(from)}`);
  renameSync(from, to);
};
fs.openSync = (path, flags, mode) => {
  const isDenied = nameOf(path) === denied && flags !== "w";
  if (isDenied) throw Object.assign(new Error("open"), { code: "EACCES" });
  return openSync(path, flags, mode);
};
syncBuiltinESMExports();

afterEach(() => {
  calls = [];
  flushFails = undefined;
  denied = undefined;
});

describe("[P1] content that its sender has not flushed", () => {
  test("[P1] [P17] is flushed before the file is claimed, with what belongs to it", () => {
    using folder = new DropFolder({ completion: "controlFile" });
    folder.drop("a.hl7");
    folder.drop("a.hl7.ok", "");
    assert.equal(folder.claim(folder.complete()).length, 1);
    assert.deepEqual(calls, [
      ...["flush a.hl7", "rename a.hl7"],
      ...["flush a.hl7.ok", "rename a.hl7.ok"],
    ]);
  });

  test("[P1] [P19] also where the file stays in place", () => {
    using folder = new DropFolder({ claimBy: "row" });
    folder.drop("a.hl7");
    assert.equal(folder.claim(folder.complete()).length, 1);
    assert.deepEqual(calls, ["flush a.hl7"]);
  });

  test("[P1] [P22] is not waited for where the file is set aside for its size", () => {
    using folder = new DropFolder({ maxBytes: 4 });
    assert.equal(folder.taken("a.hl7", "12345").files[0]?.size, 5);
    assert.deepEqual(calls, ["rename a.hl7"]);
  });

  test("[P1] [P50] is not flushed on a share: no promise rests on that", () => {
    using folder = new DropFolder();
    const path = folder.drop("a.hl7");
    const state = fileStateOf(fs.lstatSync(path, { bigint: true }));
    using drop = Folder.open("drop", new Patience(folder.clock), folder.at("drop"));
    const rules = {
      rejectHardLinks: true,
      maxBytes: 100,
      voice: { touched: () => {}, hint: () => {} },
    };
    assert.equal(flushContent(drop, "a.hl7", state, { ...rules, flushes: false }), undefined);
    assert.deepEqual(calls, []);
    assert.equal(flushContent(drop, "a.hl7", state, { ...rules, flushes: true }), undefined);
    assert.deepEqual(calls, ["flush a.hl7"]);
  });

  test("[P1] a disk that cannot flush it keeps it in the drop folder", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7");
    const [candidate] = folder.complete();
    flushFails = "EIO";
    const claim = folder.newClaim();
    const asked = [{ token: candidate?.token ?? 0, claim }];
    assert.deepEqual(folder.methods.claim(asked), [{ claim, outcome: "failed", sysCode: "EIO" }]);
    assert.deepEqual([folder.list("drop"), folder.list("work")], [["a.hl7"], []]);
  });

  test("[P1] a file system that knows no flush is none the worse", () => {
    using folder = new DropFolder();
    flushFails = "EINVAL";
    folder.taken("a.hl7");
    assert.equal(folder.list("work").length, 1);
  });

  test("[P1] [P32] a file that may not be read is claimed all the same: that is said when it is read", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7");
    denied = "a.hl7";
    const claims = folder.claim(folder.complete());
    assert.deepEqual(calls, ["rename a.hl7"]);
    const [claim = ""] = claims.map((one) => one.claim);
    denied = `${claim}.d.a.hl7`;
    const read = folder.methods.read({ claims, maxBytes: 1_000 });
    const fault = { step: "read", folder: "work", sysCode: "EACCES" };
    assert.deepEqual(read, [{ claim, outcome: "failed", ...fault }]);
  });
});
