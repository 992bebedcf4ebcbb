/**
 * One hospital, one agent, one receiver, and every surface on which somebody could read: none of it shows a word of a
 * message (08 sections 1, 3 and 5).
 *
 * @module
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import Database from "better-sqlite3";
import { FACT_NAMES } from "#agent/fact-names.ts";
import { askLocal } from "#agent/host/local-socket.ts";
import { HospitalSystem } from "#test/support/hospital-system.ts";
import { MailHub } from "#test/support/mail-hub.ts";
import { type agentStatus, type Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { ASKED_AGENT, QuestionedPair } from "#test/support/questioned-pair.ts";
import { PlayedCollector, SiemFiles } from "#test/support/siem.ts";
import { digestNeedles, filesBelow, hitsBelow, hitsIn, needlesOf } from "./canaries.ts";
import {
  answerOrders,
  CANARIES,
  dropAll,
  orderOf,
  SHOWN_CONTROL_ID,
  sendAll,
} from "./canary-hospital.ts";

const PROGRAMS = { agent: "agent/main.ts", receiver: "receiver/main.ts" } as const;

const NEVER = Object.entries(CANARIES).flatMap(([what, word]) => [
  ...needlesOf(word),
  ...digestNeedles(what, Buffer.from(word)),
]);
/** What leaves the machine has no control id at all (08 PL4). */
const NEVER_OUTSIDE = [...NEVER, ...needlesOf(SHOWN_CONTROL_ID)];

interface Line {
  readonly [name: string]: unknown;
  readonly facts?: object;
}

const temporary = mkdtempSync(join(tmpdir(), "holdfast-canary-"));
const stack = new AsyncDisposableStack();
stack.defer(() => rmSync(temporary, { recursive: true, force: true }));
/** What was read, by where; each is looked through as a test of its own. */
const heard = { agent: "", receiver: "" };
let pair: QuestionedPair;
let hub: MailHub;
let siem: PlayedCollector;
const support = generateKeyPairSync("x25519");

function listen(program: Started, to: keyof typeof heard): void {
  for (const stream of [program.child.stdout, program.child.stderr]) {
    stream?.on("data", (text: string | Buffer) => {
      heard[to] += text.toString();
    });
  }
}

async function openAll(): Promise<void> {
  const files = stack.use(await SiemFiles.make());
  const hospital = stack.use(await HospitalSystem.open(answerOrders));
  hub = stack.use(await MailHub.open({ identity: files.server }));
  siem = stack.use(await PlayedCollector.open(files));
  const x = support.publicKey.export({ format: "jwk" }).x ?? "";
  const sender = [
    ...["  - name: orders", "    kind: mllp-sender", "    host: 127.0.0.1"],
    ...[`    port: ${hospital.port}`, "    retryMinSeconds: 1", "    retryMaxSeconds: 1"],
    ...["    replyTimeoutSeconds: 1", "    onReject: quarantine", ""],
  ].join("\n");
  const policy = `policy:
  support: { consentLevel: 2 }
siem: { host: 127.0.0.1, port: ${siem.port}, caFile: ${files.ca}, content: entries, alarms: true }
mail:
  { host: 127.0.0.1, port: ${hub.port}, caFile: ${files.ca}, from: a@b.example, to: [c@b.example], least: information }
`;
  process.env["TMPDIR"] = join(temporary, "tmp");
  mkdirSync(process.env["TMPDIR"]);
  pair = stack.use(
    await QuestionedPair.open(
      policy,
      { supportKey: Buffer.from(x, "base64url").toString("hex") },
      {
        files: true,
        channelYaml: "    maxBlockBytes: 1048576\n",
        filesYaml: `    pollSeconds: 1\n    stableForSeconds: 1\n${sender}`,
      },
    ),
  );
  listen(pair.agent, "agent");
  listen(pair.served, "receiver");
}

/** Orders first: their tries take some seconds. */
async function fill(): Promise<void> {
  for (const number of [1, 2]) {
    const file = join(temporary, `order-${number}`);
    writeFileSync(file, orderOf(number));
    await command("receiver", "send", ASKED_AGENT, "orders", file);
  }
  dropAll(pair.pair.folder ?? "");
  const told = (event: string): Promise<void> =>
    until(`the log tells ${event}`, () => heard.agent.includes(`"${event}"`));
  await sendAll(pair.pair.mllp.port, told);
  for (const event of [
    ...["blockQuarantined", "protocolWarning", "fileQuarantined"],
    ...["deliveryRefused", "replyUnusable", "deliveryQuarantined"],
  ]) {
    await told(event);
  }
  await until("all of it has left", async () => {
    const { channels } = await statusNow();
    return channels.every(
      ({ waiting, lastSeq, name }) => waiting === 0 && (lastSeq > 0 || name === "orders"),
    );
  });
  await until("alarms were mailed", () => hub.mails.length > 0);
  await until("the SIEM was told", () => siem.messages.some((one) => one.includes("alarm")));
}

