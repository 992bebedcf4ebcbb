import assert from "node:assert/strict";
import {
  appendFileSync,
  linkSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { describe, test } from "node:test";
import { Folder } from "#agent/folders/folder.ts";
import type { ClaimedFiles, ReadOutcome } from "#agent/folders/messages.ts";
import { NamePattern } from "#agent/folders/name-pattern.ts";
import { Patience } from "#agent/folders/patience.ts";
import { openSafely } from "#agent/folders/safe-open.ts";
import { systemClock } from "#agent/host/clock.ts";
import { DropFolder, SECRET } from "#test/support/drop-folder.ts";

const workPath = (folder: DropFolder): string =>
  folder.at("work", readdirSync(folder.at("work"))[0] ?? "");
const read = (folder: DropFolder, ...claims: readonly ClaimedFiles[]): readonly ReadOutcome[] =>
  folder.methods.read({ claims, maxBytes: 1_000 });

/** Changes of a claimed file that P23 must notice, by the outcome. */
const CHANGES: Readonly<Record<string, readonly [(path: string) => void, string]>> = {
  "has grown": [(path) => appendFileSync(path, "x"), "changed"],
  "was cut": [(path) => truncateSync(path, 3), "changed"],
  "was touched": [(path) => utimesSync(path, 1, 1), "changed"],
  "was replaced": [
    (path) => {
      rmSync(path);
      writeFileSync(path, "MSH|^~\\&|\r");
    },
    "changed",
  ],
  "was removed": [(path) => rmSync(path), "gone"],
  "became a link": [
    (path) => {
      renameSync(path, `${path}.aside`);
      symlinkSync(`${path}.aside`, path);
    },
    "refused",
  ],
  "has a second name": [(path) => linkSync(path, `${path}.aside`), "refused"],
};

describe("read", () => {
  for (const [what, [change, outcome]] of Object.entries(CHANGES)) {
    test(`[P21, P23, P-A11, P-A12] a claimed file that ${what} is ${outcome}; the next one is read`, () => {
      using folder = new DropFolder();
      const claimed = folder.taken("a.hl7");
      change(workPath(folder));
      const next = folder.taken("b.hl7");
      assert.deepEqual(
        read(folder, claimed, next).map((one) => one.outcome),
        [outcome, "whole"],
      );
    });
  }

  for (const what of ["has grown", "was cut", "was touched", "was replaced", "was removed"]) {
    test(`[P23, P-A10, P-A11, P-A29] a large file that ${what} while it is read is not used, and no byte more is read`, () => {
      using folder = new DropFolder();
      const claimed = folder.taken("a.hl7", "x".repeat(5_000));
      assert.equal(read(folder, claimed)[0]?.outcome, "large");
      let bytes = folder.methods.readPart({ claim: claimed.claim, maxBytes: 2_000 }).length;
      CHANGES[what]?.[0](workPath(folder));
      for (;;) {
        const { length } = folder.methods.readPart({ claim: claimed.claim, maxBytes: 2_000 });
        if (length === 0) break;
        bytes += length;
      }
      assert.ok(bytes <= 5_000);
      assert.equal(folder.methods.readEnd({ claim: claimed.claim }).outcome, "changed");
    });
  }

  test("[P22] a large file that is given up, or begun again, is read from its beginning", () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7", "0123456789".repeat(500));
    for (let tries = 0; tries < 3; tries++) {
      assert.equal(read(folder, claimed)[0]?.outcome, "large");
      const part = folder.methods.readPart({ claim: claimed.claim, maxBytes: 7 });
      assert.equal(Buffer.from(part).toString(), "0123456");
    }
    assert.equal(folder.methods.readEnd({ claim: claimed.claim }).outcome, "changed");
    assert.throws(() => folder.methods.readEnd({ claim: claimed.claim }));
  });

  test("[P22, P-A9] a claimed file above the limit is not read, whatever was known of it before", () => {
    using folder = new DropFolder({ maxBytes: 2_000 });
    const good = folder.taken("good.hl7");
    const large = folder.taken("large.hl7", "x".repeat(3_000));
    const huge = folder.taken("huge.hl7");
    const [data] = huge.files;
    assert.ok(data);
    truncateSync(folder.at("work", `${huge.claim}.d.huge.hl7`), 2 ** 40);
    const claims = [{ ...huge, files: [{ ...data, size: 2 ** 40 }] }, large, good];
    const again = folder.opened();
    const said = claims
      .flatMap((one) => again.read({ claims: [one], maxBytes: 1_000 }))
      .map((one) => (one.outcome === "unfit" ? one.reason : one.outcome));
    assert.deepEqual(said, ["tooLarge", "tooLarge", "whole"]);
  });

  test("[P22] many small ones in one call, in order, as far as they fit", () => {
    using folder = new DropFolder({ order: "name" });
    for (let at = 0; at < 9; at++) folder.drop(`${at}`, "x".repeat(300));
    const claims = folder.claim(folder.complete());
    const found = folder.methods.read({ claims, maxBytes: 1_000 });
    assert.deepEqual(
      found.map(({ claim }) => claim),
      claims.slice(0, 3).map(({ claim }) => claim),
    );
  });

  test("[P21, P-A2] a file that becomes a link between the look and the opening is not opened", () => {
    using folder = new DropFolder();
    const path = folder.drop("a.hl7").toString();
    using drop = Folder.open("drop", new Patience(systemClock), folder.at("drop"));
    const look = drop.look.bind(drop);
    Object.defineProperty(drop, "look", {
      value: (name: string) => {
        const found = look(name);
        rmSync(path);
        symlinkSync(SECRET, path);
        return found;
      },
    });
    assert.equal(openSafely(drop, "a.hl7", undefined, true), "refused");
  });

  test("[P21, P-A2] a file that is replaced between the look and the opening is seen on the handle", () => {
    using folder = new DropFolder();
    const { files } = folder.taken("a.hl7");
    const path = folder.drop("a.hl7").toString();
    using drop = Folder.open("drop", new Patience(systemClock), folder.at("drop"));
    const [state] = files;
    assert.equal(openSafely(drop, "a.hl7", state, true), "changed");
    const opened = openSafely(drop, "a.hl7", undefined, true);
    assert.ok(typeof opened !== "string");
    rmSync(path);
    opened[Symbol.dispose]();
    assert.equal(openSafely(drop, "a.hl7", undefined, true), "gone");
  });

  test("[P44, P-A22] a side-car that changed after the claim makes the whole unit changed", () => {
    using folder = new DropFolder({ sidecar: "json" });
    folder.drop("x.json", "{}");
    const claimed = folder.taken("x.pdf");
    const sidecar = readdirSync(folder.at("work")).find((name) => name.endsWith("json")) ?? "";
    appendFileSync(folder.at("work", sidecar), " ");
    assert.equal(read(folder, claimed)[0]?.outcome, "changed");
    rmSync(folder.at("work", sidecar));
    assert.equal(read(folder, claimed)[0]?.outcome, "gone");
  });
});

