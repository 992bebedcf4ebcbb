/** The table of crash points of 04 section 13, as far as it is about folders: killed before each step, then asked again. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Handlers } from "#agent/folders/conversation.ts";
import type { ClaimedFiles, Move, MoveOutcome, PickupMethods } from "#agent/folders/messages.ts";
import { DropFolder, type DropOptions, REASON } from "#test/support/drop-folder.ts";
import { FolderCrash } from "#test/support/folder-crash.ts";

const MAX_STEPS = 200;
const sha256 = (text: string): Uint8Array =>
  new Uint8Array(createHash("sha256").update(text).digest());

const secondDisk = (): string | undefined => {
  try {
    if (statSync("/dev/shm").dev === statSync("/tmp").dev) return undefined;
    return mkdtempSync("/dev/shm/holdfast-");
  } catch {
    return undefined;
  }
};

type Ask = (methods: Handlers<PickupMethods>, moves: readonly Move[]) => readonly MoveOutcome[];
const KINDS: Readonly<Record<string, Ask>> = {
  archive: (methods, moves) => methods.archive({ moves, after: "archive" }),
  aside: (methods, moves) => methods.aside(moves.map((move) => ({ ...move, reason: REASON }))),
  delete: (methods, moves) => methods.archive({ moves, after: "delete" }),
};

/** Two claims of two files each; a name of each is taken already where they go. */
function scene(options: DropOptions): { folder: DropFolder; moves: Move[] } {
  const folder = new DropFolder({ completion: "controlFile", ...options });
  for (const name of ["x.hl7", "y.hl7"]) {
    folder.drop(name, name);
    folder.drop(`${name}.ok`, `${name}.ok`);
  }
  const claimed = folder.claim(folder.poll().candidates);
  const { archiveFolder, errorFolder } = folder.settings;
  mkdirSync(join(archiveFolder, "2025/01/02"), { recursive: true });
  writeFileSync(join(archiveFolder, "2025/01/02/y.hl7.ok"), "theirs");
  writeFileSync(join(errorFolder, "y.hl7.ok"), "theirs");
  const moves = claimed.map((one) => {
    const name = Buffer.from(one.files[0]?.name ?? []).toString();
    return folder.move(one, { sha256: sha256(name) });
  });
  return { folder, moves };
}

/** What the driver does: asks, writes down what is planned, asks again. @returns where they went */
function drive(ask: Ask, methods: Handlers<PickupMethods>, rows: Move[]): void {
  for (let tries = 0; tries < 5; tries++) {
    const open = rows.filter(({ claim }) => !done.has(claim));
    if (open.length === 0) return;
    for (const outcome of ask(methods, open)) {
      const at = rows.findIndex(({ claim }) => claim === outcome.claim);
      const row = rows[at];
      assert.ok(row);
      if (outcome.outcome === "planned") rows[at] = { ...row, targets: outcome.targets };
      else if (outcome.outcome === "moved")
        done.set(
          outcome.claim,
          outcome.targets.map((one) => Buffer.from(one).toString()),
        );
      else assert.fail(JSON.stringify(outcome));
    }
  }
  assert.fail("it does not come to an end");
}
const done = new Map<string, readonly string[]>();

function check(kind: string, folder: DropFolder, rows: readonly Move[], at: number): void {
  const root = kind === "archive" ? folder.settings.archiveFolder : folder.settings.errorFolder;
  const what = `killed before step ${at}`;
  assert.deepEqual(folder.list("work"), [], what);
  assert.deepEqual(folder.list("drop"), [], what);
  const expected = ["theirs"];
  for (const { claim, files } of rows) {
    const targets = done.get(claim) ?? [];
    if (kind === "delete") continue;
    assert.equal(targets.length, 2, what);
    for (const [index, target] of targets.entries()) {
      const text = Buffer.from(files[index]?.name ?? []).toString();
      assert.equal(readFile(root, target), text, what);
      expected.push(text);
    }
    const stems = targets.map((target) => target.replace(/\.hl7(\.ok)?$/, ""));
    assert.equal(stems[0], stems[1], what);
    if (kind === "aside") expected.push(`reason of ${claim}`);
  }
  // And nothing else: no empty file, no temporary one, no second name.
  const found = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      assert.equal(statSync(join(entry.parentPath, entry.name)).nlink, 1, what);
      const text = readFile(entry.parentPath, entry.name);
      return entry.name.endsWith(".reason.json") ? `reason of ${JSON.parse(text).claim}` : text;
    });
  assert.deepEqual(found.sort(), expected.sort(), what);
}

const readFile = (...parts: readonly string[]): string => readFileSync(join(...parts), "utf8");

