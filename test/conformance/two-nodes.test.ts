/** The runner with `--other`: two nodes of our receiver that share nothing but a PostgreSQL database. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "#scripts/free-port.ts";
import { PostgresServer, withoutPostgres } from "#test/receiver/support/postgres.ts";
import { startReceiver } from "#test/support/processes.ts";
import { conformance, exportCommand, PairFolder } from "./runs.ts";

const skip = withoutPostgres();

/** The configuration of another node: the same, but for its port and its state. */
async function otherNode(
  config: string,
): Promise<{ readonly config: string; readonly url: string }> {
  const port = await freePort();
  const text = readFileSync(config, "utf8");
  const other = join(config, "../other.yaml");
  mkdirSync(join(config, "../other"), { mode: 0o700 });
  writeFileSync(
    other,
    text
      .replace(/^ {2}port: .*$/m, `  port: ${port}`)
      .replace("stateDir: state", "stateDir: other"),
  );
  return { config: other, url: `wss://127.0.0.1:${port}` };
}

test("[TP40] [RI2] the fence holds between two nodes", { skip }, async () => {
  await using server = await PostgresServer.start();
  const place = `host: ${server.path}, database: ${await server.newDatabase()}`;
  const receiverYaml = `store: { kind: postgres, ${place}, user: holdfast }\n`;
  using folder = await PairFolder.make({ receiverYaml });
  const { receiver, receiverConfig } = folder.pair;
  const other = await otherNode(receiverConfig);
  await using first = startReceiver(receiverConfig);
  await first.ready();
  await using second = startReceiver(other.config);
  await second.ready();
  const { code, out, lines } = await conformance(
    ...["--receiver", receiver, "--other", other.url, "--identity", folder.agentIdentity],
    ...["--export", exportCommand(receiverConfig), "--only", "RI2"],
  );
  assert.equal(lines.length, 5, out);
  assert.equal(code, 0, out);
});