const statusNow = async (): ReturnType<typeof agentStatus> =>
  (
    (await askLocal(pair.stateDir, { ask: "status" })) as {
      answer: Awaited<ReturnType<typeof agentStatus>>;
    }
  ).answer;

/** Runs a command to its end. @returns all that it said */
async function command(
  program: keyof typeof PROGRAMS,
  ...args: readonly string[]
): Promise<string> {
  const { agentConfig, receiverConfig } = pair.pair;
  const config = program === "agent" ? agentConfig : receiverConfig;
  const all = [programFile(PROGRAMS[program]), ...args, "--config", config];
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile(process.execPath, all, { maxBuffer: 1 << 26 }, (_error, stdout, stderr) =>
    resolve(stdout + stderr),
  );
  const said = await promise;
  assert.notEqual(said, "", args.join(" "));
  return said;
}

/** Several at a time, as many as there are cores. */
async function commands(program: keyof typeof PROGRAMS, all: readonly (readonly string[])[]) {
  const said: Record<string, string> = {};
  const left = [...all];
  const next = async (): Promise<void> => {
    for (let args = left.shift(); args !== undefined; args = left.shift()) {
      said[args.join(" ")] = await command(program, ...args);
    }
  };
  await Promise.all([next(), next(), next()]);
  return said;
}

function assertClean(surfaces: Readonly<Record<string, string | Buffer>>, needles = NEVER): void {
  const found = Object.entries(surfaces).flatMap(([where, text]) => {
    assert.ok(text.length > 0, `${where} is empty`);
    return hitsIn(where, Buffer.from(text), needles);
  });
  assert.deepEqual(found, []);
}

