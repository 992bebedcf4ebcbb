/**
 * T-S05: another program fills the disk of a running agent to the last byte, for as long as is said, and then
 * gives it back. A real agent, a real receiver, a real file system.
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { makePair } from "#scripts/make-pair.ts";
import type { LoopDisk } from "#test/support/loop-disk.ts";
import {
  agentStatus,
  type ShownStatus,
  type Started,
  startAgent,
  startReceiver,
  until,
} from "#test/support/processes.ts";
import { accepts, sendOnce } from "../mllp-sender.ts";
import { readKek } from "../sealed-store.ts";
import { StopAndWait } from "../stop-and-wait.ts";
import { inspectStore } from "../stored-messages.ts";

const MIB = 1024 * 1024;
/** Of a disk of 24 MB. */
const BALLAST_BYTES = 3 * MIB;
const BODY_BYTES = 2_000;

interface RoomStatus extends ShownStatus {
  readonly store: { readonly ballastHeld: boolean; readonly freeBytes: number };
}

export interface FullDiskPlan {
  readonly disk: LoopDisk;
  /** How many messages wait when the disk fills. */
  readonly messages: number;
  /** How long it stays full after everything has left. */
  readonly fullMs: number;
  /** Kills the agent while the disk is full, and starts it again. */
  readonly kill: boolean;
  /** In `local.yaml`. */
  readonly retainHours?: number;
}

export interface FullDiskReport {
  readonly acknowledged: number;
  /** Of messages that were sent while the disk was full. */
  readonly acknowledgedWhileFull: number;
  readonly conditionsWhileFull: readonly string[];
  readonly waitingWhileFull: number;
  readonly freeBytesAfterDrain: number;
  /** Rows whose bodies went before their time, while the disk was full. */
  readonly pruned: number;
  readonly restarts: number;
  readonly ballastHeldAtEnd: boolean;
  readonly conditionsAtEnd: readonly string[];
  /** Acknowledged messages that are not in the store, and what else an oracle found wrong. */
  readonly reasons: readonly string[];
}

export async function fillDisk(plan: FullDiskPlan): Promise<FullDiskReport> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-full-"));
  try {
    return await tried(plan, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function tried(plan: FullDiskPlan, folder: string): Promise<FullDiskReport> {
  const { disk, messages, retainHours = 72 } = plan;
  const { agentConfig, receiverConfig, mllp } = await makePair({
    folder,
    agentYaml: `retainHours: ${retainHours}\nhealthProbeSeconds: 1\n`,
  });
  const written = readFileSync(agentConfig, "utf8");
  writeFileSync(
    agentConfig,
    written
      .replace("stateDir: state", `stateDir: ${disk.stateDir}`)
      .replace(/ballastBytes: \d+/, `ballastBytes: ${BALLAST_BYTES}`),
  );
  const status = async (): Promise<RoomStatus> => (await agentStatus(agentConfig)) as RoomStatus;
  const start = async (): Promise<Started> => {
    const started = startAgent(agentConfig);
    await started.ready();
    return started;
  };
  const sent: string[] = [];
  await using stack = new AsyncDisposableStack();
  let agent = stack.use(await start());
  await until("the ballast is held", async () => (await status()).store.ballastHeld, 30_000);
  using sender = new StopAndWait(mllp.port);
  for (let count = 0; count < messages; count++) {
    const reply = await sender.send(messageOf(`M${count}`));
    if (reply?.code === "AA") sent.push(reply.controlId);
  }

  disk.fill();
  await until("the port is closed", async () => !(await accepts(mllp.port)), 20_000);
  let whileFull = 0;
  const offer = async (): Promise<void> => {
    const answer = await sendOnce(mllp.port, messageOf("FULL"));
    if (answer.kind === "accepted") whileFull += 1;
  };
  await offer();
  const conditionsWhileFull = (await status()).conditions.map(({ condition }) => condition);
  let restarts = 0;
  if (plan.kill) {
    await agent.end("SIGKILL");
    agent = stack.use(await start());
    restarts += 1;
  }
  const receiver = stack.use(startReceiver(receiverConfig));
  await receiver.ready();
  const waiting = async (): Promise<number> => (await status()).channels[0]?.waiting ?? -1;
  await until(
    "the backlog drains while the disk is full",
    async () => (await waiting()) === 0,
    90_000,
  );
  const waitingWhileFull = await waiting();
  for (const endMs = performance.now() + plan.fullMs; performance.now() < endMs; ) {
    // What pruning gives back somebody else takes at once: it stays full to the last byte.
    disk.fill();
    await offer();
    await pause(Math.min(1_000, plan.fullMs / 4));
  }
  const { freeBytes } = (await status()).store;
  if (!agent.isRunning) restarts += 1;

  disk.free();
  await until(
    "it takes messages again",
    async () => (await sender.send(messageOf("AFTER")))?.code === "AA",
    30_000,
  );
  sent.push("AFTER");
  await until("the ballast is held again", async () => (await status()).store.ballastHeld, 30_000);
  await until("the last one left", async () => (await waiting()) === 0, 30_000);
  const end = await status();
  await agent.end("SIGTERM");
  await receiver.end("SIGTERM");
  const kek = readKek(join(folder, "agent/kek/holdfast.kek"));
  const { bodies, pruned, reasons } = inspectStore(disk.stateDir, kek);
  const lost = sent.filter((controlId) => !bodies.has(controlId)).length - pruned.length;
  return {
    acknowledged: sent.length,
    acknowledgedWhileFull: whileFull,
    conditionsWhileFull,
    waitingWhileFull,
    freeBytesAfterDrain: freeBytes,
    pruned: pruned.length,
    restarts,
    ballastHeldAtEnd: end.store.ballastHeld,
    conditionsAtEnd: end.conditions.map(({ condition }) => condition),
    reasons: [...reasons, ...(lost > 0 ? [`${lost} acknowledged messages are gone`] : [])],
  };
}

function messageOf(controlId: string): Buffer {
  const head = `MSH|^~\\&|LAB|WEST|HUB|EAST|20260101||ADT^A01|${controlId}|P|2.5\rOBX|1|TX|||`;
  return Buffer.from(`${head}${`${controlId}.`.repeat(BODY_BYTES / (controlId.length + 1))}\r`);
}
