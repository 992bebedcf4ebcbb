/** A folder that cannot be written to: nothing is lost, nothing passed over (04 P46, P47, P54). @module */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FOLDER_START, folderStep } from "#agent/deliver/folder-sender-state.ts";
import { troubleOf } from "#agent/deliver/folder-trouble.ts";
import { AgentError } from "#agent/errors.ts";
import { FOLDER_ERRORS } from "#agent/folder-errors.ts";
import { DeadShare } from "#test/support/dead-share.ts";
import { FolderBench, nameOf } from "#test/support/folder-bench.ts";
import { adt } from "#test/support/messages.ts";

test("[P52, P60] whatever is wrong with a folder is known as its trouble, and a drive letter is told at once", () => {
  for (const code of Object.keys(FOLDER_ERRORS) as (keyof typeof FOLDER_ERRORS)[]) {
    if (!code.startsWith("FOLDER_")) continue;
    assert.ok(troubleOf(new AgentError(code, {})) !== undefined, code);
  }
  const why = troubleOf(new AgentError("FOLDER_DRIVE_LETTER", {}));
  assert.ok(why !== undefined);
  const failed = { on: "failed", why, nowMs: 0, chance: 0 } as const;
  const rules = { retryMinMs: 1_000, retryMaxMs: 60_000 };
  const { state, effects } = folderStep(FOLDER_START.state, failed, rules);
  assert.equal(state.at, "backingOff");
  assert.ok(effects.some(({ act }) => act === "alarm"));
});

/** Processes that this one has started and that still run. */
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1")
    .split(" ")
    .filter(Boolean)
    .map(Number);

