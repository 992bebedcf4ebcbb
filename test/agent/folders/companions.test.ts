import assert from "node:assert/strict";
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { DropFolder, type DropOptions, namesOf, SECRET } from "#test/support/drop-folder.ts";

const names = (folder: DropFolder): string[] => namesOf(folder.poll().candidates);
const unfit = (folder: DropFolder): Record<string, string> => {
  const { candidates } = folder.poll();
  return Object.fromEntries(
    candidates.map((one, at) => [namesOf(candidates)[at], one.unfit ?? ""]),
  );
};
const partsOf = (folder: DropFolder): string[][] =>
  folder
    .poll()
    .candidates.map(({ files }) => files.map(({ part, name }) => `${part}:${Buffer.from(name)}`));

describe("control files", () => {
  const controlFile: DropOptions = { completion: "controlFile" };

  for (const control of ["x.hl7.ok", "x.ok", "x.hl7.ctl", "x.ctl"]) {
    test(`[P8] x.hl7 is taken at once when ${control} is there, with it`, () => {
      using folder = new DropFolder(controlFile);
      folder.drop("x.hl7");
      assert.deepEqual(names(folder), []);
      folder.drop(control, "");
      assert.deepEqual(partsOf(folder), [["data:x.hl7", `control:${control}`]]);
      const claimed = folder.claim(folder.poll().candidates);
      assert.deepEqual(folder.list("drop"), []);
      folder.methods.archive({ moves: claimed.map((one) => folder.move(one)), after: "archive" });
      assert.deepEqual(
        folder.list("archive").sort(),
        ["2025/01/02/x.hl7", `2025/01/02/${control}`].sort(),
      );
    });
  }

  test("[P8] a control file by stem that matches several releases none of them, and is told", () => {
    using folder = new DropFolder(controlFile);
    for (const name of ["x.hl7", "x.pdf", "x.ok"]) folder.drop(name);
    const { candidates, troubles } = folder.poll();
    assert.deepEqual(candidates, []);
    assert.deepEqual(troubles, { controlAmbiguous: { count: 2, fresh: 2 } });
    // One of them gets a control file of its own: the other one is alone with its stem.
    folder.drop("x.pdf.ok");
    assert.deepEqual(partsOf(folder), [
      ["data:x.hl7", "control:x.ok"],
      ["data:x.pdf", "control:x.pdf.ok"],
    ]);
  });

  test("[P8] data without control, and control without data, are told after 15 minutes", () => {
    using folder = new DropFolder(controlFile);
    folder.drop("x.hl7");
    folder.drop("y.ok");
    folder.poll();
    folder.clock.advance(899_999);
    assert.deepEqual(folder.poll().troubles, {});
    folder.clock.advance(1);
    assert.deepEqual(folder.poll().troubles, { controlMissing: { count: 2, fresh: 2 } });
    folder.clock.advance(3_600_000);
    assert.deepEqual(folder.poll().troubles, { controlMissing: { count: 2, fresh: 2 } });
    assert.deepEqual(folder.list("drop"), ["x.hl7", "y.ok"]);
  });

  test("[P8, P-A6, P-A22] a control file that is a link, a pipe or a folder releases nothing", async () => {
    const { spawnSync } = await import("node:child_process");
    using folder = new DropFolder(controlFile);
    for (const name of ["a", "b", "c", "d"]) folder.drop(`${name}.hl7`);
    symlinkSync("/dev/null", folder.at("drop", "a.hl7.ok"));
    spawnSync("mkfifo", [folder.at("drop", "b.hl7.ok")]);
    mkdirSync(folder.at("drop", "c.hl7.ok"));
    writeFileSync(folder.at("elsewhere"), "");
    linkSync(folder.at("elsewhere"), folder.at("drop", "d.hl7.ok"));
    const { candidates, troubles } = folder.poll();
    assert.deepEqual(candidates, []);
    assert.deepEqual(troubles, { refused: { count: 3, fresh: 3 } });
  });

  test("[P8] with other methods a file of that name is a file", () => {
    using folder = new DropFolder();
    folder.drop("x.hl7");
    folder.drop("x.ok", "data");
    assert.deepEqual(namesOf(folder.complete()), ["x.hl7", "x.ok"]);
  });
});

describe("side-cars", () => {
  test("[P44] data and side-car are one unit, once both are complete", () => {
    using folder = new DropFolder({ sidecar: "json" });
    folder.drop("x.pdf");
    folder.poll();
    folder.clock.advance(5_000);
    folder.drop("x.json", "{}");
    assert.deepEqual(names(folder), []);
    folder.clock.advance(5_000);
    assert.deepEqual(partsOf(folder), [["data:x.pdf", "sidecar:x.json"]]);
    const claimed = folder.claim(folder.poll().candidates);
    const [read] = folder.methods.read({ claims: claimed, maxBytes: 100 });
    assert.ok(read?.outcome === "whole");
    assert.equal(Buffer.from(read.about.sidecar ?? []).toString(), "{}");
    folder.methods.archive({ moves: claimed.map((one) => folder.move(one)), after: "archive" });
    assert.deepEqual(folder.list("archive"), ["2025/01/02/x.json", "2025/01/02/x.pdf"]);
  });

  test("[P44] an HL7 side-car, and with a control file three of a kind", () => {
    using folder = new DropFolder({ sidecar: "hl7", completion: "controlFile" });
    for (const name of ["x.pdf", "x.HL7", "x.pdf.ok"]) folder.drop(name);
    assert.deepEqual(partsOf(folder), [["data:x.pdf", "control:x.pdf.ok", "sidecar:x.HL7"]]);
  });

  test("[P44] either without the other is unfit after ten minutes", () => {
    using folder = new DropFolder({ sidecar: "json" });
    folder.drop("x.pdf");
    folder.drop("y.json", "{}");
    folder.poll();
    folder.clock.advance(5_000);
    folder.poll();
    folder.clock.advance(599_999);
    assert.deepEqual(unfit(folder), {});
    folder.clock.advance(1);
    assert.deepEqual(unfit(folder), { "x.pdf": "unpaired", "y.json": "unpaired" });
    assert.deepEqual(partsOf(folder), [["data:x.pdf"], ["data:y.json"]]);
  });

  test("[P44] one side-car of two files belongs to neither", () => {
    using folder = new DropFolder({ sidecar: "json" });
    for (const name of ["x.pdf", "x.png", "x.json"]) folder.drop(name);
    const { length } = folder.complete();
    assert.equal(length, 0);
    assert.deepEqual(folder.poll().troubles, { controlAmbiguous: { count: 2, fresh: 0 } });
  });

  test("[P44, P-A22] a side-car above 64 KiB is unfit by its size; one that is a link is none", () => {
    using folder = new DropFolder({ sidecar: "json" });
    folder.drop("x.pdf");
    folder.drop("x.json", "x".repeat(65_537));
    folder.drop("y.pdf");
    symlinkSync(SECRET, folder.at("drop", "y.json"));
    folder.poll();
    folder.clock.advance(5_000);
    assert.deepEqual(unfit(folder), { "x.pdf": "sidecar" });
    folder.clock.advance(600_000);
    assert.deepEqual(unfit(folder), { "x.pdf": "sidecar", "y.pdf": "unpaired" });
    assert.deepEqual(folder.poll().troubles.refused, { count: 1, fresh: 0 });
  });
});
