/** Where the agent cannot keep its promise it does not make it: no listener, one exit code, one remedy. */
import assert from "node:assert/strict";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import Database from "better-sqlite3";
import { storageKindOf } from "#agent/host/file-system.ts";
import { freePort } from "#scripts/free-port.ts";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import { startAgent } from "#test/support/processes.ts";
import { SYNCHRONOUS_NORMAL } from "./defects.ts";
import { accepts, sendOnce } from "./mllp-sender.ts";
import { type Edit, PlantedCopy } from "./planted-copy.ts";
import { fateOf, messageOf } from "./seeded-messages.ts";
import { inspectStore } from "./stored-messages.ts";

/** A listener that opens stays open for longer: its agent has yet to close what it opened before. */
const KNOCK_PAUSE_MS = 2;
const TMPFS_MAGIC = 0x01021994;
const MEMORY_FOLDER = "/dev/shm";

/** A configured agent that does not run. */
class Site implements Disposable {
  readonly folder: string;
  pair: Pair | undefined;

  private constructor(parent: string) {
    this.folder = mkdtempSync(join(parent, "holdfast-refusal-"));
  }

  static async make(parent = tmpdir()): Promise<Site> {
    const site = new Site(parent);
    site.pair = await makePair({ folder: site.folder, alone: true });
    return site;
  }

  get port(): number {
    return this.pair?.mllp.port ?? 0;
  }

  get config(): string {
    return join(this.folder, "agent/local.yaml");
  }

  get stateDir(): string {
    return join(this.folder, "agent/state");
  }

  get store(): string {
    return join(this.stateDir, "outbox/holdfast.db");
  }

  get key(): string {
    return join(this.folder, "agent/identity/agent.key");
  }

  /** Runs an agent until it has stored one message, and stops it. */
  async storeOne(): Promise<void> {
    await using agent = startAgent(this.config);
    await agent.ready();
    const controlId = "S1.first.1";
    assert.equal((await sendOnce(this.port, messageOf(controlId))).kind, "accepted");
    assert.equal((await agent.end("SIGTERM")).code, 0);
  }

  changeConfig(search: string, replacement: string): void {
    const text = readFileSync(this.config, "utf8");
    assert.ok(text.includes(search));
    writeFileSync(this.config, text.replace(search, replacement));
  }

