/** A copy of the state folder in other hands, or of another time (08 R05, R08, R09). */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { systemClock } from "#agent/host/clock.ts";
import { readRange } from "#agent/outbox/reader.ts";
import { GroupCommit } from "#agent/outbox/writing/group-commit.ts";
import { type OpenedStore, openStore } from "#agent/outbox/writing/open-store.ts";
import { atOnce } from "#test/agent/sealing/sealing-folder.ts";
import { unwrapKey } from "#test/faults/key-files.ts";
import { accepts, sendOnce } from "#test/faults/mllp-sender.ts";
import { kekFileBeside } from "#test/faults/sealed-store.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt, latin1, message } from "#test/support/messages.ts";
import { startAgent } from "#test/support/processes.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { ThreadlessStore } from "#test/support/threadless-store.ts";
import { filesBelow, hitsBelow, needlesOf } from "./canaries.ts";

function openAt(stateDir: string, current: Uint8Array): OpenedStore {
  return openStore(
    {
      ...{ stateDir, allowVolatileState: true, channels: [], kek: { current } },
      ...{ newStoreId: new Uint8Array(16), duplicateMemoryKeys: 62_500 },
    },
    systemClock,
  );
}

/** Seqs of channel 1 that open, and the first that does not. */
function readable({ database, sealer }: OpenedStore): readonly [number, bigint | undefined] {
  const { readParts } = new GroupCommit(database, sealer, { channels: [] });
  const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 1 << 20, maxCount: 10 };
  const { messages, damagedSeq } = readRange(readParts, range);
  return [messages.length, damagedSeq];
}

describe("a key epoch that was shredded", () => {
  test("[R05] its key is nowhere, and an older copy of store and log does not open with what is left", () => {
    const scratch = mkdtempSync(join(tmpdir(), "holdfast-shredded-"));
    const nextKek = new Uint8Array(32).fill(0x33);
    try {
      using made = new ThreadlessStore();
      made.append({ controlId: "GONE", body: "what a person has deleted" });
      // Database, log and keys, as a snapshot has them.
      cpSync(made.stateDir, scratch, { recursive: true });
      const wrapped = readFileSync(join(scratch, "keys/1.key"));
      const bare = unwrapKey(wrapped, TEST_KEK.current, made.opened.storeId, 1);
      assert.ok(bare !== undefined);
      made.opened.keys.renew();
      made.append({ controlId: "STAYS" });
      assert.deepEqual(made.opened.keys.deleteBefore(2), [1]);
      atOnce(made.opened.keys.rewrap(nextKek));
      made.opened.database.close();

      const traces = [
        ...needlesOf(bare.toString("latin1")),
        { word: "the key", dress: "raw", bytes: bare },
        { word: "the key", dress: "wrapped", bytes: wrapped.subarray(56) },
      ];
      assert.ok(hitsBelow(scratch, traces).length > 0, "the copy has it");
      assert.deepEqual(hitsBelow(made.stateDir, traces), []);

      cpSync(join(scratch, "outbox"), join(made.stateDir, "outbox"), { recursive: true });
      const rolledBack = openAt(made.stateDir, nextKek);
      assert.deepEqual(readable(rolledBack), [0, 1n]);
      rolledBack.database.close();

      // The key file from before, too: it was wrapped by a key that is gone.
      cpSync(join(scratch, "keys/1.key"), join(made.stateDir, "keys/1.key"));
      assert.throws(() => openAt(made.stateDir, nextKek), { code: "KEK_WRONG" });
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
});

describe("a state folder elsewhere", () => {
  test("[R08] under another key, or none, the agent ends with 78 and listens to nobody; under its own it goes on", async () => {
    using folder = await AgentFolder.make();
    const file = kekFileBeside(folder.stateDir);
    {
      await using agent = await folder.start();
      assert.equal((await sendOnce(folder.port, latin1(adt("M1")))).kind, "accepted");
      await agent.end("SIGKILL");
    }
    const own = readFileSync(file);
    const before = filesBelow(join(folder.stateDir, "keys")).map((one) => readFileSync(one));
    for (const [content, code] of [
      [`${"77".repeat(32)}\n`, "KEK_WRONG"],
      ["", "KEK_MALFORMED"],
      [undefined, "KEK_MISSING"],
    ] as const) {
      rmSync(file);
      if (content !== undefined) writeFileSync(file, content, { mode: 0o400 });
      await using agent = startAgent(folder.config);
      const { code: exit } = await agent.ended;
      assert.equal(exit, 78);
      assert.match(agent.errors, new RegExp(code));
      assert.equal(await accepts(folder.port), false);
      if (content === undefined) writeFileSync(file, "", { mode: 0o400 });
    }
    assert.deepEqual(
      filesBelow(join(folder.stateDir, "keys")).map((one) => readFileSync(one)),
      before,
    );
    rmSync(file);
    writeFileSync(file, own, { mode: 0o400 });
    await using agent = await folder.start();
    assert.equal((await agent.end("SIGTERM")).code, 0);
  });

  test("[R09] the blind indexes of two sites that had the same messages have nothing in common", async () => {
    const sites: Set<string>[] = [];
    for (let site = 0; site < 2; site++) {
      using folder = await AgentFolder.make();
      await using agent = await folder.start();
      for (const text of [adt("M1"), adt("M2"), message({ 9: "", 10: "Q1" })]) {
        await sendOnce(folder.port, latin1(text));
      }
      assert.equal((await agent.end("SIGTERM")).code, 0);
      const db = new Sqlite(join(folder.stateDir, "outbox/holdfast.db"), { readonly: true });
      const tokens = db
        .prepare(
          `SELECT control_token FROM message UNION ALL SELECT content_token FROM message
           UNION ALL SELECT content_token FROM quarantine`,
        )
        .pluck()
        .all() as Buffer[];
      db.close();
      assert.equal(tokens.length, 5);
      sites.push(new Set(tokens.map((token) => token.toString("hex"))));
    }
    const [here, there] = sites;
    assert.equal(here?.size, 5);
    assert.deepEqual(
      [...(here ?? [])].filter((token) => there?.has(token)),
      [],
    );
  });
});
