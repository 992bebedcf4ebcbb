/**
 * Both sides of a reconciliation as real processes: equal after a kill in the middle, and what was taken away, doubled
 * or changed by hand in a copy of the receiver's store is named.
 */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import type { ComparedLine } from "#reconcile/lines.ts";
import { HospitalSender } from "#scripts/demo/sender.ts";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import { agentStatus, Started, startAgent, startReceiver, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const MAIN = {
  holdfast: programFile("agent/main.ts"),
  "holdfast-receiver": programFile("receiver/main.ts"),
} as const;

interface Said {
  readonly code: number | null;
  readonly text: string;
}

async function run(program: keyof typeof MAIN, ...args: readonly string[]): Promise<Said> {
  const parts: Buffer[] = [];
  await using started = new Started([process.execPath, MAIN[program], ...args]);
  started.child.stdout?.on("data", (part: Buffer) => parts.push(part));
  const { code } = await started.ended;
  return { code, text: Buffer.concat(parts).toString("utf8") };
}

const linesOf = ({ text }: Said): ComparedLine[] =>
  text
    .split("\n")
    .filter((line) => line.includes('"hour"'))
    .map((line) => JSON.parse(line) as ComparedLine);

/** A pair that has carried messages through a kill of the agent, and told of its hours. */
class Carried implements AsyncDisposable {
  readonly pair: Pair;
  readonly folder: string;
  readonly acknowledged: number;
  readonly #agent: Started;
  readonly #receiver: Started;

  private constructor(
    folder: string,
    pair: Pair,
    running: { readonly agent: Started; readonly receiver: Started; readonly acknowledged: number },
  ) {
    this.folder = folder;
    this.pair = pair;
    this.acknowledged = running.acknowledged;
    this.#agent = running.agent;
    this.#receiver = running.receiver;
  }

  static async through(): Promise<Carried> {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-hours-"));
    const pair = await makePair({ folder });
    const receiver = startReceiver(pair.receiverConfig);
    await receiver.ready();
    const first = startAgent(pair.agentConfig);
    await first.ready();
    const senders = ["A", "B", "C"].map((name) => new HospitalSender(name, pair.mllp.port));
    const sending = Promise.all(senders.map((sender) => sender.send(40)));
    await until("some were acknowledged", () =>
      senders.every((one) => one.acknowledged.length > 8),
    );
    await first.end("SIGKILL");
    const agent = startAgent(pair.agentConfig);
    await agent.ready();
    await sending;
    for (const sender of senders) sender.close();
    await until("the outbox is empty", async () => {
      const { channels } = await agentStatus(pair.agentConfig);
      return channels.every(({ waiting }) => waiting === 0);
    });
    const acknowledged = senders.reduce((sum, one) => sum + one.acknowledged.length, 0);
    return new Carried(folder, pair, { agent, receiver, acknowledged });
  }

  agentReport(...more: readonly string[]): Promise<Said> {
    return run("holdfast", "report", "--json", "--config", this.pair.agentConfig, ...more);
  }

  receiverReport(config = this.pair.receiverConfig): Promise<Said> {
    return run("holdfast-receiver", "report", "--json", "--config", config);
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** A copy of the receiver's folder, changed by hand. @returns its configuration */
  async changedCopy(change: (db: Database.Database) => void): Promise<string> {
    if (this.#receiver.isRunning) await this.#receiver.end("SIGTERM");
    const [from, to] = [join(this.folder, "receiver"), join(this.folder, `copy-${Date.now()}`)];
    cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    const db = new Database(join(to, "state/receiver.db"));
    change(db);
    db.close();
    const text = readFileSync(join(to, "receiver.yaml"), "utf8").replaceAll(from, to);
    writeFileSync(join(to, "receiver.yaml"), text);
    return join(to, "receiver.yaml");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#agent.isRunning) await this.#agent.end("SIGTERM");
    if (this.#receiver.isRunning) await this.#receiver.end("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test("[D4, TP35] counts and digests are equal on both sides after a kill -9 in the middle; what is changed by hand is named", async (t) => {
  await using carried = await Carried.through();

  await t.test("[D4] every hour is equal, and says how many were acknowledged", async () => {
    const own = await carried.agentReport("--tell");
    assert.equal(own.code, 0);
    let report: Said = { code: null, text: "" };
    await until("the receiver was told", async () => {
      report = await carried.receiverReport();
      return report.code === 0;
    });
    const lines = linesOf(report);
    const sum = (of: (line: ComparedLine) => number): number =>
      lines.reduce((total, line) => total + of(line), 0);
    assert.equal(
      sum(({ held }) => held.stored),
      carried.acknowledged,
    );
    assert.equal(
      sum(({ told }) => told?.stored ?? 0),
      carried.acknowledged,
    );
    // What was sent again after the kill, and had been stored before it.
    const again = sum(({ told }) => (told?.received ?? 0) - (told?.stored ?? 0));
    assert.equal(
      again,
      sum(({ told }) => told?.duplicates ?? 0),
    );
    for (const { told, held } of lines) assert.equal(told?.digest, held.digest);
    const compared = await carried.agentReport("--compare", carried.file("equal", report.text));
    assert.equal(compared.code, 0, compared.text);
    const { receiverConfig } = carried.pair;
    const exported = await run("holdfast-receiver", "export", "--config", receiverConfig);
    const byMessage = await carried.agentReport("--compare", carried.file("all", exported.text));
    assert.equal(byMessage.code, 0, byMessage.text);
  });

  await t.test(
    "[D4] a message that was taken away is named on both sides, here with its control id",
    async () => {
      const config = await carried.changedCopy((db) => {
        db.exec("DELETE FROM inbox WHERE channel = 'adt' AND seq IN (7, 8)");
      });
      const report = await carried.receiverReport(config);
      assert.equal(report.code, 65);
      const named = linesOf(report).flatMap(({ differences }) => differences);
      assert.deepEqual(
        named.map(({ seq, agent, receiver }) => [seq, agent, receiver]),
        [
          ["7", "has", "lacks"],
          ["8", "has", "lacks"],
        ],
      );
      const compared = await carried.agentReport("--compare", carried.file("less", report.text));
      assert.equal(compared.code, 65);
      const ids = linesOf(compared).flatMap(({ differences }) => differences);
      assert.ok(
        ids.every(({ controlId }) => /^[ABC]\d+$/.test(controlId ?? "")),
        compared.text,
      );
      const exported = await run("holdfast-receiver", "export", "--config", config);
      const byMessage = await carried.agentReport("--compare", carried.file("few", exported.text));
      assert.equal(byMessage.code, 65);
      assert.deepEqual(
        linesOf(byMessage).flatMap(({ differences }) => differences),
        ids,
      );
    },
  );

  await t.test("[D4] a double that somebody planted is named", async () => {
    const config = await carried.changedCopy((db) => {
      db.exec(`INSERT INTO inbox (agent, channel, epoch, seq, sha256, received_ms, stored_ms, meta,
          repeat_of, possible_repeat, body)
        SELECT agent, channel, epoch, (SELECT max(seq) + 1 FROM inbox WHERE channel = 'adt'), sha256,
          received_ms, stored_ms, meta, NULL, 0, body FROM inbox WHERE channel = 'adt' AND seq = 5`);
    });
    const report = await carried.receiverReport(config);
    assert.equal(report.code, 65);
    const [named, ...others] = linesOf(report).flatMap(({ differences }) => differences);
    assert.deepEqual(others, []);
    const place = { epoch: "1", seq: String(carried.acknowledged + 1) };
    const what = { ...place, agent: "lacks", receiver: "has" };
    assert.deepEqual({ ...named, controlId: "" }, { ...what, controlId: "" });
    assert.match(named?.controlId ?? "", /^[ABC]\d+$/);
  });

  await t.test("[D4, TP15] another content is noticed there, and named here", async () => {
    const config = await carried.changedCopy((db) => {
      db.exec("UPDATE inbox SET sha256 = zeroblob(32) WHERE channel = 'adt' AND seq = 9");
    });
    const report = await carried.receiverReport(config);
    assert.equal(report.code, 65);
    assert.ok(linesOf(report).some(({ isOther }) => isOther));
    const exported = await run("holdfast-receiver", "export", "--config", config);
    const byMessage = await carried.agentReport("--compare", carried.file("other", exported.text));
    assert.equal(byMessage.code, 65);
    const named = linesOf(byMessage).flatMap(({ differences }) => differences);
    assert.deepEqual(
      named.map(({ seq, receiver }) => [seq, receiver]),
      [["9", "hasOther"]],
    );
  });

  await t.test(
    "[D4] a file that is no report is refused, and so is a time that is none",
    async () => {
      const nonsense = await carried.agentReport("--compare", carried.file("none", "not json"));
      assert.equal(nonsense.code, 65);
      assert.equal((await carried.agentReport("--from", "soon")).code, 64);
      const { receiverConfig } = carried.pair;
      const refused = await run(
        "holdfast-receiver",
        "report",
        "--from",
        "soon",
        "--config",
        receiverConfig,
      );
      assert.equal(refused.code, 64);
    },
  );
});
