/** Rig A where the kill of its workload meets the recorder: said, recorded anew, and never judged. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { onWholeRecording, replay, TornRecording } from "#test/rigs/replayer.ts";

const MAGIC = 0x43525348;
const HEADER_BYTES = 40;
const WRITE = 2;

/** As `preload/recorder.h` writes it. */
function record(payload: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC);
  header[4] = WRITE;
  header.writeBigUInt64LE(BigInt(payload.length), 24);
  return Buffer.concat([header, Buffer.from(payload)]);
}

/** @param log what a kill has left, and what came behind it */
async function judged(log: Buffer): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-torn-"));
  try {
    const file = join(folder, "calls.log");
    writeFileSync(file, log);
    return await replay({
      ...{ log: file, final: folder, checker: join(folder, "check.mjs"), points: 1, seed: 1 },
      json: join(folder, "summary.json"),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("a recording in which another process wrote behind a torn record is not judged", async () => {
  const torn = record("x".repeat(10_000)).subarray(0, 5_000);
  const log = Buffer.concat([record("before"), torn, record("behind".repeat(2_000))]);
  await assert.rejects(judged(log), TornRecording);
});

test("a torn recording is made again, three times at most; another fault is told at once", async () => {
  let times = 0;
  const tornUntil = (whole: number) => (): Promise<string> => {
    times += 1;
    return times < whole ? Promise.reject(new TornRecording()) : Promise.resolve("judged");
  };
  assert.equal(await onWholeRecording(tornUntil(3)), "judged");
  assert.equal(times, 3);
  times = 0;
  await assert.rejects(onWholeRecording(tornUntil(9)), TornRecording);
  assert.equal(times, 3);
  times = 0;
  const broken = (): Promise<never> => {
    times += 1;
    return Promise.reject(new Error("violated"));
  };
  await assert.rejects(onWholeRecording(broken), /violated/);
  assert.equal(times, 1);
});