describe("crash points", () => {
  for (const kind of Object.keys(KINDS)) {
    for (const links of [true, false]) {
      for (const disks of [1, 2]) {
        const where = `${links ? "with" : "without"} links, on ${disks} file system${disks === 1 ? "" : "s"}`;
        test(`[P27, P28, P64] ${kind} ${where}: whatever step was the last, asking again brings it to its end`, (t) => {
          const shm = disks === 2 ? secondDisk() : undefined;
          if (disks === 2 && shm === undefined)
            return t.skip("not tested: two file systems; there is no /dev/shm");
          const ask = KINDS[kind];
          assert.ok(ask);
          let steps = 0;
          try {
            for (let at = 0, isKilled = true; isKilled; at++) {
              assert.ok(at < MAX_STEPS);
              const far: DropOptions =
                shm === undefined
                  ? {}
                  : {
                      archiveFolder: join(shm, `archive${at}`),
                      errorFolder: join(shm, `error${at}`),
                    };
              for (const path of Object.values(far)) mkdirSync(path as string);
              const { folder, moves } = scene(far);
              using _folder = folder;
              using crash = new FolderCrash({ links });
              done.clear();
              const rows = [...moves];
              isKilled = crash.killed(at, () => drive(ask, folder.methods, rows));
              // A row is marked once the whole call has answered.
              done.clear();
              drive(ask, folder.opened(), rows);
              check(kind, folder, rows, at);
              steps = at;
            }
          } finally {
            if (shm !== undefined) rmSync(shm, { recursive: true });
          }
          assert.ok(steps >= 5, `${steps} steps`);
        });
      }
    }
  }

  for (const links of [true, false]) {
    test(`[P17, P20, P51] claiming and putting back ${links ? "with" : "without"} links: killed anywhere, each file is in one place, whole`, () => {
      let steps = 0;
      for (let at = 0, isKilled = true; isKilled; at++) {
        assert.ok(at < MAX_STEPS);
        using folder = new DropFolder({ completion: "controlFile" });
        for (const name of ["x.hl7", "x.ok"]) folder.drop(name, name);
        using crash = new FolderCrash({ links });
        const [candidate] = folder.poll().candidates;
        assert.ok(candidate);
        const claimed: ClaimedFiles = { claim: folder.newClaim(), files: candidate.files };
        isKilled = crash.killed(at, () => {
          const asked = [{ token: candidate.token, claim: claimed.claim }];
          assert.equal(folder.methods.claim(asked)[0]?.outcome, "claimed");
          folder.methods.putBack([claimed]);
        });
        const again = folder.opened();
        const [found] = again.whereIs([claimed]);
        assert.ok(found && found.place !== "nowhere");
        again.putBack([claimed]);
        assert.deepEqual(folder.list("work"), []);
        // Without links an empty file may have kept the name when the process ended.
        const names = folder.list("drop").filter((name) => folder.text("drop", name) !== "");
        assert.deepEqual(
          names.map((name) => folder.text("drop", name)),
          ["x.hl7", "x.ok"],
        );
        for (const name of names) assert.equal(statSync(folder.at("drop", name)).nlink, 1);
        if (links) assert.deepEqual(folder.list("drop"), ["x.hl7", "x.ok"]);
        steps = at;
      }
      assert.ok(steps >= 5, `${steps} steps`);
    });
  }

  test("[P20, P-A21] strays: killed anywhere, each file is in the drop folder once in the end", () => {
    for (let at = 0, isKilled = true; isKilled; at++) {
      assert.ok(at < MAX_STEPS);
      using folder = new DropFolder();
      for (const name of ["a.hl7", "b.hl7", "x".repeat(255)]) folder.taken(name, name);
      folder.drop("b.hl7", "another b");
      using crash = new FolderCrash({ links: true });
      isKilled = crash.killed(at, () => void folder.methods.strays([]));
      folder.opened().strays([]);
      const texts = folder.list("drop").map((name) => folder.text("drop", name));
      assert.deepEqual(texts.sort(), ["a.hl7", "another b", "b.hl7", "x".repeat(255)]);
      assert.deepEqual(readdirSync(folder.at("work")), []);
    }
  });

  test("[P64] a rename that the disk forgot: the file of a committed row is moved from where it reappeared", () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7", "a");
    const [name = ""] = readdirSync(folder.at("work"));
    linkSync(folder.at("work", name), folder.at("drop", "a.hl7"));
    rmSync(folder.at("work", name));
    const [moved] = folder.opened().archive({ moves: [folder.move(claimed)], after: "archive" });
    assert.equal(moved?.outcome, "moved");
    assert.deepEqual(folder.list("archive"), ["2025/01/02/a.hl7"]);
    assert.deepEqual([...folder.list("drop"), ...folder.list("work")], []);
  });

  test("[P27] a planned name that somebody took meanwhile is planned anew, and theirs is kept", () => {
    using folder = new DropFolder();
    using _crash = new FolderCrash({ links: false });
    const claimed = folder.taken("a.hl7", "mine");
    const ask = (targets: readonly Uint8Array[]): MoveOutcome => {
      const moves = [folder.move(claimed, { targets })];
      const [outcome] = folder.methods.archive({ moves, after: "archive" });
      assert.ok(outcome);
      return outcome;
    };
    const first = ask([]);
    assert.ok(first.outcome === "planned");
    assert.deepEqual(folder.list("archive"), []);
    writeFileSync(folder.at("archive", "2025/01/02/a.hl7"), "theirs");
    const second = ask(first.targets);
    assert.ok(second.outcome === "planned");
    assert.notDeepEqual(second.targets, first.targets);
    assert.equal(ask(second.targets).outcome, "moved");
    assert.deepEqual(
      folder
        .list("archive")
        .map((name) => folder.text("archive", name))
        .sort(),
      ["mine", "theirs"],
    );
  });

  test("[P27, P65] the empty file of a planned name goes if its file has vanished", () => {
    using folder = new DropFolder();
    using _crash = new FolderCrash({ links: false });
    const claimed = folder.taken("a.hl7", "mine");
    const [name = ""] = readdirSync(folder.at("work"));
    const targets = [Buffer.from("2025/01/02/a.hl7")];
    folder.methods.archive({ moves: [folder.move(claimed)], after: "archive" });
    writeFileSync(folder.at("archive", "2025/01/02/a.hl7"), "");
    rmSync(folder.at("work", name));
    const moves = [folder.move(claimed, { targets })];
    const [outcome] = folder.methods.archive({ moves, after: "archive" });
    assert.equal(outcome?.outcome, "vanished");
    assert.deepEqual(folder.list("archive"), []);
  });
});
