/** Which files of a folder belong together, by their names (04 P8, P44). */
import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { describe, test } from "node:test";
import type { Candidate } from "#agent/folders/messages.ts";
import { DropFolder } from "#test/support/drop-folder.ts";

type Options = ConstructorParameters<typeof DropFolder>[0];
type Row = readonly [what: string, names: readonly string[], units: readonly string[]];

const CONTROL: Options = { completion: "controlFile", order: "name" };
const SIDECAR: Options = { completion: "rename", order: "name", sidecar: "json" };

/** `a.hl7+a.hl7.ok` */
const units = (candidates: readonly Candidate[]): string[] =>
  candidates.map(({ files }) => files.map(({ name }) => Buffer.from(name).toString()).join("+"));

function check(options: Options, [what, names, expected]: Row): void {
  test(`[P8] [P44] ${what}`, () => {
    using folder = new DropFolder(options);
    for (const name of names) folder.drop(name);
    assert.deepEqual(units(folder.complete()), expected);
  });
}

describe("control files", () => {
  const rows: readonly Row[] = [
    ["one of the whole name", ["a.hl7", "a.hl7.ok", "b.hl7"], ["a.hl7+a.hl7.ok"]],
    ["one of the stem", ["a.hl7", "a.ok", "b.hl7"], ["a.hl7+a.ok"]],
    [
      "of two the one whose suffix comes first",
      ["a.hl7", "a.hl7.ctl", "a.hl7.ok"],
      ["a.hl7+a.hl7.ok"],
    ],
    ["the whole name goes before the stem", ["a.hl7", "a.ok", "a.hl7.ctl"], ["a.hl7+a.hl7.ctl"]],
    ["one of the stem of several releases none", ["a.hl7", "a.txt", "a.ok"], []],
    [
      "… but those that have their own",
      ["a.hl7", "a.txt", "a.ok", "a.txt.ok"],
      ["a.hl7+a.ok", "a.txt+a.txt.ok"],
    ],
    ["one that is another file's own is no stem's", ["a", "a.hl7", "a.ok"], ["a+a.ok"]],
    ["control files alone are no data", ["a.hl7.ok", "b.ok"], []],
    ["a suffix alone is data without control", [".ok"], []],
  ];
  for (const row of rows) check(CONTROL, row);

  test("[P8] [P-A22] a link is no control file", () => {
    using folder = new DropFolder(CONTROL);
    folder.drop("a.hl7");
    symlinkSync("a.hl7", folder.at("drop", "a.hl7.ok"));
    folder.drop("a.ctl");
    assert.deepEqual(units(folder.complete()), ["a.hl7+a.ctl"]);
  });
});

describe("side-cars", () => {
  const rows: readonly Row[] = [
    ["a side-car of the stem", ["a.pdf", "a.json", "b.pdf"], ["a.pdf+a.json"]],
    [
      "also in capitals, small letters first",
      ["a.pdf", "a.JSON", "b.pdf", "b.JSON", "b.json"],
      ["a.pdf+a.JSON", "b.pdf+b.json"],
    ],
    ["one of several belongs to none", ["a.pdf", "a.tif", "a.json"], []],
  ];
  for (const row of rows) check(SIDECAR, row);

  test("[P44] with control files of both", () => {
    using folder = new DropFolder({ ...SIDECAR, ...CONTROL });
    for (const name of ["a.pdf", "a.pdf.ok", "a.json", "a.json.ctl", "b.pdf", "b.pdf.ok"]) {
      folder.drop(name);
    }
    assert.deepEqual(units(folder.complete()), ["a.pdf+a.pdf.ok+a.json+a.json.ctl"]);
  });
});
