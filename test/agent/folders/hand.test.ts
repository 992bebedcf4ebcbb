import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { describe, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import type { WorkerMessage } from "#agent/folders/conversation.ts";
import { FolderHand } from "#agent/folders/hand.ts";
import { startProcess } from "#agent/folders/worker-start.ts";
import { systemClock } from "#agent/host/clock.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { DropFolder } from "#test/support/drop-folder.ts";

/** Processes of this test that are folder workers. */
function workersOf(pid = process.pid): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "latin1");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return Number(parent) === pid && state !== "Z";
      } catch {
        return false;
      }
    })
    .map(Number);
}

const isGone = async (pid: number): Promise<void> => {
  while (workersOf().includes(pid)) await new Promise((resolve) => setImmediate(resolve));
};

const silent = (seconds: number) => (error: unknown) =>
  error instanceof AgentError &&
  error.code === "FOLDER_SILENT" &&
  error.facts["seconds"] === seconds;

describe("folder hand", () => {
  for (const isolation of ["thread", "process"] as const) {
    test(`[P46] a ${isolation} answers each question in turn, and is gone when it is let go`, async () => {
      const before = workersOf();
      {
        await using hand = await FolderHand.open({
          isolation,
          silenceMs: 30_000,
          clock: systemClock,
        });
        // It was never opened: what that means is said, and the worker goes on.
        const asked = [hand.call("poll", undefined), hand.call("poll", undefined)];
        for (const { status } of await Promise.allSettled(asked)) assert.equal(status, "rejected");
        assert.equal(workersOf().length, before.length + (isolation === "process" ? 1 : 0));
      }
      assert.deepEqual(workersOf(), before);
    });
  }

  for (const isolation of ["thread", "process"] as const) {
    test(`[P17, P34] a ${isolation} takes a file with a name of any bytes from the folder to the archive`, async () => {
      using folder = new DropFolder({ completion: "rename" });
      await using hand = await FolderHand.open({
        isolation,
        silenceMs: 30_000,
        clock: systemClock,
      });
      const standing = await hand.call("open", folder.settings);
      assert.equal(standing.kind, "local");
      const name = Buffer.from([0xff, 0x0a, 0x61]);
      folder.drop(name, "MSH|1\r");
      const { candidates } = await hand.call("poll", undefined);
      const [{ token, files } = { token: 0, files: [] }] = candidates;
      const claimed = { claim: folder.newClaim(), files };
      const [taken] = await hand.call("claim", [{ token, claim: claimed.claim }]);
      assert.equal(taken?.outcome, "claimed");
      const [read] = await hand.call("read", { claims: [claimed], maxBytes: 1_000 });
      assert.ok(read?.outcome === "whole");
      assert.equal(Buffer.from(read.bytes).toString(), "MSH|1\r");
      assert.equal(read.sha256.length, 32);
      const moves = [folder.move(claimed, { sha256: read.sha256 })];
      const [moved] = await hand.call("archive", { moves, after: "archive" });
      assert.ok(moved?.outcome === "moved");
      assert.ok(
        Buffer.from(moved.targets[0] ?? [])
          .toString("latin1")
          .startsWith("2025/01/02/\xff_a"),
      );
      // The folder is said to be gone, by a code without a path.
      rmSync(folder.at("drop"), { recursive: true });
      await assert.rejects(hand.call("poll", undefined), (error) => {
        assert.ok(error instanceof AgentError);
        assert.deepEqual(
          [error.code, error.facts],
          ["FOLDER_MOVED", { folder: "drop", what: "path" }],
        );
        return true;
      });
    });
  }

  test("[P12] something that changes in a local folder is hinted at, until nobody listens", async () => {
    using folder = new DropFolder();
    await using hand = await FolderHand.open({
      isolation: "thread",
      silenceMs: 30_000,
      clock: systemClock,
    });
    await hand.call("open", folder.settings);
    const hinted = Promise.withResolvers<void>();
    let hints = 0;
    using _listening = hand.onHint(() => {
      hints += 1;
      hinted.resolve();
    });
    for (let at = 0; at < 200; at++) folder.drop(`${at}`);
    await hinted.promise;
    assert.ok(hints <= 2);
  });

  test("[P46] a long method says once a second that it is alive, and so is not taken for silent", async () => {
    // Each of these names keeps the expression busy for a tenth of a second.
    using folder = new DropFolder({ completion: "rename", namePattern: "^(?<x>(a+)+)$" });
    for (let at = 0; at < 25; at++) folder.drop(`${"a".repeat(60)}${at}`);
    const heard: WorkerMessage[] = [];
    const answered = Promise.withResolvers<void>();
    const helper = startProcess({
      onMessage: (message) => {
        heard.push(message);
        if ("id" in message && message.id === 3) answered.resolve();
      },
      onExit: () => answered.reject(new Error("it ended")),
    });
    const { candidates } = folder.poll();
    const claims = folder.claim(candidates);
    helper.post({ id: 1, method: "open", ask: folder.settings });
    helper.post({ id: 3, method: "read", ask: { claims, maxBytes: 1_000 } });
    await answered.promise;
    assert.equal(claims.length, 25);
    const alive = heard.filter((message) => "alive" in message).length;
    // One of them says that it has started.
    assert.ok(alive >= 3, `${alive} signs of life`);
    await helper.letGo();
  });

  test("[P46] a thread that does not answer is given up, and nobody waits for it", async () => {
    const clock = new ManualClock();
    const hand = await FolderHand.open({ isolation: "thread", silenceMs: 30_000, clock });
    const asked = hand.call("poll", undefined);
    clock.advance(30_000);
    await assert.rejects(asked, silent(30));
    assert.ok(silent(30)(await hand.ended));
    await hand[Symbol.asyncDispose]();
  });

  test("[P46] a process that does not answer is killed after the time it was given, and its calls fail", async (t) => {
    if (process.platform !== "linux")
      return t.skip("not tested: a stopped process; this is not Linux");
    const clock = new ManualClock();
    const hand = await FolderHand.open({ isolation: "process", silenceMs: 30_000, clock });
    const [pid = 0] = workersOf();
    process.kill(pid, "SIGSTOP");
    const asked = Promise.allSettled([hand.call("poll", undefined), hand.call("test", undefined)]);
    clock.advance(29_999);
    assert.deepEqual(workersOf(), [pid]);
    clock.advance(1);
    for (const outcome of await asked) {
      assert.ok(outcome.status === "rejected" && silent(30)(outcome.reason));
    }
    assert.ok(silent(30)(await hand.ended));
    await isGone(pid);
    await assert.rejects(hand.call("poll", undefined), silent(30));
    await hand[Symbol.asyncDispose]();
  });

  test("[P46] a process that is idle may be silent for ever", async () => {
    const clock = new ManualClock();
    await using hand = await FolderHand.open({ isolation: "process", silenceMs: 1_000, clock });
    clock.advance(3_600_000);
    await assert.rejects(hand.call("poll", undefined));
    assert.equal(clock.armedCount, 0);
  });

  test("[P46] the calls of a process that dies fail, and its end is told", async (t) => {
    if (process.platform !== "linux")
      return t.skip("not tested: a killed process; this is not Linux");
    await using hand = await FolderHand.open({
      isolation: "process",
      silenceMs: 30_000,
      clock: systemClock,
    });
    const [pid = 0] = workersOf();
    process.kill(pid, "SIGSTOP");
    const asked = hand.call("poll", undefined);
    process.kill(pid, "SIGKILL");
    await assert.rejects(asked, silent(0));
    assert.ok(silent(0)(await hand.ended));
  });

  test("[P46, P34] a process has no environment, and no way to print", async (t) => {
    if (process.platform !== "linux") return t.skip("not tested: /proc; this is not Linux");
    await using _hand = await FolderHand.open({
      isolation: "process",
      silenceMs: 30_000,
      clock: systemClock,
    });
    const [pid = 0] = workersOf();
    const names = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").filter(Boolean);
    assert.deepEqual(
      names.filter((name) => !name.startsWith("NODE_CHANNEL_")),
      [],
    );
    for (const number of [0, 1, 2]) {
      const is = readlinkSync(`/proc/${pid}/fd/${number}`);
      assert.equal(is, "/dev/null");
    }
  });
});
