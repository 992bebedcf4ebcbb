/** Rows of dropped files where something fails: commits, room, storage, keys (04 P4, P24, P34, 05 S12, S16, 08 2.1). */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { walkStore } from "#agent/outbox/format/row-walk.ts";
import { latin1 } from "#test/support/messages.ts";
import { RoomFiles } from "#test/support/room-files.ts";
import { HOUR_MS, MIB } from "#test/support/room-store.ts";
import { droppedFile, entriesOf, markOf, newClaim } from "#test/support/test-files.ts";
import { entryOf } from "#test/support/test-outbox.ts";

const DAY_MS = 24 * HOUR_MS;

describe("a commit of a file that fails", () => {
  test("[P24] at its row, no message of it is there, nor after a start; then it is stored", () => {
    using made = new RoomFiles();
    const id = made.claim();
    const mark = markOf(id);
    made.room.database.exec(`CREATE TRIGGER planted BEFORE UPDATE ON file_claim
      BEGIN SELECT RAISE(FAIL, 'planted'); END`);
    const entries = entriesOf(mark, { controlId: "M1" }, { controlId: "Q", quarantine: "junk" });
    assert.equal(made.room.commit(...entries).committed, false);
    made.reopen();
    const counts = ["message", "quarantine", "file_block"].map((table) => made.room.count(table));
    assert.deepEqual(counts, [0, 0, 0]);
    assert.equal(made.rows()[0]?.state, "claimed");
    made.room.database.exec("DROP TRIGGER planted");
    assert.ok(made.room.commit(...entries).committed);
    const [row] = made.rows();
    assert.deepEqual([row?.state, row?.messageCount, row?.asideCount], ["committed", 1, 1]);
    made.room.isSound();
  });

  test("[P24] at a message of somebody else, its row is claimed as before, and its blocks are not counted", () => {
    using made = new RoomFiles();
    const mark = markOf(made.claim());
    const marked = entriesOf(mark, { controlId: "Q", quarantine: "noMessageType" });
    const lost = entryOf({ controlId: "L", body: "", upload: 9, length: 5, uploadBytes: 5 });
    assert.equal(made.room.commit(...marked, lost).committed, false);
    assert.equal(made.rows()[0]?.state, "claimed");
    assert.ok(made.room.commit(entryOf({ controlId: "M1" })).committed);
    assert.equal(made.rows()[0]?.state, "claimed", "nothing of the group is remembered");
    assert.ok(made.room.commit(...marked).committed);
    assert.deepEqual([made.rows()[0]?.asideCount, made.room.count("quarantine")], [1, 1]);
    made.room.isSound();
  });

  test("[P17] a call that fails at its last row changes none", () => {
    using made = new RoomFiles();
    const ids = [made.claim(), made.claim(), made.claim()];
    made.room.database.exec(`CREATE TRIGGER planted BEFORE UPDATE ON file_claim WHEN old.id = 3
      BEGIN SELECT RAISE(FAIL, 'planted'); END`);
    const files = ids.map((id) => ({ id, reason: "empty", sha256: undefined }) as const);
    const change = { channel: 1, atMs: 1, change: "setAside", files } as const;
    assert.throws(() => made.files.change(change), AgentError);
    assert.deepEqual(
      made.rows().map(({ state }) => state),
      ["claimed", "claimed", "claimed"],
    );
  });
});

describe("blocks of a large file", () => {
  test("[P38, E7] count the slices once, so that quarantine has room for many of them", () => {
    using made = new RoomFiles();
    const mark = markOf(made.claim());
    const bytes = new Uint8Array(900_000).fill(7);
    const stage = { order: "stage", upload: 1, ordinal: 0, bytes } as const;
    const common = { body: "", upload: 1, uploadBytes: bytes.length, length: 300 };
    const bad = Array.from({ length: 5_000 }, (_, at) => ({
      ...({
        ...common,
        controlId: `Q${at}`,
        quarantine: "noMessageType",
        uploadAt: at * 100,
      } as const),
      sha256: markOf(1, `Q${at}`).sha256,
    }));
    const order = made.room.order(...entriesOf(mark, ...bad));
    assert.ok(made.room.store.commit([stage, order]).committed);
    assert.deepEqual([made.rows()[0]?.state, made.rows()[0]?.asideCount], ["committed", 5_000]);
    made.room.isSound();
  });
});