  /** Runs the agent to its end, which must come by itself, and without ever accepting a connection. */
  async refused(root?: string): Promise<{ readonly code: number | null; readonly said: string }> {
    await using agent = startAgent(this.config, undefined, root);
    let accepted = false;
    const ready = agent.ready().then(
      () => true,
      () => false,
    );
    while (agent.isRunning) {
      accepted ||= await accepts(this.port);
      await pause(KNOCK_PAUSE_MS);
    }
    assert.ok(!accepted, "a listener was open");
    assert.ok(!(await ready), "it said that it accepts messages");
    const { code } = await agent.ended;
    return { code, said: agent.errors };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Each test plants its defect in it, and takes it out again. */
const copy = new PlantedCopy();
after(() => copy[Symbol.dispose]());

const AFTER_THE_20TH = "[...this.tails.values()].some(({ lastSeq }) => lastSeq >= 20n)";
/** Two ways in which a thread dies in the middle of a transaction, and one behind its commit. */
const DEATHS: readonly (readonly [string, Edit])[] = [
  [
    "ends inside a transaction",
    {
      file: "agent/outbox/writing/group-commit.ts",
      search: "        if (withDeferred) this.#writeDeferred();",
      replacement: `        if (withDeferred) this.#writeDeferred();\n        if (${AFTER_THE_20TH}) process.exit(3);`,
    },
  ],
  [
    "throws where nobody catches, after a commit",
    {
      file: "agent/outbox/writing/group-commit.ts",
      search: "    this.#settles.clear();",
      replacement: `    this.#settles.clear();
    if (${AFTER_THE_20TH}) queueMicrotask(() => { throw new Error("planted"); });`,
    },
  ],
];

/** Of messages that are accepted: some that a seed gives are made to be refused. */
const SMALL_IDS = Array.from({ length: 250 }, (_, number) => `S1.small.${number}`).filter(
  (controlId) => fateOf(controlId) === "accepted",
);

for (const [how, edit] of DEATHS) {
  test(`[S9] [T-S03] the writer thread ${how}: exit 70, port closed, nothing acknowledged is lost`, async () => {
    using _planted = copy.plant([edit]);
    using site = await Site.make();
    await using agent = startAgent(site.config, undefined, copy.root);
    await agent.ready();
    const acknowledged: string[] = [];
    let number = 0;
    for (; agent.isRunning && number < 200; number++) {
      const controlId = SMALL_IDS[number] ?? "";
      const answer = await sendOnce(site.port, messageOf(controlId));
      if (answer.kind !== "accepted") break;
      acknowledged.push(controlId);
    }
    const { code } = await agent.ended;
    assert.equal(code, 70, agent.errors);
    const failed = agent.errors.split("\n").find((line) => line.includes('"agentFailed"')) ?? "{}";
    assert.equal((JSON.parse(failed) as { code?: unknown }).code, "WRITER_DIED", "in the log");
    assert.ok(!(await accepts(site.port)));
    assert.ok(acknowledged.length >= 15, `${acknowledged.length} acknowledged before it died`);
    await using again = startAgent(site.config);
    await again.ready();
    const answer = await sendOnce(site.port, messageOf(SMALL_IDS[number] ?? ""));
    assert.equal(answer.kind, "accepted", "the resend is acknowledged");
    assert.equal((await again.end("SIGTERM")).code, 0);
    const { bodies, reasons } = inspectStore(site.stateDir);
    assert.deepEqual(reasons, []);
    for (const controlId of acknowledged) {
      assert.ok(bodies.get(controlId)?.equals(messageOf(controlId)), controlId);
    }
  });
}

test("[S1] [T-S18] a second agent on the store ends with 75, says what to do, opens no listener", async () => {
  using site = await Site.make();
  await using first = startAgent(site.config);
  await first.ready();
  const own = site.port;
  const port = await freePort();
  site.changeConfig(`port: ${own}`, `port: ${port}`);
  await using second = startAgent(site.config);
  const { code } = await second.ended;
  assert.equal(code, 75);
  assert.match(second.errors, /STORE_LOCKED/);
  assert.match(second.errors, /Stop the other agent or database tool/);
  assert.ok(!(await accepts(port)));
  assert.equal((await sendOnce(own, messageOf("S1.still.1"))).kind, "accepted");
});

for (const [what, edits] of [
  ["synchronous=NORMAL", SYNCHRONOUS_NORMAL.slice(0, 1)],
  [
    "better-sqlite3's own default",
    [{ ...(SYNCHRONOUS_NORMAL[0] as Edit), search: '  "synchronous = FULL",\n', replacement: "" }],
  ],
] as const) {
  test(`[S2] [T-S04] ${what} ends with 70 on a fresh store and on one that was reopened`, async () => {
    using _planted = copy.plant(edits);
    using site = await Site.make();
    for (const age of ["fresh", "reopened"]) {
      if (age === "reopened") {
        rmSync(site.stateDir, { recursive: true, force: true });
        await site.storeOne();
      }
      const { code, said } = await site.refused(copy.root);
      assert.equal(code, 70, age);
      assert.match(said, /STORE_NOT_DURABLE/);
    }
  });
}

test("[S3] [T-S09] a store with a damaged header ends with 70 and is left as it is", async () => {
  using site = await Site.make();
  await site.storeOne();
  const file = openSync(site.store, "r+");
  writeSync(file, Buffer.alloc(100, 0xff), 0, 100, 0);
  closeSync(file);
  const before = readFileSync(site.store);
  const { code, said } = await site.refused();
  assert.equal(code, 70);
  assert.match(said, /STORE_CORRUPT/);
  assert.match(said, /holdfast backup restore FOLDER --replace/);
  assert.ok(readFileSync(site.store).equals(before));
  const files = readdirSync(join(site.stateDir, "outbox"));
  // Whether the ballast was complete before the stop, nobody says.
  assert.deepEqual(
    files.filter((name) => name !== "ballast"),
    ["high-water", "holdfast.db"],
  );
});

test("[S5] [T-O03] a store of a newer schema ends with 78 and is left as it is", async () => {
  using site = await Site.make();
  await site.storeOne();
  const db = new Database(site.store);
  db.pragma("user_version = 9999");
  db.close();
  const before = readFileSync(site.store);
  const { code, said } = await site.refused();
  assert.equal(code, 78);
  assert.match(said, /STORE_NEWER_SCHEMA/);
  assert.match(said, /found=9999/);
  assert.ok(readFileSync(site.store).equals(before));
});

test("[S3] [T-S09] a state folder that others may write to ends with 77", async () => {
  for (const part of ["", "outbox"]) {
    using site = await Site.make();
    mkdirSync(join(site.stateDir, part), { recursive: true, mode: 0o700 });
    chmodSync(join(site.stateDir, part), 0o777);
    const { code, said } = await site.refused();
    assert.equal(code, 77);
    assert.match(said, /STORE_NOT_PERMITTED/);
    assert.match(said, /chmod 700/);
  }
});

test("[E1] a port in use ends with 69 and names channel and port", async () => {
  using site = await Site.make();
  const other = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => other.listen(site.port, "127.0.0.1", resolve));
  try {
    await using agent = startAgent(site.config);
    assert.equal((await agent.ended).code, 69);
    assert.match(agent.errors, /LISTEN_PORT_IN_USE/);
    assert.match(agent.errors, /channel=adt/);
    assert.match(agent.errors, new RegExp(`port=${site.port}\\b`));
  } finally {
    other.close();
  }
});

test("[T-O02] an unknown configuration key ends with 78, its line, its column and the nearest key", async () => {
  using site = await Site.make();
  site.changeConfig("    host: 127.0.0.1", "    hosst: 127.0.0.1");
  const line = readFileSync(site.config, "utf8").split("\n").indexOf("    hosst: 127.0.0.1") + 1;
  const { code, said } = await site.refused();
  assert.equal(code, 78);
  assert.match(
    said,
    new RegExp(`local\\.yaml:${line}:5: unknown key 'hosst', did you mean 'host'`),
  );
});

test("[I18] an imported identity key that others can read ends with 78", async () => {
  using site = await Site.make();
  chmodSync(site.key, 0o644);
  const { code, said } = await site.refused();
  assert.equal(code, 78);
  assert.match(said, /IDENTITY_EXPOSED/);
  assert.match(said, /chmod 600/);
});

for (const file of ["agent.crt", "agent.key", "receiver-ca.crt"]) {
  test(`[T-O02] without ${file} the agent ends with 78`, async () => {
    using site = await Site.make();
    unlinkSync(join(site.folder, "agent/identity", file));
    const { code, said } = await site.refused();
    assert.equal(code, 78);
    assert.match(said, /IDENTITY_UNREADABLE/);
  });
}

const noTmpfs = statfsOf(MEMORY_FOLDER) !== TMPFS_MAGIC && `${MEMORY_FOLDER} is no tmpfs here`;
test("[S4] [T-S19] a store on tmpfs ends with 78 unless it is allowed", {
  skip: noTmpfs,
}, async () => {
  using site = await Site.make(MEMORY_FOLDER);
  site.changeConfig("allowVolatileState: true", "allowVolatileState: false");
  const { code, said } = await site.refused();
  assert.equal(code, 78);
  assert.match(said, /STORE_VOLATILE/);
  site.changeConfig("allowVolatileState: false", "allowVolatileState: true");
  await site.storeOne();
});

for (const [name, type, kind] of [
  ["tmpfs", 0x01021994, "volatile"],
  ["ramfs", 0x858458f6, "volatile"],
  ["ramfs, sign extended", 0x858458f6 - 2 ** 32, "volatile"],
  ["overlay", 0x794c7630, "volatile"],
  ["NFS", 0x6969, "remote"],
  ["SMB", 0x517b, "remote"],
  ["CIFS", 0xff534d42, "remote"],
  ["SMB 2, sign extended", 0xfe534d42 - 2 ** 32, "remote"],
  ["9p", 0x01021997, "remote"],
  ["FUSE", 0x65735546, "remote"],
  ["AFS", 0x5346414f, "remote"],
  ["Ceph", 0x00c36400, "remote"],
  ["ext4", 0xef53, "local"],
  ["xfs", 0x58465342, "local"],
  ["btrfs", 0x9123683e, "local"],
] as const) {
  test(`[S4] [T-S19] storageKindOf takes ${name} for ${kind}`, () => {
    assert.equal(storageKindOf(type), kind);
  });
}

function statfsOf(folder: string): number | undefined {
  try {
    return statfsSync(folder).type;
  } catch {
    // Not there: then it is no tmpfs, and the test says so.
    return undefined;
  }
}
