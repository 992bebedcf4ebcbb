/** The receiver's PostgreSQL is put back to an older base backup, under an agent that runs (T-C06). */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { loadConfiguration } from "#receiver/configuration.ts";
import { ask } from "#receiver/local-client.ts";
import { PostgresServer, withoutPostgres } from "#test/receiver/support/postgres.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { type Started, until } from "#test/support/processes.ts";
import type { ExportLine } from "./many-nodes/oracle.ts";
import { StopAndWait } from "./stop-and-wait.ts";
import { TroubledPair } from "./troubled-pair.ts";

const skip = withoutPostgres();
const [PG_BASEBACKUP = ""] = globSync("/usr/lib/postgresql/*/bin/pg_basebackup").sort().reverse();

/** Of the running server, as an operator takes it; `putBack` finds it. */
function backUpRunning(server: PostgresServer): void {
  const from = ["-h", server.path, "-p", `${server.port}`, "-U", "postgres"];
  const to = ["-D", join(server.path, "backup"), "-X", "stream", "--checkpoint=fast"];
  execFileSync(PG_BASEBACKUP, [...from, ...to], { ...server.owner, cwd: server.path });
}

/** As a failover does that forgets the last commits: the receiver goes on with what it finds. */
async function putBack(server: PostgresServer): Promise<void> {
  await server.stop("SIGQUIT");
  server.putBack();
  await server.restart();
}

const ids = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `M${first + index}`);

async function send(port: number, controlIds: readonly string[]): Promise<void> {
  using sender = new StopAndWait(port);
  for (const controlId of controlIds) {
    const reply = await sender.send(latin1(adt(controlId)));
    assert.deepEqual(reply, { code: "AA", controlId });
  }
}

/** As `export` says it, `seq controlId` of each message, `kind first-last` of each gap: asked again and again. */
async function held(pair: TroubledPair): Promise<string[]> {
  const lines: string[] = [];
  const { stateDir, store } = loadConfiguration(pair.pair.receiverConfig);
  const question = { ask: "export", withBody: false, channel: null, agent: null } as const;
  for await (const line of ask(stateDir, question, store)) {
    const { seq, controlId, gap, firstSeq, lastSeq } = JSON.parse(line) as ExportLine;
    lines.push(gap === undefined ? `${seq} ${controlId}` : `${gap} ${firstSeq}-${lastSeq}`);
  }
  return lines;
}

const numbered = (first: number, count: number): string[] =>
  ids(first, count).map((id, index) => `${first + index} ${id}`);

const alarms = ({ errors }: Started): number => errors.split('"gapRecorded"').length - 1;

describe("PostgreSQL is put back to an older base backup", { skip }, async () => {
  if (skip !== false) return;

  async function scene(agentYaml = "") {
    const server = await PostgresServer.start();
    const database = await server.newDatabase();
    const place = `host: ${server.path}, port: ${server.port}, database: ${database}`;
    const receiverYaml = `store: { kind: postgres, ${place}, user: holdfast }\n`;
    const pair = await TroubledPair.make({ agentYaml, receiverYaml });
    after(async () => {
      pair[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    });
    return { server, pair };
  }

  test("[T-C06, TP37] what it has forgotten is sent again from retention: once, in order, without a gap", async () => {
    const { server, pair } = await scene();
    await using receiver = await pair.receiver();
    await using _agent = await pair.agent();
    await send(pair.port, ids(1, 3));
    await pair.drained();
    backUpRunning(server);
    await send(pair.port, ids(4, 4));
    await pair.drained();
    assert.deepEqual(await held(pair), numbered(1, 7));
    await putBack(server);
    assert.deepEqual(await held(pair), numbered(1, 3), "it has forgotten them");
    await send(pair.port, ["M8"]);
    await until("all are there again", async () => (await held(pair)).length >= 8, 60_000);
    assert.deepEqual(await held(pair), numbered(1, 8));
    await pair.drained();
    assert.equal(alarms(receiver), 0);
    assert.deepEqual((await pair.status()).conditions, []);
  });

  test("[T-C06, TP31, TP37, RI8] what is pruned at the agent is a gap record and an alarm; what came later arrives", async () => {
    const { server, pair } = await scene("retainHours: 0\n");
    await using receiver = await pair.receiver();
    await using _agent = await pair.agent();
    const pruned = async () => (await pair.status()).store.oldestRetainedAt === undefined;
    await send(pair.port, ids(1, 3));
    await pair.drained();
    backUpRunning(server);
    await send(pair.port, ids(4, 4));
    await pair.drained();
    await until("the agent keeps no body any more", pruned);
    await putBack(server);
    await send(pair.port, ids(8, 2));
    await until("the new ones are there", async () => (await held(pair)).length >= 6, 60_000);
    assert.deepEqual(await held(pair), [...numbered(1, 3), ...numbered(8, 2), "pruned 4-7"]);
    await pair.drained();
    assert.equal(alarms(receiver), 1);
  });

  test("[T-C06, RI2, TP27] an agent that has come back since the backup is fenced, loses nothing, and comes back and replays by itself", async () => {
    const { server, pair } = await scene();
    await using _receiver = await pair.receiver();
    {
      await using agent = await pair.agent();
      await send(pair.port, ids(1, 3));
      await pair.drained();
      await agent.end("SIGTERM");
    }
    backUpRunning(server);
    await using agent = await pair.agent();
    await send(pair.port, ids(4, 2));
    await pair.drained();
    await putBack(server);
    await send(pair.port, ["M6"]);
    const isFenced = (): boolean => agent.errors.includes('"TUNNEL_FENCED"');
    await until("it is fenced: the database knows no such session", isFenced, 60_000);
    await send(pair.port, ["M7"]);
    await until("all are there", async () => (await held(pair)).length >= 7, 60_000);
    assert.deepEqual(await held(pair), numbered(1, 7));
  });
});