describe("a product full of canaries", () => {
  before(async () => {
    await openAll();
    await fill();
  });
  after(() => stack.disposeAsync());

  test("[PL8] [PL7] [PL5] the page says nothing of them, on any path", async () => {
    const surfaces: Record<string, string> = {};
    for (const path of ["/", "/metrics", "/status.json", "/healthz", "/history.json"]) {
      await until(`${path} is answered`, async () => {
        const answer = await fetch(pair.pair.statusPage + path);
        surfaces[path] = await answer.text();
        return answer.status !== 429;
      });
    }
    assert.match(surfaces["/metrics"] ?? "", /quarantined/);
    assertClean(surfaces);
    assertClean({ metrics: surfaces["/metrics"] ?? "" }, NEVER_OUTSIDE);
  });

  test("[PL1] [PL3] no command at the hospital says one, as lines or as JSON", async () => {
    const drop = pair.pair.folder ?? "";
    const said = await commands("agent", [
      ["status"],
      ["status", "--json"],
      ["channel", "list"],
      ["channel", "list", "--json"],
      ["trace", SHOWN_CONTROL_ID, "--json"],
      ["report", "--from", "today", "--json"],
      ["doctor", "--json"],
      ["doctor", "--folder", drop],
      ["quarantine", "list", "--json"],
      ["audit", "show", "--json", "--limit", "1000"],
      ["config", "show", "--json"],
    ]);
    assertClean(said);
  });

  test("[D06] [D07] [PL4] [L0] [L1] [L2] no answer to a question has one, nor has a bundle", async () => {
    await command("agent", "support", "open", "--hours", "1", "--ticket", "T-1");
    const said: Record<string, string> = {};
    const structured = { channel: "adt", epoch: 1, seq: 1 };
    const questions: readonly (readonly [string, object?])[] = [
      ["status.get"],
      ["outbox.stats"],
      ["listener.list"],
      ["config.show"],
      ["message.structure", structured],
      ["log.excerpt"],
    ];
    for (const [op, args = {}] of questions) {
      const file = pair.forge({ op, args });
      said[op] = await command(
        "receiver",
        "ask",
        ASKED_AGENT,
        "--command",
        file,
        "--wait",
        "30",
        "--json",
      );
      assert.match(said[op] ?? "", /answer/, op);
    }
    const out = join(temporary, "bundle.sealed");
    const bundle = pair.forge({ op: "bundle.create" });
    await command(
      "receiver",
      "bundle",
      ASKED_AGENT,
      "--command",
      bundle,
      "--out",
      out,
      "--wait",
      "30",
    );
    const key = join(temporary, "support.key.pem");
    writeFileSync(key, support.privateKey.export({ format: "pem", type: "pkcs8" }), {
      mode: 0o600,
    });
    const opened = join(temporary, "bundle.txt");
    const { status, stderr } = pair.vendor("unseal", out, "--key", key, "--out", opened);
    assert.equal(status, 0, stderr);
    assertClean({ ...said, bundle: readFileSync(opened) }, NEVER_OUTSIDE);
  });

  test("[PL9] [PL5] what hospital IT is mailed, and what its SIEM is told, has none", () => {
    const mails = hub.mails.map(({ source }) => source).join("\n");
    assertClean({ mails, siem: siem.messages.join("\n") }, NEVER_OUTSIDE);
    assert.deepEqual(siem.faults, []);
  });

  test("[PL1] the receiver says none, by any command", async () => {
    const said = await commands("receiver", [
      ["report", "--from", "today", "--json"],
      ["agent", "list", "--json"],
      ["agent", "status", ASKED_AGENT, "--json"],
      ["agent", "heads", ASKED_AGENT, "--json"],
      ["sent", ASKED_AGENT, "orders"],
    ]);
    assertClean(said, NEVER_OUTSIDE);
    const traced = await command("receiver", "trace", ASKED_AGENT, SHOWN_CONTROL_ID, "--json");
    assert.match(traced, /"channel":"adt"/, "it was found");
    assertClean({ traced }, NEVER_OUTSIDE);
  });

  test("[R01] [PL1] [PL2] [PL3] neither logs nor what was written have one, during the run and after it; nor the receiver's store but in messages", async () => {
    const drop = pair.pair.folder ?? "";
    // What programs put down in passing, but for the folders of this hospital, which lie there, too.
    const passing = () =>
      filesBelow(process.env["TMPDIR"] ?? "").filter((file) => !file.startsWith(pair.folder));
    const atRest = () => [
      ...hitsBelow(pair.stateDir, NEVER),
      ...passing().flatMap((file) => hitsIn(file, readFileSync(file), NEVER)),
    ];
    assert.deepEqual(atRest(), []);
    assert.equal((await pair.agent.end("SIGTERM")).code, 0);
    assert.equal((await pair.served.end("SIGTERM")).code, 0);
    assert.deepEqual(atRest(), []);
    assert.ok(filesBelow(pair.stateDir).length > 5);
    // What hospital systems wrote, where they wrote it.
    assert.ok(hitsBelow(join(drop, ".."), NEVER).length > 0, "the search looks where it should");
    assertClean({ agent: heard.agent });
    const lines = heard.agent.split("\n").filter((one) => one !== "");
    const names = new Set(lines.flatMap((one) => factsOf(JSON.parse(one))));
    assert.deepEqual(
      [...names].filter((name) => !(FACT_NAMES as readonly string[]).includes(name)),
      [],
      "[PL2]",
    );
    assertClean({ receiver: heard.receiver }, NEVER_OUTSIDE);
    assertClean(receiverTables(join(pair.folder, "receiver/state/receiver.db")), NEVER_OUTSIDE);
  });
});

/** Names of the facts of a line. */
function factsOf(line: object): string[] {
  const { timestamp: _, level: _l, message: _m, remedy: _r, facts = {}, ...more } = line as Line;
  return [...Object.keys(facts), ...Object.keys(more)];
}

/** Of every table all that belongs to no message: rows as JSON, bytes as they are. */
function receiverTables(file: string): Record<string, Buffer> {
  const messages: Readonly<Record<string, readonly string[]>> = {
    inbox: ["body", "meta", "sha256"],
    // The reply of a hospital system belongs to whoever sent the message.
    outgoing: ["body", "meta", "sha256", "outcome"],
    body_slice: ["bytes"],
  };
  const database = new Database(file, { readonly: true });
  try {
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .pluck()
      .all();
    return Object.fromEntries(
      tables.flatMap((table) => {
        const rows = database.prepare(`SELECT * FROM "${table}"`).all() as Record<
          string,
          unknown
        >[];
        const parts = rows.flatMap((row) =>
          Object.entries(row).flatMap(([column, value]) => {
            // What the agent says of itself lies among messages.
            const isOwn = row["channel"] === "$status";
            if (!isOwn && (messages[String(table)] ?? []).includes(column)) return [];
            return [value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value))];
          }),
        );
        return parts.length === 0 ? [] : [[`table ${table}`, Buffer.concat(parts)]];
      }),
    );
  } finally {
    database.close();
  }
}