describe("a store at its budget", () => {
  test("[P4, S12] takes no claim; what is claimed goes on to its end", () => {
    using made = new RoomFiles({ diskBudgetBytes: 4 * MIB });
    const ids = Array.from({ length: 100 }, () => made.claim());
    for (let count = 0; ; count++) {
      const body = `${count}`.padEnd(90_000, "x");
      if (!made.room.commit(entryOf({ controlId: `${count}`, body })).committed) break;
    }
    const isFull = (error: unknown): boolean =>
      error instanceof AgentError && error.code === "STORE_FULL" && error.facts["budget"] === true;
    assert.throws(() => made.claim(), isFull);
    assert.equal(made.room.count("file_claim"), 100);
    const targets = [Buffer.from("long".padEnd(250, "x"))];
    const now = { channel: 1, atMs: 1 } as const;
    made.files.change({ ...now, change: "withdraw", ids: ids.slice(0, 10) });
    const settled = ids
      .slice(10, 50)
      .map((id) => ({ ...markOf(id), verdict: "duplicate" }) as const);
    made.files.change({ ...now, change: "settle", files: settled });
    for (const id of ids.slice(50)) made.setAside(id);
    assert.equal(made.files.attempt({ channel: 1, id: ids[60] ?? 0 }), 0);
    const planned = ids.slice(10).map((id) => ({ id, targets }));
    made.files.change({ ...now, change: "plan", files: planned });
    made.files.change({
      ...now,
      change: "moved",
      files: planned.map((one) => ({ ...one, left: false })),
    });
    assert.equal(made.room.number("SELECT count(*) FROM file_claim WHERE state = 3"), 90);
  });
});

describe("what lies in the files of the store", () => {
  test("[P34, S21] no name, no target and no hash of a file lies there in clear; names come back byte for byte", () => {
    using made = new RoomFiles();
    const odd = Uint8Array.of(0xff, 0xfe, 0x80, 0x0a, 0x1b, 0x5b);
    const canary = Buffer.concat([latin1("Vogelhaus^Anna-19700101"), odd]);
    const digest = markOf(1, "Vogelhaus");
    const id = made.claim({ name: canary }, { part: "sidecar", name: "Vogelhaus.json" });
    made.files.change({
      ...{ channel: 1, atMs: 1, change: "settle" },
      files: [{ ...digest, id, verdict: "duplicate" }],
    });
    const aside = made.claim({ name: canary });
    made.files.change({
      ...{ channel: 1, atMs: 1, change: "setAside" },
      files: [{ id: aside, reason: "noHeader", sha256: digest.sha256 }],
    });
    made.moved(id, "2025/Vogelhaus.pdf");
    made.moved(aside, "", true);
    const committed = made.claim({ name: canary });
    assert.ok(
      made.room.commit(...entriesOf({ ...digest, id: committed }, { controlId: "M1" })).committed,
    );
    const [row] = made.rows();
    assert.deepEqual(Buffer.from(row?.files[0]?.name ?? []), canary);
    assert.equal(Buffer.from(row?.targets[0] ?? []).toString(), "2025/Vogelhaus.pdf");
    made.room.database.pragma("wal_checkpoint(PASSIVE)");
    const { sha256, contentKey } = digest;
    const forms: (string | Buffer)[] = [
      "Vogelhaus",
      "19700101",
      Buffer.from(odd),
      Buffer.from(sha256),
    ];
    forms.push(Buffer.from(contentKey), Buffer.from(sha256).toString("hex"));
    for (const at of [0, 1, 2])
      forms.push(Buffer.from("Vogelhaus").subarray(at).toString("base64").slice(0, 6));
    const folder = join(made.room.stateDir, "outbox");
    for (const name of readdirSync(folder)) {
      const bytes = readFileSync(join(folder, name));
      for (const form of forms)
        assert.ok(!bytes.includes(form), `${form.toString("latin1")} in ${name}`);
    }
  });

  test("[R03, S21] a key goes, and rows that outlive it are sealed again", () => {
    using made = new RoomFiles({ retainHours: 0 });
    const ids = Array.from({ length: 250 }, () => made.claim({ name: "old" }));
    made.setAside(ids[0] ?? 0);
    const decided = ids[1] ?? 0;
    const mark = markOf(decided);
    made.files.change({
      ...{ channel: 1, atMs: 1, change: "settle" },
      files: [{ ...mark, verdict: "duplicate" }],
    });
    made.moved(decided, "target");
    made.room.append(["M1"]);
    made.room.settle(1n);
    made.room.clock.advance(DAY_MS - 60_000);
    made.room.chore("shred").step(false);
    made.room.clock.advance(60_000);
    made.claim({ name: "new" });
    // Sealed with the new key, in a row that the old one began.
    made.moved(ids[0] ?? 0, "later");
    made.room.append(["M2"]);
    made.room.settle(2n);
    for (const name of ["prune", "shred"]) made.room.work(name);
    const keys = readdirSync(join(made.room.stateDir, "keys"));
    assert.ok(!keys.includes("1.key"), `${keys}`);
    made.reopen();
    const rows = made.rows();
    assert.equal(rows.length, 251);
    assert.deepEqual(made.damaged, []);
    assert.equal(Buffer.from(rows[1]?.targets[0] ?? []).toString(), "target");
    assert.deepEqual(rows[1]?.sha256, new Uint8Array(mark.sha256));
    assert.equal(Buffer.from(rows[0]?.targets[0] ?? []).toString(), "later");
    assert.equal(Buffer.from(rows.at(-1)?.files[0]?.name ?? []).toString(), "new");
  });
});

