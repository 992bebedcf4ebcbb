/** Whatever the hospital system does, and wherever the process ends: nothing is lost, altered or overtaken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { ack, HospitalSystem, type ReceivedBlock } from "#test/support/hospital-system.ts";
import { adt, framed, latin1 } from "#test/support/messages.ts";
import { SenderBench } from "#test/support/sender-bench.ts";

const BEHAVIOURS = [
  "AA",
  "AAinBytes",
  "AAtwice",
  "AAthenFin",
  "AE",
  "AR",
  "previousId",
  "garbage",
  "silence",
  "late",
  "fin",
  "rst",
] as const;
type Behaviour = (typeof BEHAVIOURS)[number];

const MESSAGES = 5;
const IDS = Array.from({ length: MESSAGES }, (_, index) => `M${index + 1}`);

function inBytes(socket: ReceivedBlock["socket"], bytes: Buffer): void {
  const write = (at: number): void => {
    if (at === bytes.length || socket.destroyed) return;
    socket.write(bytes.subarray(at, at + 1));
    setImmediate(() => write(at + 1));
  };
  write(0);
}

/** Answers block by block as the plan says, then AA. */
class Moody {
  /** Control ids that were told yes, as far as this side knows. */
  readonly saidYes = new Set<string>();
  readonly #plan: readonly Behaviour[];
  #late: (() => void)[] = [];

  constructor(plan: readonly Behaviour[]) {
    this.#plan = plan;
  }

  answer(block: ReceivedBlock, count: number): string | undefined {
    const { controlId, socket } = block;
    const yes = (): string => {
      this.saidYes.add(controlId);
      return ack("AA", controlId);
    };
    const late = this.#late;
    this.#late = [];
    for (const reply of late) reply();
    switch (this.#plan[count - 1] ?? "AA") {
      case "AA":
        return yes();
      case "AAinBytes":
        inBytes(socket, latin1(yes()));
        return undefined;
      case "AAtwice":
        return yes() + yes();
      case "AAthenFin":
        socket.end(latin1(yes()));
        return undefined;
      case "AE":
        return ack("AE", controlId);
      case "AR":
        return ack("AR", controlId);
      case "previousId":
        return ack("AA", `M${Number(controlId.slice(1)) - 1}`);
      case "garbage":
        return framed("MSH|no acknowledgment");
      case "silence":
        return undefined;
      case "late":
        // On its own connection, when the next block comes, which it may have come on, too.
        this.#late.push(() => {
          if (!socket.destroyed) socket.write(latin1(ack("AA", controlId)));
        });
        return undefined;
      case "fin":
        socket.end();
        return undefined;
      case "rst":
        socket.resetAndDestroy();
        return undefined;
    }
  }
}

async function holds(plan: readonly Behaviour[], crashes: readonly number[]): Promise<void> {
  const moody = new Moody(plan);
  /** Control ids that were not settled when each block came. */
  const open: string[][] = [];
  await using ris = await HospitalSystem.open((block, count) => {
    open.push(IDS.filter((_, index) => bench.queue.rows[index]?.outcome === undefined));
    return moody.answer(block, count);
  });
  await using bench = await SenderBench.open(ris.port);
  for (const id of IDS) bench.queue.append(adt(id));
  const left = new Set(crashes);
  for (let turn = 0; bench.queue.standing.some((one) => one !== "accepted"); turn++) {
    assert.ok(turn < 5_000, `no end: ${bench.state} ${bench.queue.standing.join()}`);
    bench.clock.advance(turn % 20 === 19 ? 30_000 : 0);
    await pause(1);
    if (bench.state === "held") bench.sender.release("retry");
    if (left.delete(turn)) await bench.crashAndRestart();
  }
  assert.deepEqual(bench.faults, []);
  for (const [at, { controlId, text }] of ris.blocks.entries()) {
    assert.equal(text, adt(controlId), "bytes are unchanged");
    assert.equal(controlId, open[at]?.[0], "the oldest that is not settled, and no other");
  }
  for (const id of IDS) assert.ok(moody.saidYes.has(id), `${id} was accepted by nobody`);
}

test("[O1, O2, O3, O4, O5] whatever the far end does and wherever we end: each message arrives unchanged, in order, and is settled by its own reply alone", async () => {
  const plans = fc.array(fc.constantFrom(...BEHAVIOURS), { maxLength: 15 });
  const crashes = fc.array(fc.nat(60), { maxLength: 3 });
  await fc.assert(fc.asyncProperty(plans, crashes, holds), { numRuns: 40 });
});
