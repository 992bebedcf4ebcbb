/** Settings of a File Reader of Mirth, one by one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { patternsOfRegex, variable } from "#agent/mirth/name-patterns.ts";
import { READER, type Settings, sourceOf } from "#test/support/mirth-exports.ts";

const reader = (settings: Settings = {}) => sourceOf(READER, settings);

describe("import-mirth, File Reader", () => {
  test("Mirth's defaults leave the files where they are", () => {
    const { keys, notes, missing, printed } = reader();
    assert.deepEqual(keys, {
      name: "adt",
      kind: "file-drop",
      folder: "/srv/hl7/in",
      pollSeconds: 5,
      workFolder: "/srv/hl7/adt-work",
      archiveFolder: "/srv/hl7/adt-archive",
      afterCommit: "leave",
      claimBy: "row",
      errorFolder: "/srv/hl7/adt-error",
    });
    assert.match(notes, /taken once/);
    assert.equal(missing, "");
    assert.doesNotMatch(printed, /s3cret/);
  });

  test("after processing: move, delete", () => {
    const moved = reader({ afterProcessingAction: "MOVE", moveToDirectory: "/srv/hl7/in/done" });
    assert.equal(moved.keys["archiveFolder"], "/srv/hl7/in/done");
    assert.equal(moved.keys["afterCommit"], undefined);
    const renamed = reader({
      afterProcessingAction: "MOVE",
      moveToFileName: `${variable("originalFilename")}.done`,
    });
    assert.match(renamed.missing, /the folder itself[\s\S]*another name/);
    assert.equal(renamed.keys["archiveFolder"], "/srv/hl7/adt-archive");
    assert.equal(reader({ afterProcessingAction: "DELETE" }).keys["afterCommit"], "delete");
  });

  test("files that cannot be used", () => {
    const moved = reader({ errorReadingAction: "MOVE", errorMoveToDirectory: "/srv/hl7/bad" });
    assert.equal(moved.keys["errorFolder"], "/srv/hl7/bad");
    const unknown = reader({
      errorResponseAction: "MOVE",
      errorMoveToDirectory: `/bad/${variable("DATE")}`,
    });
    assert.equal(unknown.keys["errorFolder"], "/srv/hl7/adt-error");
    assert.match(unknown.missing, /errorFolder/);
    assert.match(reader({ errorReadingAction: "DELETE" }).missing, /deletes files/);
  });

  test("which files: lists of patterns, and regular expressions that say no more", () => {
    assert.deepEqual(reader({ fileFilter: "*.hl7, *.TXT" }).keys["includePatterns"], [
      "*.hl7",
      "*.TXT",
    ]);
    const regex = reader({ regex: "true", fileFilter: "^lab_.*\\.(hl7|txt)$" });
    assert.deepEqual(regex.keys["includePatterns"], ["lab_*.hl7", "lab_*.txt"]);
    for (const fileFilter of ["\\d+\\.hl7", "(?!x).*", "a|b", "[ab].*", variable("filter")]) {
      const { notRun, missing } = reader({ regex: "true", fileFilter });
      assert.equal(notRun, "held", fileFilter);
      assert.match(missing, /includePatterns cannot say/);
    }
    assert.equal(reader({ fileFilter: variable("filter") }).notRun, "held");
  });

  test("no regular expression takes long to be looked at", () => {
    const started = process.hrtime.bigint();
    for (const one of [
      ".*".repeat(120),
      "(a|b)".repeat(50),
      `${"a".repeat(250)}[`,
      "(a|".repeat(80),
    ]) {
      patternsOfRegex(one);
    }
    assert.ok(process.hrtime.bigint() - started < 1_000_000_000n);
  });

  test("names that this agent would ignore are taken where Mirth takes them", () => {
    assert.equal(reader().keys["ignorePatterns"], undefined);
    const asked = reader({ fileFilter: "*.part" }).keys["ignorePatterns"];
    assert.ok(Array.isArray(asked) && !asked.includes("*.part") && asked.includes("*.tmp"));
    const dots = reader({ ignoreDot: "false" }).keys["ignorePatterns"];
    assert.ok(Array.isArray(dots) && !dots.includes(".*") && dots.includes("~*"));
  });

  test("when, in which order, how deep", () => {
    assert.equal(reader({ pollingFrequency: "30000" }).keys["pollSeconds"], 30);
    assert.equal(reader({ pollingFrequency: "86399999" }).keys["pollSeconds"], 3_600);
    assert.match(reader({ pollingType: "CRON" }).missing, /given times/);
    assert.match(reader({ allDay: "false" }).missing, /some days or in some hours/);
    assert.match(reader({ boolean: "true" }).missing, /some days or in some hours/);
    assert.equal(reader({ sortBy: "name" }).keys["order"], "name");
    assert.match(reader({ sortBy: "size" }).missing, /by size/);
    const deep = reader({ directoryRecursion: "true" }).keys;
    assert.deepEqual([deep["recursive"], deep["maxDepth"]], [true, 16]);
  });

  test("a file is never taken earlier than our own default says", () => {
    assert.equal(reader({ fileAge: "1000" }).keys["stableForSeconds"], undefined);
    assert.equal(reader({ fileAge: "60000" }).keys["stableForSeconds"], 60);
    assert.equal(
      reader({ fileAge: "60000", checkFileAge: "false" }).keys["stableForSeconds"],
      undefined,
    );
  });

  test("content and sizes", () => {
    assert.equal(reader({ binary: "true" }).keys["content"], "binary");
    assert.match(reader({ inboundDataType: "DELIMITED" }).notes, /each is sent whole/);
    assert.equal(reader({ inboundDataType: "DELIMITED" }).keys["content"], "binary");
    const large = { ignoreFileSizeMaximum: "false", fileSizeMaximum: "5000000" };
    assert.equal(reader(large).keys["maxFileBytes"], 5_000_000);
    assert.equal(reader({ ...large, binary: "true" }).keys["maxBinaryBytes"], 5_000_000);
    assert.match(reader({ fileSizeMinimum: "10" }).missing, /smaller files/);
    assert.equal(reader({ charsetEncoding: "windows-1252" }).keys["charset"], "windows-1252");
  });

  test("paths: Windows, variables, relative ones, shares, other servers", () => {
    const windows = reader({ host: "D:\\hl7\\in" }).keys;
    assert.deepEqual(
      [windows["folder"], windows["workFolder"]],
      ["D:\\hl7\\in", "D:\\hl7\\adt-work"],
    );
    const unknown = reader({ host: `${variable("root")}/in` });
    assert.deepEqual([unknown.keys["folder"], unknown.notRun], ["CHANGE-ME", "held"]);
    for (const length of [4_097, 8_192, 10_000]) {
      assert.equal(reader({ host: `/${"x".repeat(length - 1)}` }).notRun, "held");
    }
    assert.match(reader({ host: "in" }).missing, /write it out/);
    const share = reader({ scheme: "SMB", host: "files.example/hl7/in", username: "dom\\svc" });
    assert.deepEqual([share.keys["folder"], share.notRun], ["\\\\files.example\\hl7\\in", "held"]);
    assert.match(share.missing, /mount it/);
    assert.doesNotMatch(share.printed, /s3cret|svc/);
    for (const scheme of ["FTP", "SFTP", "S3", "WEBDAV"]) {
      const { printed, missing } = reader({ scheme, host: "u:s3cret@ftp.example/in" });
      assert.match(printed, /# no channel here/);
      assert.match(missing, /another server/);
      assert.doesNotMatch(printed, /s3cret/);
    }
  });
});
