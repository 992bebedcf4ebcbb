/**
 * T-P04, T-N05: a message of 64 MB on a link of 8 Mbit/s, and on one that is up for seconds at a time: how
 * long PING and a command take meanwhile, and what comes over the link beside the message.
 *
 * Agent's outbox, tunnel and relay, a real receiver and the fault proxy, in this process.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { LargeMessage } from "#test/receiver/support/partial-suite.ts";
import { until } from "#test/support/processes.ts";
import { RelayLine } from "#test/support/relay-line.ts";
import { appendTo, stagedEntry } from "#test/support/test-outbox.ts";
import { quantile } from "./limits.ts";
import { milliseconds, type Row, ratio } from "./table.ts";

const MB = 1_000_000;
const MESSAGE_BYTES = 64 * MB;
const BYTES_PER_SECOND = MB;
const LOOK_MS = 50;
const ASK_EVERY_MS = 1_000;
/** The message, three times over, and some. */
const LIMIT_MS = 240_000;
/** How much passes before the link is cut. */
const WINDOW_BYTES = 6 * MB;
const APPEND_MS = 60_000;

interface Carried {
  readonly seconds: number;
  readonly upBytes: number;
  readonly cuts: number;
  readonly roundTripsMs: readonly number[];
  /** Of commands, until the answer is durable at the receiver. */
  readonly answersMs: readonly number[];
}

export async function measureSlowLink(_folder: string, rounds: number): Promise<Row[]> {
  const [slow, cut]: [Carried[], Carried[]] = [[], []];
  for (let round = 1; round <= rounds; round++) {
    slow.push(await carried({ rate: BYTES_PER_SECOND }, true));
    cut.push(await carried({ "up.cut_after": WINDOW_BYTES }));
    console.error(`slowLink: round ${round} of ${rounds} done`);
  }
  return [...slowRows(slow), ...cutRows(cut)];
}

async function carried(link: Readonly<Record<string, number>>, asks = false): Promise<Carried> {
  await using line = await RelayLine.open();
  const { outbox } = line.store;
  line.proxy.set(link);
  line.openTunnel();
  await line.tunnel.reaches("streaming");
  const entry = stagedEntry(outbox, "LARGE", new LargeMessage(MESSAGE_BYTES).bytes);
  await appendTo(outbox, entry, APPEND_MS);
  const startMs = performance.now();
  const roundTripsMs: number[] = [];
  const answersMs: number[] = [];
  let last: number | undefined;
  let askedMs = startMs;
  let isSettled = false;
  const settled = until(
    "the message is settled",
    async () => (await line.store.tail()).ackedSeq === 1n,
    LIMIT_MS,
  ).finally(() => {
    isSettled = true;
  });
  while (!isSettled) {
    const { roundTripMs } = line.tunnel.tunnel.standing;
    if (roundTripMs !== undefined && roundTripMs !== last) roundTripsMs.push(roundTripMs);
    last = roundTripMs;
    await sleep(LOOK_MS);
    if (asks && performance.now() - askedMs > ASK_EVERY_MS) {
      askedMs = performance.now();
      answersMs.push(await line.ask());
    }
  }
  await settled;
  const seconds = (performance.now() - startMs) / 1000;
  const { up, resets } = line.proxy.stats();
  return { seconds, upBytes: up, cuts: resets, roundTripsMs, answersMs };
}

function slowRows(rounds: readonly Carried[]): Row[] {
  const roundTripsMs = rounds.flatMap((round) => round.roundTripsMs);
  const answersMs = rounds.flatMap((round) => round.answersMs);
  const seconds = quantile(
    rounds.map((round) => round.seconds),
    0.5,
  );
  const atBest = MESSAGE_BYTES / BYTES_PER_SECOND;
  return [
    [
      "64 MB at 8 Mbit/s: PING p50, p95, p99",
      [0.5, 0.95, 0.99].map((part) => milliseconds(quantile(roundTripsMs, part))).join(", "),
      "",
      "",
      "p99 < 500 ms",
    ],
    [
      "64 MB at 8 Mbit/s: command and answer p50, p95, p99",
      [0.5, 0.95, 0.99].map((part) => milliseconds(quantile(answersMs, part))).join(", "),
      "",
      "",
      "< 1 s",
    ],
    [
      "64 MB at 8 Mbit/s: until it is settled",
      `${seconds.toFixed(1)} s`,
      `${atBest.toFixed(1)} s`,
      ratio(seconds / atBest),
      "",
    ],
  ];
}

function cutRows(rounds: readonly Carried[]): Row[] {
  const upBytes = quantile(
    rounds.map((round) => round.upBytes),
    0.5,
  );
  const cuts = Math.min(...rounds.map((round) => round.cuts));
  return [
    [
      "64 MB over a link cut after each 6 MB: bytes sent",
      `${(upBytes / MB).toFixed(1)} MB, ${cuts} cuts at least`,
      `${MESSAGE_BYTES / MB} MB`,
      ratio(upBytes / MESSAGE_BYTES),
      "",
    ],
  ];
}