describe("name pattern", () => {
  test("[P43] named groups of a name that matches, none of one that does not", () => {
    using folder = new DropFolder({
      namePattern: "^(?<patient>\\d+)_(?<type>[A-Z]+)(?<part>_\\d)?\\.pdf$",
    });
    const found = ["4711_LAB.pdf", "other.pdf"].map((name) => {
      const [one] = read(folder, folder.taken(name));
      return one?.outcome === "whole" ? one.about.named : one;
    });
    assert.deepEqual(found, [{ patient: "4711", type: "LAB" }, {}]);
  });

  test("[P43, P-A30] a name that keeps the expression busy is given up after a tenth of a second", () => {
    using folder = new DropFolder({ namePattern: "^(?<x>(a+)+)$" });
    const bad = folder.taken(`${"a".repeat(100)}!`);
    const good = folder.taken("aaa");
    assert.deepEqual(
      read(folder, bad, good).map((one) => (one.outcome === "unfit" ? one.reason : one.outcome)),
      ["namePattern", "whole"],
    );
  });

  test("[P43] a longer name matches nothing; bytes that are no text are U+FFFD", () => {
    const pattern = new NamePattern("^(?<all>.*)$");
    assert.deepEqual(pattern.namedIn("x".repeat(255)), { all: "x".repeat(255) });
    assert.deepEqual(pattern.namedIn("x".repeat(256)), {});
    assert.deepEqual(pattern.namedIn("\xff\xc3\xa4"), { all: "\ufffdä" });
    assert.throws(() => new NamePattern("("), SyntaxError);
  });
});