describe("a folder that cannot be written to", () => {
  test("[P46, P47, O4] one that is not there at the start: nothing is lost, and it is gone on with when it comes", async () => {
    await using bench = new FolderBench({}, ({ target }) =>
      rmSync(target.folder, { recursive: true }),
    );
    for (const id of ["M1", "M2"]) bench.queue.append(adt(id));
    await bench.until("five failures", () => bench.alarms.length > 0);
    assert.deepEqual(bench.alarms, ["targetUnreachable"]);
    assert.equal(bench.state, "unreachable");
    assert.match(bench.sender.status.since, /^2025-01-01T12:00:00/);
    assert.equal(bench.sender.status.isConnected, false);
    assert.deepEqual(bench.queue.calls, []);
    mkdirSync(bench.target.folder);
    await bench.stands("accepted", "accepted");
    assert.deepEqual(bench.target.names, [nameOf(1), nameOf(2)]);
    await bench.until("idle", () => bench.state === "idle");
    assert.deepEqual(bench.alarms, []);
    assert.ok(
      bench.lines.some((line) =>
        /^targetFailed .*step=open folder=target sysCode=ENOENT/.test(line),
      ),
    );
  });

  test("[P47] one that is replaced while nothing is sent is noticed, told at once, and its recovery, too", async () => {
    await using bench = new FolderBench();
    bench.queue.append(adt("M1"));
    await bench.stands("accepted");
    await bench.until("idle", () => bench.state === "idle");
    bench.chance = 0.999;
    renameSync(bench.target.folder, join(bench.target.root, "moved"));
    bench.clock.advance(60_000);
    await bench.until("it is noticed", () => bench.state === "unreachable");
    assert.deepEqual(bench.alarms, ["targetUnreachable"]);
    renameSync(join(bench.target.root, "moved"), bench.target.folder);
    await bench.until("it is well", () => {
      // In steps that a worker may be silent for.
      bench.clock.advance(100);
      return bench.state === "idle";
    });
    assert.deepEqual(bench.alarms, []);
  });

  test("[P54, O4] a failing step is tried again with growing waits, in order, and no message is passed over", async () => {
    await using bench = new FolderBench({ retryMinMs: 1_000, retryMaxMs: 60_000 });
    bench.queue.append(adt("M1"));
    await bench.stands("accepted");
    bench.chance = 1;
    // A folder in the place of the temporary file of message 2, and of each further name for it.
    for (let index = 1; index <= 16; index++) {
      const number = index === 1 ? "" : `_${index}`;
      mkdirSync(bench.target.path(`holdfast_orders_2${number}.tmp`));
    }
    for (const id of ["M2", "M3"]) bench.queue.append(adt(id));
    await bench.until("it failed", () =>
      bench.lines.some((line) => line.startsWith("targetFailed")),
    );
    const failures = (): number => bench.sender.status.counters.targetFailures ?? 0;
    for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000]) {
      const before = failures();
      assert.equal(bench.alarms.length, before >= 5 ? 1 : 0);
      bench.clock.advance(waitMs - 1);
      await bench.quiet();
      assert.equal(failures(), before);
      bench.clock.advance(1);
      await bench.until("it failed again", () => failures() === before + 1);
    }
    assert.deepEqual(bench.alarms, ["targetUnreachable"]);
    assert.deepEqual(bench.queue.standing, ["accepted", "open", "open"]);
    rmSync(bench.target.path("holdfast_orders_2.tmp"), { recursive: true });
    bench.chance = 0;
    bench.clock.advance(32_000);
    await bench.stands("accepted", "accepted", "accepted");
    assert.deepEqual(bench.alarms, []);
    // Nothing of it had been under its name: it has not been sent before.
    assert.deepEqual(bench.queue.row(2).outcome?.flags, []);
  });

  test("[P46] a share that falls silent loses its worker, not the channel: a new one goes on, and the repeat is said to be one", async (t) => {
    if (process.platform !== "linux") {
      return t.skip("not tested: a stopped process; this is not Linux");
    }
    // By its key a share: the folder itself answers.
    await using bench = new FolderBench({ outlet: { shareKind: "smb" } });
    bench.queue.append(adt("M1"));
    await bench.stands("accepted");
    await bench.until("idle", () => bench.state === "idle");
    const [pid = 0] = childrenOf(process.pid);
    process.kill(pid, "SIGSTOP");
    bench.queue.append(adt("M2"));
    bench.queue.append(adt("M3"));
    await bench.until("it is being written", () => bench.state === "writing");
    await bench.quiet();
    bench.clock.advance(29_000);
    await bench.quiet();
    assert.equal(bench.state, "writing");
    bench.clock.advance(1_000);
    await bench.until("it is given up", () => bench.alarms.includes("targetUnreachable"));
    assert.ok(bench.lines.includes("targetFailed channel=orders code=FOLDER_SILENT seconds=30"));
    await bench.stands("accepted", "accepted", "accepted");
    assert.ok(!childrenOf(process.pid).includes(pid), "the silent one is gone");
    assert.deepEqual(bench.target.names, [nameOf(1), nameOf(2), nameOf(3)]);
    await bench.until("idle", () => bench.state === "idle");
    assert.deepEqual(bench.alarms, []);
    // Whether it had come to the end nobody knows.
    const flags = bench.queue.rows.map(({ outcome }) => outcome?.flags.join());
    assert.deepEqual(flags, ["", "possibleRepeat", ""]);
  });

  test("[P46] a sentFolder on a dead share: the worker is a process, which is ended", async (t) => {
    const share = DeadShare.make();
    if (typeof share === "string") return t.skip(share);
    using _share = share;
    const before = new Set(childrenOf(process.pid));
    await using bench = new FolderBench({ outlet: { sentFolder: join(share.path, "sent") } });
    bench.queue.append(adt("M1"));
    const isNew = (pid: number): boolean => !before.has(pid);
    await bench.until("there is a process", () => childrenOf(process.pid).some(isNew));
    // In steps: a worker that has just started is not silent yet.
    await bench.until("it is given up", () => {
      bench.clock.advance(1_000);
      return bench.alarms.includes("targetUnreachable");
    });
    assert.ok(bench.lines.includes("targetFailed channel=orders code=FOLDER_SILENT seconds=30"));
    assert.deepEqual(bench.queue.standing, ["open"]);
  });

  test("[E8] a stop finishes the file in hand, and takes no other", async () => {
    await using bench = new FolderBench();
    const { queue } = bench;
    const reached = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const body = queue.body.bind(queue);
    queue.body = async (id, from, maxBytes) => {
      reached.resolve();
      await goOn.promise;
      return await body(id, from, maxBytes);
    };
    for (const id of ["M1", "M2"]) queue.append(adt(id));
    await reached.promise;
    const stopped = bench.sender[Symbol.asyncDispose]();
    goOn.resolve();
    await stopped;
    assert.deepEqual(queue.standing, ["accepted", "open"]);
    assert.deepEqual(bench.target.names, [nameOf(1)]);
    assert.equal(bench.state, "closed");
    assert.equal(bench.clock.armedCount, 0);
  });

  test("[E8] a stop waits for nothing while the folder is away", async () => {
    await using bench = new FolderBench({}, ({ target }) =>
      rmSync(target.folder, { recursive: true }),
    );
    bench.chance = 1;
    bench.queue.append(adt("M1"));
    await bench.until("unreachable", () => bench.state === "unreachable");
    await bench.sender[Symbol.asyncDispose]();
    assert.deepEqual(bench.queue.standing, ["open"]);
    assert.equal(bench.clock.armedCount, 0);
  });
});