describe("damage of a file's row", () => {
  function filled(): RoomFiles {
    const made = new RoomFiles();
    for (const controlId of ["M1", "M2", "M3"]) made.moved(made.committed({ controlId }));
    made.claim({ name: "open.hl7" });
    return made;
  }

  function walked(made: RoomFiles): { readonly damaged: unknown[]; readonly files: number } {
    const { prepared, sealer, tails } = made.room.store;
    const damaged: unknown[] = [];
    const walk = walkStore({ prepared, sealer, tails: () => tails }, (row) => damaged.push(row));
    for (;;) {
      const piece = walk.next();
      if (piece.done === true) return { damaged, files: piece.value.files };
    }
  }

  function flip({ room }: RoomFiles, column: string, id: number): void {
    const read = room.database.prepare(`SELECT ${column} FROM file_claim WHERE id = ?`).pluck();
    const bytes = read.get(id) as Buffer;
    const at = bytes.length >> 1;
    bytes[at] = (bytes[at] ?? 0) ^ 0x04;
    room.database.prepare(`UPDATE file_claim SET ${column} = ? WHERE id = ?`).run(bytes, id);
  }

  for (const column of ["head", "targets", "digest", "identity_token", "content_token"]) {
    test(`[S16, S18] a flipped bit in ${column} is found by the walk and by whoever reads; others come whole`, () => {
      using made = filled();
      assert.deepEqual(walked(made), { damaged: [], files: 4 });
      const claim = made.rows()[1]?.claim;
      flip(made, column, 2);
      const row = { kind: "file", id: 2, channel: 1, claim };
      assert.deepEqual(walked(made), { damaged: [row], files: 4 });
      const rows = made.rows();
      assert.deepEqual(made.damaged, [row]);
      assert.deepEqual(
        rows.map(({ files }) => files.length),
        [1, 0, 1, 1],
      );
      // Its claim is known, so that nobody takes its file for a stray.
      assert.partialDeepStrictEqual(rows[1], { id: 2, claim, state: "moved", targets: [] });
    });
  }

  test("[S16, P20] a row that is not moved is named though it does not open: its file stays where it is", async () => {
    using made = filled();
    flip(made, "head", 4);
    const [row, ...more] = await made.files.reader.open(1);
    assert.deepEqual([row?.id, row?.state, row?.files, more], [4, "claimed", [], []]);
    const outcome = made.room.commit(...entriesOf(markOf(4), { controlId: "M4" }));
    assert.ok(outcome.committed);
  });

  test("[S16] rows that have changed places are damage", () => {
    using made = filled();
    made.room.database.exec(
      "UPDATE file_claim SET head = (SELECT head FROM file_claim WHERE id = 1) WHERE id = 2",
    );
    assert.equal(walked(made).damaged.length, 1);
    made.room.database.exec(`UPDATE file_claim SET claim = '${newClaim().claim}' WHERE id = 3`);
    assert.equal(walked(made).damaged.length, 2, "the claim in clear is not the sealed one");
  });

  test("[S16, P30] targets that cannot be read, of a file that has to stay, stop all pruning until it need not", async () => {
    using made = filled();
    flip(made, "targets", 2);
    made.room.settle(1n);
    const isDamaged = ({ code }: AgentError): boolean => code === "STORE_BODY_DAMAGED";
    await assert.rejects(made.kept(), isDamaged);
    made.room.settle(2n);
    assert.deepEqual(await made.kept(), ["target 3"]);
    made.room.settle(3n);
    made.room.clock.advance(DAY_MS);
    assert.deepEqual(made.left(), [4], "it goes as others do");
  });

  test("[S16] a file that was done before is claimed anew where its row does not open", () => {
    using made = filled();
    const again = { channel: 1, claims: [{ ...newClaim(), files: [droppedFile()] }], atMs: 1 };
    assert.notEqual(made.files.claim(again)[0]?.sameAs, undefined);
    for (const id of [1, 2, 3]) flip(made, "head", id);
    const anew = { ...again, claims: [newClaim()] };
    assert.equal(made.files.claim(anew)[0]?.sameAs, undefined);
  });
});
