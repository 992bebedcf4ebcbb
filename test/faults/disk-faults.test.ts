/** The disk fails under the running agent: nothing is acknowledged that is not stored whole. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { makePair } from "#scripts/make-pair.ts";
import { countCalls, recorderMissing } from "#test/rigs/recorder.ts";
import { type Started, startAgent, until } from "#test/support/processes.ts";
import { accepts, sendOnce } from "./mllp-sender.ts";
import { inspectStore } from "./stored-messages.ts";

const skip = recorderMissing();
const MIB = 1024 * 1024;

function messageOf(controlId: string, bytes: number): Buffer {
  const head = `MSH|^~\\&|LAB|WEST|HUB|EAST|20260101||ADT^A01|${controlId}|P|2.5\rOBX|1|TX|||`;
  const filler = `${controlId}.`.repeat(Math.ceil(bytes / (controlId.length + 1))).slice(0, bytes);
  return Buffer.from(`${head}${filler}\r`);
}

const DISK_FAULT_CODE = 70;

/** One agent without a receiver, and the ledger of what it was offered and what it acknowledged. */
class Trial implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-disk-"));
  readonly stateDir = join(this.folder, "agent/state");
  readonly log = join(this.folder, "calls.log");
  readonly offered = new Map<string, Buffer>();
  readonly accepted = new Set<string>();
  config = "";
  port = 0;

  static async make(): Promise<Trial> {
    const trial = new Trial();
    const { agentConfig, mllp } = await makePair({ folder: trial.folder, alone: true });
    trial.config = agentConfig;
    trial.port = mllp.port;
    return trial;
  }

  /** @param fail `OP:ERR:N[+]` of `record.sh` */
  async start(fail?: string): Promise<Started> {
    const agent = this.#begin(fail);
    await agent.ready();
    return agent;
  }

  /** The same where the fault may come first: what an agent notes of its start is written beside its last steps. */
  async startFailing(fail: string): Promise<Started> {
    const agent = this.#begin(fail);
    await agent.ready().catch(async (error: unknown) => {
      if ((await agent.ended).code !== DISK_FAULT_CODE) throw error;
    });
    return agent;
  }

  #begin(fail: string | undefined): Started {
    const recording = {
      dir: this.stateDir,
      log: this.log,
      ...(fail === undefined ? {} : { fail }),
    };
    return startAgent(this.config, recording);
  }

  /** @returns whether it was acknowledged */
  async send(controlId: string, bytes = 300): Promise<boolean> {
    const message = this.offered.get(controlId) ?? messageOf(controlId, bytes);
    this.offered.set(controlId, message);
    const answer = await sendOnce(this.port, message);
    if (answer.kind !== "accepted") return false;
    assert.equal(answer.controlId, controlId);
    this.accepted.add(controlId);
    return true;
  }

  /** The oracles over the closed store: conservation, integrity, order, uniqueness. */
  judge(): void {
    const { bodies, reasons } = inspectStore(this.stateDir);
    for (const controlId of this.accepted) {
      const offered = this.offered.get(controlId) ?? Buffer.alloc(0);
      assert.ok(
        bodies.get(controlId)?.equals(offered),
        `${controlId} was acknowledged, and is lost`,
      );
    }
    assert.deepEqual(reasons, []);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Calls that an agent has made below its state folder when it accepts messages: as many each time, but for one or two. */
async function callsAtStart(): Promise<{ writes: number; fsyncs: number }> {
  using trial = await Trial.make();
  const agent = await trial.start();
  const calls = await countCalls(trial.log);
  await agent.end("SIGTERM");
  return calls;
}

describe("rig A", { skip }, async () => {
  const start = skip === false ? await callsAtStart() : { writes: 0, fsyncs: 0 };

  for (const nth of [5, 400, 900]) {
    test(`[T-S05] [S11] [A1] the disk is full for the ${nth}th write of a 3 MiB message: it is whole or not acknowledged`, async () => {
      using trial = await Trial.make();
      await using agent = await trial.start(`write:ENOSPC:${start.writes + nth}`);
      await trial.send("BIG", 3 * MIB);
      await agent.end("SIGTERM");
      trial.judge();
      await using again = await trial.start();
      await until("the resend is acknowledged", () => trial.send("BIG"), 30_000);
      assert.ok(await trial.send("NEXT"));
      assert.equal((await again.end("SIGTERM")).code, 0);
      trial.judge();
    });
  }

  test("[T-S05] [E1] a full disk: no acknowledgment, the port closed, the process up; after it all oracles hold", async () => {
    using trial = await Trial.make();
    await using agent = await trial.start(`write:ENOSPC:${start.writes + 60}+`);
    let count = 0;
    while (await trial.send(`M${count}`)) count += 1;
    assert.ok(count > 0);
    await until("the port is closed", async () => !(await accepts(trial.port)));
    assert.ok(agent.isRunning);
    assert.equal((await agent.end("SIGTERM")).code, 0);
    trial.judge();
    await using again = await trial.start();
    assert.ok(await trial.send(`M${count}`));
    await again.end("SIGTERM");
    trial.judge();
  });

  for (const fault of ["fsync:EIO", "write:EIO"] as const) {
    for (const [nth, forEver] of [
      [1, ""],
      [4, ""],
      [4, "+"],
    ] as const) {
      test(`[S9] [T-S10] ${fault} at the ${nth}. call ${forEver === "" ? "once" : "and after"}: exit 70, oracles after restart`, async () => {
        using trial = await Trial.make();
        const before = fault === "fsync:EIO" ? start.fsyncs : start.writes;
        await using agent = await trial.startFailing(`${fault}:${before + nth}${forEver}`);
        let count = 0;
        while (await trial.send(`M${count}`)) count += 1;
        assert.equal((await agent.ended).code, DISK_FAULT_CODE);
        assert.ok(!(await accepts(trial.port)));
        trial.judge();
        await using again = await trial.start();
        assert.ok(await trial.send(`M${count}`), "the resend is acknowledged");
        assert.equal((await again.end("SIGTERM")).code, 0);
        trial.judge();
      });
    }
  }
});
