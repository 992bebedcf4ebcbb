/** The table of 04 section 12, as far as folders show it; rows that other tests of this folder show are named there. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { ClaimedFiles, PickupSettings } from "#agent/folders/messages.ts";
import { DropFolder, namesOf, SECRET } from "#test/support/drop-folder.ts";

const run = (...command: string[]): boolean =>
  spawnSync(command[0] ?? "", command.slice(1)).status === 0;

/** What is planted under `x.hl7`; nothing if it cannot be. */
const PLANTS: Readonly<Record<string, (folder: DropFolder, path: string) => boolean | undefined>> =
  {
    "[P-A1] a link to a secret": (_, path) => void symlinkSync(SECRET, path),
    "[P-A1] a link to a file of the channel": (folder, path) => {
      writeFileSync(folder.at("outbox.db"), "rows");
      symlinkSync("../outbox.db", path);
    },
    "[P-A1] a link to itself": (_, path) => void symlinkSync("x.hl7", path),
    "[P-A1] a link to nothing": (_, path) => void symlinkSync("/there/is/no/such", path),
    "[P-A1] a link to another file in the folder": (_, path) => void symlinkSync("good.hl7", path),
    "[P-A5] a second name of a file outside": (folder, path) => {
      writeFileSync(folder.at("secret"), "secret");
      linkSync(folder.at("secret"), path);
    },
    "[P-A6] a pipe": (_, path) => run("mkfifo", path),
    "[P-A7] a character device": (_, path) => run("mknod", path, "c", "1", "5"),
    "[P-A7] a block device": (_, path) => run("mknod", path, "b", "7", "0"),
  };

