/**
 * Senders on fixed ports, under which the channels change at random: nothing that was acknowledged may be lost, and a
 * connection of a channel that stays the same may not drop.
 *
 * @module
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { ChannelSet } from "#agent/running/channel-set.ts";
import { freePort } from "#scripts/free-port.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { EMPTY_SET, listenerOn, RunningStage } from "#test/support/running-stage.ts";
import { StubPort, silent } from "#test/support/stub-port.ts";

const NAMES = ["a", "b", "c", "d", "e"] as const;

export interface ChangingOutcome {
  readonly applied: number;
  readonly wentBack: number;
  /** Messages that were acknowledged on the ports under which channels change. */
  readonly acknowledged: number;
  /** How often a sender there had to connect again. */
  readonly reconnects: number;
  /** Messages on the one connection that never dropped. */
  readonly steady: number;
}

/** mulberry32 */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Sends one after another on a port, again until each is acknowledged; whoever listens there takes it. */
class Sender {
  readonly acknowledged: string[] = [];
  connectionCount = 0;
  readonly #port: number;
  readonly #stop: AbortSignal;

  constructor(port: number, stop: AbortSignal) {
    this.#port = port;
    this.#stop = stop;
  }

  async run(): Promise<void> {
    let next = 1;
    while (!this.#stop.aborted) {
      try {
        await using socket = await MllpSocket.open(this.#port);
        this.connectionCount += 1;
        for (let count = 1; !this.#stop.aborted; count++) {
          const controlId = `P${this.#port}-${next}`;
          await socket.send(framed(adt(controlId)));
          const heard = (await socket.acknowledged(count, 5_000)).at(-1) ?? "";
          // By what is set now: AA or CA. Anything else would be another message's.
          assert.match(heard, new RegExp(`^[AC]A ${controlId}$`));
          this.acknowledged.push(controlId);
          next += 1;
        }
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        await sleep(2);
      }
    }
  }
}

export async function changingSenders(seed: number, changes: number): Promise<ChangingOutcome> {
  const below = seeded(seed);
  const ports: number[] = [];
  for (const _ of NAMES) ports.push(await freePort());
  const steadyPort = await freePort();
  await using taken = await StubPort.open(silent);
  const steady = listenerOn("steady", steadyPort);
  await using stage = await RunningStage.open({ ...EMPTY_SET, channels: [steady] });
  const stop = new AbortController();
  const senders = ports.map((port) => new Sender(port, stop.signal));
  const running = senders.map((sender) => sender.run());
  await using socket = await MllpSocket.open(steadyPort);
  const sent: string[] = [];
  const sending = (async () => {
    while (!stop.signal.aborted) {
      sent.push(`S${sent.length + 1}`);
      await socket.send(framed(adt(`S${sent.length}`)));
      await socket.acknowledged(sent.length);
    }
  })();
  const counts = { applied: 0, wentBack: 0 };
  for (let step = 0; step < changes; step++) {
    const set = randomSet(below, ports, steady, below(5) === 0 ? taken.port : undefined);
    const { kind } = await stage.running.apply(set);
    counts[kind] += 1;
    // Some changes follow one another at once.
    const count = sent.length + below(3);
    await until("messages flow on", () => sent.length >= count);
  }
  // Whatever was sent last must have somebody who takes it.
  const last = NAMES.map((name, index) => listenerOn(name, ports[index] ?? 0));
  await stage.applied({ ...EMPTY_SET, channels: [steady, ...last] });
  const before = senders.map(({ acknowledged }) => acknowledged.length);
  await until("every sender is heard", () =>
    senders.every(({ acknowledged }, index) => acknowledged.length > (before[index] ?? 0)),
  );
  stop.abort();
  await Promise.all([...running, sending]);
  assert.deepEqual(
    await stage.stored("steady"),
    sent.map((controlId) => adt(controlId)),
  );
  const stored = new Set<string>();
  for (const { name } of stage.outbox.channels) {
    const bodies = await stage.stored(name);
    assert.equal(new Set(bodies).size, bodies.length, `${name} holds a message twice`);
    for (const body of bodies) stored.add(body);
  }
  const acknowledged = senders.flatMap((sender) => sender.acknowledged);
  for (const controlId of acknowledged)
    assert.ok(stored.has(adt(controlId)), `${controlId} is lost`);
  const connections = senders.reduce((sum, { connectionCount }) => sum + connectionCount, 0);
  return {
    ...{ ...counts, acknowledged: acknowledged.length, steady: sent.length },
    reconnects: connections - senders.length,
  };
}

/** @param taken the port of another program, on which one of them is to listen */
function randomSet(
  below: (count: number) => number,
  ports: readonly number[],
  steady: ChannelSet["channels"][number],
  taken: number | undefined,
): ChannelSet {
  const free = [...ports];
  const own = NAMES.filter(() => below(4) > 0).map((name) => {
    const [port = 0] = free.splice(below(free.length), 1);
    const variants = [
      {},
      { ackMode: "commitOnly" },
      { maxBlockBytes: 1_000_000 + below(3) },
      { allow: ["127.0.0.1", "10.0.0.0/8"].slice(below(2)) },
      { maxConnections: 3 + below(5), priority: "bulk" },
    ];
    // Where its port is not its own yet, it moves.
    const at = below(3) === 0 ? port : (ports[NAMES.indexOf(name)] ?? 0);
    return { name, port: at, more: variants[below(variants.length)] };
  });
  const used = new Set<number>();
  const channels = own.flatMap(({ name, port, more }) => {
    if (used.has(port)) return [];
    used.add(port);
    return [listenerOn(name, port, more)];
  });
  const broken = taken === undefined ? [] : [listenerOn("broken", taken)];
  const all = [...channels, structuredClone(steady), ...broken];
  const turn = below(all.length);
  return { ...EMPTY_SET, channels: [...all.slice(turn), ...all.slice(0, turn)] };
}
