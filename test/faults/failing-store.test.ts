/** 08 R07: a store that is full, read-only, locked by another program, or damaged: what is acknowledged has been committed. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { LoopDisk } from "#test/support/loop-disk.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { type Started, startAgent, until } from "#test/support/processes.ts";
import { accepts, sendOnce } from "./mllp-sender.ts";
import { readKek } from "./sealed-store.ts";
import { inspectStore } from "./stored-messages.ts";

const DISK_MEBIBYTES = 24;
const PAGE_BYTES = 4_096;

/** An agent with its store on a disk of its own, and what it has acknowledged. */
class Trial implements Disposable {
  readonly disk: LoopDisk;
  readonly folder: AgentFolder;
  readonly accepted: string[] = [];
  #sent = 0;

  private constructor(disk: LoopDisk, folder: AgentFolder) {
    this.disk = disk;
    this.folder = folder;
  }

  /** @returns nothing where no disk can be mounted; the test says so */
  static async make(context: TestContext): Promise<Trial | undefined> {
    const disk = LoopDisk.make(DISK_MEBIBYTES);
    if (typeof disk === "string") {
      context.skip(disk);
      return undefined;
    }
    const folder = await AgentFolder.make();
    folder.changeConfig(/^stateDir: .*$/m, `stateDir: ${disk.stateDir}`);
    return new Trial(disk, folder);
  }

  get database(): string {
    return join(this.disk.stateDir, "outbox/holdfast.db");
  }

  start(): Started {
    return startAgent(this.folder.config);
  }

  /** @returns whether it was acknowledged */
  async send(): Promise<boolean> {
    this.#sent += 1;
    const controlId = `R07-${this.#sent}`;
    const answer = await sendOnce(this.folder.port, latin1(adt(controlId, "x".repeat(2_000))));
    if (answer.kind !== "accepted") return false;
    assert.equal(answer.controlId, controlId);
    this.accepted.push(controlId);
    return true;
  }

  async sendSome(count: number): Promise<number> {
    let accepted = 0;
    for (let index = 0; index < count; index++) accepted += Number(await this.send());
    return accepted;
  }

  /** Over the closed store. */
  judge(): void {
    const kek = readKek(join(this.folder.path, "agent/kek/holdfast.kek"));
    const { bodies } = inspectStore(this.disk.stateDir, kek);
    const lost = this.accepted.filter((id) => !bodies.has(id));
    assert.deepEqual(lost, [], "acknowledged, and not there");
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
    this.disk[Symbol.dispose]();
  }
}

describe("a store that cannot store", () => {
  test("[R07] [E1] on a disk that is full: nothing is acknowledged until there is room", async (context) => {
    using trial = await Trial.make(context);
    if (trial === undefined) return;
    await using agent = trial.start();
    await agent.ready();
    assert.equal(await trial.sendSome(5), 5);
    trial.disk.fill();
    await until("it takes no more", async () => !(await trial.send()));
    assert.equal(await trial.sendSome(3), 0);
    assert.ok(agent.isRunning);
    trial.disk.free();
    await until("it takes messages again", () => trial.send());
    assert.equal((await agent.end("SIGTERM")).code, 0);
    trial.judge();
  });

  test("[R07] [E1] on a disk that becomes read-only: nothing is acknowledged", async (context) => {
    using trial = await Trial.make(context);
    if (trial === undefined) return;
    await using agent = trial.start();
    await agent.ready();
    assert.equal(await trial.sendSome(5), 5);
    // Files that are open, too, cannot be written any more.
    const { status } = spawnSync("chattr", ["-R", "+i", join(trial.disk.stateDir, "outbox")]);
    if (status !== 0) return context.skip("not tested: a store that becomes read-only; no chattr");
    assert.equal(await trial.sendSome(3), 0);
    await until(
      "it takes nothing, or has ended",
      async () => !agent.isRunning || !(await accepts(trial.folder.port)),
    );
    await agent.end("SIGKILL");
    assert.equal(trial.accepted.length, 5);
  });

  test("[R07] [E1] while another program locks it: nothing is acknowledged, then everything that was is there", async (context) => {
    using trial = await Trial.make(context);
    if (trial === undefined) return;
    await using agent = trial.start();
    await agent.ready();
    assert.equal(await trial.sendSome(5), 5);
    const other = new Database(trial.database, { timeout: 0 });
    let isLocked = true;
    try {
      other.exec("BEGIN EXCLUSIVE");
    } catch {
      // The agent never lets go of its own lock: nobody can take its place.
      isLocked = false;
    }
    const accepted = await trial.sendSome(2);
    if (isLocked) assert.equal(accepted, 0, "what was not committed was acknowledged");
    if (isLocked) other.exec("ROLLBACK");
    other.close();
    await until("it takes messages", () => trial.send());
    assert.equal((await agent.end("SIGTERM")).code, 0);
    trial.judge();
  });

  for (const [what, pageOf] of Object.entries({
    "in its middle": (pages: number) => Math.floor(pages / 2),
    "at its end": (pages: number) => pages - 1,
  })) {
    test(`[R07] [E1] with a damaged page ${what}: it does not run, or what it acknowledges is there`, async (context) => {
      using trial = await Trial.make(context);
      if (trial === undefined) return;
      {
        await using agent = trial.start();
        await agent.ready();
        assert.equal(await trial.sendSome(40), 40);
        assert.equal((await agent.end("SIGTERM")).code, 0);
      }
      const before = newestSegment(trial.database);
      damage(trial.database, pageOf(statSync(trial.database).size / PAGE_BYTES));
      await using agent = trial.start();
      const runs = await agent.ready().then(
        () => true,
        () => false,
      );
      if (!runs) {
        assert.ok([65, 70, 78].includes((await agent.ended).code ?? 0), agent.errors);
        assert.ok(!(await accepts(trial.folder.port)));
        return;
      }
      const accepted = await trial.sendSome(5);
      await agent.end("SIGKILL");
      const isThere = () => newestSegment(trial.database) - before >= accepted;
      assert.ok(accepted === 0 || isThere(), "acknowledged, and not there");
    });
  }
});

/** Number of the newest commit of messages, whose bytes are there: each was sent after the reply to the one before. */
function newestSegment(file: string): number {
  const database = new Database(file);
  try {
    const newest = "SELECT id, bytes FROM segment ORDER BY id DESC LIMIT 1";
    const [id] = database.prepare(newest).raw().get() as [number];
    return id;
  } finally {
    database.close();
  }
}

/** As a bad sector leaves it: other bytes in the place of a page. */
function damage(file: string, page: number): void {
  const handle = openSync(file, "r+");
  try {
    writeSync(handle, Buffer.alloc(PAGE_BYTES, 0xa5), 0, PAGE_BYTES, page * PAGE_BYTES);
  } finally {
    closeSync(handle);
  }
}