describe("attacks on a drop folder", () => {
  for (const [what, plant] of Object.entries(PLANTS)) {
    for (const completion of ["stability", "rename"] as const) {
      test(`${what} is refused, left in place and told once an hour (${completion})`, (t) => {
        using folder = new DropFolder({ completion });
        folder.drop("good.hl7");
        if (plant(folder, folder.at("drop", "x.hl7")) === false)
          return t.skip(`not tested: ${what}; it cannot be made here`);
        const fresh: number[] = [];
        for (let minutes = 0; minutes < 120; minutes++) {
          const { candidates, troubles } = folder.poll();
          fresh.push(troubles.refused?.fresh ?? -1);
          assert.equal(troubles.refused?.count, 1);
          for (const one of folder.claim(candidates)) {
            assert.equal(Buffer.from(one.files[0]?.name ?? []).toString(), "good.hl7");
          }
          folder.clock.advance(60_000);
        }
        assert.deepEqual(
          fresh,
          Array.from({ length: 120 }, (_, minute) => (minute % 60 === 0 ? 1 : 0)),
        );
        assert.deepEqual(folder.list("drop"), ["x.hl7"]);
        assert.equal(folder.list("work").length, 1);
      });
    }
  }

  test("[P-A7] a socket is refused", async () => {
    using folder = new DropFolder();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(folder.at("drop", "x.hl7"), resolve));
    folder.drop("good.hl7");
    assert.deepEqual(namesOf(folder.complete()), ["good.hl7"]);
    assert.equal(folder.poll().troubles.refused?.count, 1);
    await new Promise((resolve) => server.close(resolve));
  });

  test("[P-A8] a folder that is called like a file is ignored", () => {
    using folder = new DropFolder();
    mkdirSync(folder.at("drop", "x.hl7"));
    folder.drop("good.hl7");
    assert.deepEqual(namesOf(folder.complete()), ["good.hl7"]);
    const { fileCount, troubles } = folder.poll();
    assert.deepEqual([fileCount, troubles], [1, {}]);
  });

  test("[P-A5] with rejectHardLinks off a file of two names is taken, and one is left", () => {
    using folder = new DropFolder({ rejectHardLinks: false });
    writeFileSync(folder.at("other"), "shared");
    linkSync(folder.at("other"), folder.at("drop", "x.hl7"));
    const claimed = folder.claim(folder.complete());
    const [read] = folder.methods.read({ claims: claimed, maxBytes: 100 });
    assert.ok(read?.outcome === "whole");
    folder.methods.archive({ moves: claimed.map((one) => folder.move(one)), after: "archive" });
    assert.deepEqual(
      [folder.list("archive"), folder.text("other")],
      [["2025/01/02/x.hl7"], "shared"],
    );
  });

  for (const kind of ["pipe", "link", "socket"] as const) {
    test(`[P-A6, P-A22] a ${kind} as side-car blocks no poll and is never read`, async () => {
      using folder = new DropFolder({ sidecar: "json" });
      folder.drop("x.pdf");
      const path = folder.at("drop", "x.json");
      const server = createServer();
      if (kind === "pipe") run("mkfifo", path);
      else if (kind === "link") symlinkSync(SECRET, path);
      else await new Promise<void>((resolve) => server.listen(path, resolve));
      folder.drop("good.pdf");
      folder.drop("good.json", "{}");
      assert.deepEqual(namesOf(folder.complete()), ["good.pdf"]);
      await new Promise((resolve) => server.close(resolve));
    });
  }

  const SETTINGS: readonly Partial<PickupSettings>[] = [
    {},
    { contentGate: "hl7" },
    { completion: "controlFile" },
    { sidecar: "json" },
  ];
  for (const settings of SETTINGS) {
    test(`[P-A12] files that come, change, become something else and go at any moment leave no error and no stuck claim ${JSON.stringify(settings)}`, () => {
      using folder = new DropFolder({ stableForMs: 0, ...settings });
      const random = (count: number): number => randomBytes(4).readUInt32LE() % count;
      let moved = 0;
      const disturb = (): void => {
        const name = `${random(6)}.${["hl7", "json", "ok"][random(3)]}`;
        const path = folder.at("drop", name);
        const acts = [
          () => folder.drop(name, "MSH|^~\\&|\r".repeat(random(3))),
          () => rmSync(path, { force: true, recursive: true }),
          () => renameSync(path, folder.at("drop", `${random(6)}.hl7`)),
          () => symlinkSync(SECRET, path),
          () => mkdirSync(path),
          () => linkSync(path, folder.at("drop", `${random(6)}.ok`)),
        ];
        try {
          acts[random(acts.length)]?.();
        } catch (error) {
          assert.ok((error as NodeJS.ErrnoException).syscall !== undefined);
        }
      };
      for (let round = 0; round < 300; round++) {
        for (let acts = random(6); acts > 0; acts--) disturb();
        const { candidates } = folder.poll();
        for (let acts = random(4); acts > 0; acts--) disturb();
        const claims: ClaimedFiles[] = folder.claim(candidates);
        for (const one of folder.methods.read({ claims, maxBytes: 10_000 })) {
          assert.ok(one.outcome === "whole" || one.outcome === "large", one.outcome);
        }
        const moves = claims.map((one) => folder.move(one));
        for (const { outcome } of folder.methods.archive({ moves, after: "archive" }))
          assert.equal(outcome, "moved");
        moved += moves.length;
        assert.deepEqual(readdirSync(folder.at("work")), []);
        folder.clock.advance(1_000);
      }
      assert.ok(moved > 0);
      const archived = folder.list("archive").map((name) => folder.text("archive", name));
      assert.ok(archived.every((text) => !text.includes("root:")));
    });
  }

  test("[P-A15] names in rows lead nowhere else either", () => {
    using folder = new DropFolder();
    writeFileSync(folder.at("outside"), "outside");
    for (const name of ["../outside", "/etc/passwd", "a/../../outside", "..", "", "a\0b"]) {
      const files = [
        { part: "data" as const, name: Buffer.from(name), size: 7, modifiedNs: 0n, inode: 0n },
      ];
      const claimed: ClaimedFiles = { claim: folder.newClaim(), files };
      assert.deepEqual(folder.methods.whereIs([claimed])[0]?.place, "nowhere");
      assert.equal(folder.methods.read({ claims: [claimed], maxBytes: 10 })[0]?.outcome, "gone");
      const moves = [folder.move(claimed, { targets: [Buffer.from("../outside")] })];
      const [outcome] = folder.methods.archive({ moves, after: "archive" });
      assert.equal(outcome?.outcome, "failed");
      folder.methods.putBack([claimed]);
      folder.methods.archive({ moves, after: "delete" });
    }
    assert.equal(folder.text("outside"), "outside");
  });

  test("[P-A23] what is planted in the archive or the error folder is never read", () => {
    using folder = new DropFolder({ recursive: true });
    writeFileSync(folder.at("archive", "x.hl7"), "");
    writeFileSync(folder.at("error", "x.hl7"), "");
    assert.equal(folder.methods.strays([]), 0);
    assert.deepEqual(folder.complete(), []);
  });

  test("[P-A25, P-A26] a bomb of an archive and a document with a script are bytes like others", () => {
    using folder = new DropFolder();
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const script = Buffer.from(
      "%PDF-1.7\n<< /OpenAction << /S /JavaScript /JS (app.alert()) >> >>\n%%EOF\n",
    );
    folder.drop("a.gz", bomb);
    folder.drop("b.pdf", script);
    const claims = folder.claim(folder.complete());
    const read = folder.methods.read({ claims, maxBytes: 1 << 20 });
    const bytes = read.map((one) => (one.outcome === "whole" ? Buffer.from(one.bytes) : one));
    assert.deepEqual(bytes, [bomb, script]);
  });
});
