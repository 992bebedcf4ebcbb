/** An upgrade that brings the store to a newer schema, with a backlog, killed in the middle, and taken back (T-O03, 05 S5). @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import Sqlite from "better-sqlite3";
import { SCHEMA_VERSION } from "#agent/outbox/format/migrations.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { agentStatus, startAgent } from "#test/support/processes.ts";

const ROOT = pathToFileURL(`${join(import.meta.dirname, "../..")}/`).href;
const BACKLOG = 40;

/** The program of the next version, as far as it opens a store: one step more, which changes every row. */
const NEXT = `
  import Sqlite from "better-sqlite3";
  const { migrate, MIGRATIONS } = await import("${ROOT}agent/outbox/format/migrations.ts");
  const [, file, killed] = process.argv;
  const database = new Sqlite(file);
  const step = (own) => {
    own.exec("CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT; UPDATE message SET flags = flags + 1024");
    if (killed === "killed") {
      // What does not fit into memory is in the log already.
      own.pragma("cache_spill = 1", { simple: true });
      process.kill(process.pid, "SIGKILL");
    }
    own.exec("UPDATE message SET flags = flags - 1024");
  };
  migrate(database, undefined, [...MIGRATIONS, step]);
  database.close();
`;

function upgrade(store: string, end: "killed" | "whole"): string | number | null {
  const args = ["--input-type=module", "--eval", NEXT, store, end];
  const { status, signal, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.ok(status === 0 || signal !== null, stderr);
  return signal ?? status;
}

/** @returns schema, and how many messages wait in it */
function standing(store: string): { readonly schema: number; readonly flags: number } {
  const database = new Sqlite(store, { readonly: true });
  try {
    const flags = database.prepare("SELECT max(flags) FROM message").pluck().get();
    const schema = database.pragma("user_version", { simple: true });
    return { schema: Number(schema), flags: Number(flags) };
  } finally {
    database.close();
  }
}

async function waiting(folder: AgentFolder): Promise<number> {
  const { channels } = await agentStatus(folder.config);
  return Number(channels.find(({ name }) => name === "adt")?.waiting);
}

test("[T-O03] [S5] killed inside a migration, the store is what it was; whole, the older program refuses it and changes nothing", {
  timeout: 120_000,
}, async () => {
  using folder = await AgentFolder.make();
  const store = join(folder.stateDir, "outbox/holdfast.db");
  {
    await using agent = await folder.start();
    await using sender = await MllpSocket.open(folder.port);
    for (let index = 1; index <= BACKLOG; index++) {
      await sender.send(framed(adt(`M${index}`)));
      await sender.acknowledged(index);
    }
    assert.equal((await agent.end("SIGTERM")).code, 0);
  }
  const before = standing(store);
  assert.equal(before.schema, SCHEMA_VERSION);

  assert.equal(upgrade(store, "killed"), "SIGKILL");
  {
    // Going back after the crash: the program of before finds its store.
    await using agent = await folder.start();
    assert.equal(await waiting(folder), BACKLOG);
    await using sender = await MllpSocket.open(folder.port);
    await sender.send(framed(adt("AFTER")));
    await sender.acknowledged(1);
    assert.equal(await waiting(folder), BACKLOG + 1);
    assert.equal((await agent.end("SIGTERM")).code, 0, agent.errors);
  }
  assert.deepEqual(standing(store), before);

  assert.equal(upgrade(store, "whole"), 0);
  assert.equal(standing(store).schema, SCHEMA_VERSION + 1);
  await using older = startAgent(folder.config);
  assert.equal((await older.ended).code, 78);
  assert.match(older.errors, /STORE_NEWER_SCHEMA/);
  assert.match(older.errors, new RegExp(`found=${SCHEMA_VERSION + 1}, known=${SCHEMA_VERSION}`));
  const database = new Sqlite(store, { readonly: true });
  const count = database.prepare("SELECT count(*) FROM message").pluck().get();
  database.close();
  assert.ok(Number(count) >= BACKLOG + 1, "the backlog is as it was");
});
