import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ReceiverError } from "#receiver/errors.ts";
import type { DatabaseOptions, DatabaseWarning } from "#receiver/store/postgres/database.ts";
import { POSTGRES_SCHEMA_VERSION } from "#receiver/store/postgres/migrations.ts";
import { openPostgresStore } from "#receiver/store/postgres/postgres-store.ts";
import { SQL } from "#receiver/store/postgres/statements.ts";
import { freePort } from "#scripts/free-port.ts";
import { AGENT_CA_PEM, RECEIVER_CA_PEM, RECEIVER_IDENTITY } from "../support/identities.ts";
import { NO_CHECKSUMS, PostgresServer, withoutPostgres } from "../support/postgres.ts";
import { Caller } from "../support/store-suite.ts";

const skip = withoutPostgres();

describe("PostgreSQL store, opened", { skip }, async () => {
  if (skip !== false) return;
  const port = await freePort();
  const server = await PostgresServer.start("listen_addresses=127.0.0.1", `port=${port}`);
  after(() => server[Symbol.asyncDispose]());

  /** Opens and closes it. @returns the warnings */
  const opened = async (options: DatabaseOptions): Promise<string[]> => {
    const warnings: string[] = [];
    const warn = ({ kind }: DatabaseWarning): void => void warnings.push(kind);
    await using _store = await openPostgresStore({ ...options, warn });
    return warnings;
  };
  const refused = (code: string, error: string) => ({ code, facts: { error } });

  for (const [setting, value] of [
    ["fsync", "off"],
    ["full_page_writes", "off"],
    ["synchronous_commit", "off"],
  ] as const) {
    test(`[S2] [06 12] refuses to run with ${setting} = ${value}, exit 78`, async () => {
      const database = await server.newDatabase();
      await server.ask("postgres", `ALTER SYSTEM SET ${setting} = ${value}`);
      await server.reload();
      await assert.rejects(opened(server.options(database)), (error) => {
        assert.ok(error instanceof ReceiverError);
        assert.deepEqual([error.code, error.facts["setting"]], ["STORE_SETTINGS", setting]);
        return error.exitCode === 78;
      });
      await server.ask("postgres", `ALTER SYSTEM RESET ${setting}`);
      await server.reload();
      await opened(server.options(database));
    });
  }

  test("[S2] local is durable while there are no standbys, and refused where there are", async () => {
    const database = await server.newDatabase();
    await server.ask("postgres", `ALTER DATABASE ${database} SET synchronous_commit = local`);
    await opened(server.options(database));
    await server.ask("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'absent'");
    await server.reload();
    await assert.rejects(opened(server.options(database)), {
      code: "STORE_SETTINGS",
      facts: { setting: "synchronous_commit" },
    });
    await server.ask("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
    await server.reload();
  });

  test("[S2] what was read back stays, whatever the file of the server says later", async () => {
    const database = await server.newDatabase();
    await using store = await openPostgresStore({ ...server.options(database), poolSize: 1 });
    const caller = await Caller.greet(store);
    await server.ask("postgres", "ALTER SYSTEM SET synchronous_commit = off");
    await server.reload();
    await using other = await server.session(database);
    await other.query(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION USING ERRCODE = '57014' ; END $$;
      CREATE TRIGGER note BEFORE INSERT ON holdfast.channel FOR EACH ROW
        WHEN (current_setting('synchronous_commit') <> 'on') EXECUTE FUNCTION note()`);
    assert.equal((await caller.open(1n)).kind, "ok");
    await server.ask("postgres", "ALTER SYSTEM RESET synchronous_commit");
    await server.reload();
  });

  test("[S2] a database in another encoding is refused: names would be altered", async () => {
    const database = await server.newDatabase("ENCODING 'LATIN1' TEMPLATE template0");
    await assert.rejects(opened(server.options(database)), {
      code: "STORE_SETTINGS",
      facts: { setting: "server_encoding" },
    });
  });

  test("[S3] a newer schema is refused and left as it is, exit 78", async () => {
    const database = await server.newDatabase();
    await opened(server.options(database));
    const newer = POSTGRES_SCHEMA_VERSION + 1;
    await server.ask(database, `INSERT INTO holdfast.migration (version) VALUES (${newer})`);
    await assert.rejects(
      opened(server.options(database)),
      (error) =>
        error instanceof ReceiverError &&
        error.code === "STORE_SCHEMA_NEWER" &&
        error.facts["found"] === newer &&
        error.exitCode === 78,
    );
  });

  test("[S3] four nodes that start at once on an empty database make one schema", async () => {
    const database = await server.newDatabase();
    const stores = await Promise.all(
      Array.from({ length: 4 }, () => openPostgresStore(server.options(database))),
    );
    const ids = new Set(stores.map(({ storeId }) => Buffer.from(storeId).toString("hex")));
    assert.equal(ids.size, 1);
    for (const store of stores) await store[Symbol.asyncDispose]();
    assert.equal(
      await server.ask(database, "SELECT count(*) FROM holdfast.migration"),
      String(POSTGRES_SCHEMA_VERSION),
    );
  });

  test("[T-C04] four nodes see the first message of a day at once: each is stored", async () => {
    const database = await server.newDatabase();
    const open = () => openPostgresStore(server.options(database));
    const stores = await Promise.all([open(), open(), open(), open()]);
    const callers = await Promise.all(
      stores.map((store, index) => Caller.greet(store, `ward-${index}`)),
    );
    await Promise.all(callers.map((caller) => caller.open(1n)));
    const answers = await Promise.all(callers.map((caller) => caller.ingest(1n, 1n, "a")));
    assert.deepEqual(new Set(answers.map(({ kind }) => kind)), new Set(["ok"]));
    for (const store of stores) await store[Symbol.asyncDispose]();
  });

  test("[S9] a role or a database that is not there, and a right that lacks, say what to check", async () => {
    const database = await server.newDatabase();
    await assert.rejects(
      opened({ ...server.options(database), user: "nobody" }),
      refused("STORE_REFUSED", "28000"),
    );
    await assert.rejects(opened(server.options("absent")), refused("STORE_REFUSED", "3D000"));
    await server.ask(database, "DROP SCHEMA holdfast");
    await assert.rejects(opened(server.options(database)), refused("STORE_REFUSED", "42501"));
  });

  test("[06 12] a database without checksums is a warning, said once", async () => {
    await using without = await PostgresServer.start(NO_CHECKSUMS);
    const database = await without.newDatabase();
    assert.deepEqual(await opened(without.options(database)), ["noChecksums"]);
    assert.deepEqual(await opened(server.options(await server.newDatabase())), []);
  });

  test("[08] with TLS the server is verified, by its CA and its name, before anything is said", async () => {
    const write = (name: string, text: string): void => {
      writeFileSync(join(server.path, "data", name), text, { mode: 0o600 });
    };
    write("server.crt", RECEIVER_IDENTITY.certificatePem);
    write("server.key", RECEIVER_IDENTITY.privateKeyPem);
    server.takeOver(join(server.path, "data"));
    await server.ask("postgres", "ALTER SYSTEM SET ssl = on");
    await server.reload();
    const database = await server.newDatabase();
    const options = { ...server.options(database), host: "127.0.0.1", port };
    await opened({ ...options, tls: { ca: RECEIVER_CA_PEM } });
    await assert.rejects(opened({ ...options, tls: { ca: AGENT_CA_PEM } }), {
      code: "STORE_UNREACHABLE",
    });
    const named = { ...options, host: "localhost.localdomain", tls: { ca: RECEIVER_CA_PEM } };
    await assert.rejects(opened(named), { code: "STORE_UNREACHABLE" });
    await server.ask("postgres", "ALTER SYSTEM SET ssl = off");
    await server.reload();
    await assert.rejects(opened({ ...options, tls: { ca: RECEIVER_CA_PEM } }), {
      code: "STORE_UNREACHABLE",
    });
  });

  test("[06 12] every key of what an agent writes begins with the agent: it can be spread by it", async () => {
    const database = await server.newDatabase();
    await opened(server.options(database));
    const others = await server.ask(
      database,
      `SELECT string_agg(t.relname, ' ') FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
        WHERE t.relnamespace = 'holdfast'::regnamespace AND c.contype IN ('p', 'u')
          AND t.relname NOT IN ('store', 'migration', 'day', 'agent', 'denied', 'trust')
          -- What people do; no agent writes it.
          AND t.relname NOT IN ('console_item', 'console_entry')
          AND (SELECT attname FROM pg_attribute a
            WHERE a.attrelid = t.oid AND a.attnum = c.conkey[1]) <> 'agent'`,
    );
    assert.equal(others, "");
  });

  test("[S5] every statement can use an index of the tables that grow", async () => {
    const database = await server.newDatabase();
    await opened(server.options(database));
    await using client = await server.session(database);
    await client.query("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan");
    for (const [name, sql] of Object.entries(SQL)) {
      const count = Math.max(0, ...Array.from(sql.matchAll(/\$(\d+)/g), ([, n]) => Number(n)));
      const values = Array.from({ length: count }, () => "NULL").join(", ");
      await client.query(`PREPARE asked AS ${sql}`);
      const { rows } = await client.query<{ "QUERY PLAN": string }>(
        `EXPLAIN EXECUTE asked${count === 0 ? "" : `(${values})`}`,
      );
      await client.query("DEALLOCATE asked");
      for (const row of rows) {
        assert.doesNotMatch(
          row["QUERY PLAN"],
          /Seq Scan on (agent|channel|session|ledger|message|body_slice|gap|position|outgoing)/,
          name,
        );
      }
    }
  });
});
