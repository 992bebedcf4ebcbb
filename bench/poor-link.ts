/**
 * T-N04: one large message over narrow links that lose packets: how long PING takes meanwhile, and how long
 * the message. The receiver is `serve`, the agent's end `poor-link-end.ts`; needs root, gcc and /dev/net/tun.
 *
 * `test/rigs/net/poor-link.c` is the link. How much comes over it is up to TCP, which takes each loss for a
 * full link: with CUBIC, which most machines have, about MSS / round trip / √loss, whatever the rate.
 *
 * @module
 */
import { join } from "node:path";
import { moveReceiver } from "#test/faults/moved-receiver.ts";
import { TroubledPair } from "#test/faults/troubled-pair.ts";
import { PoorLink, type PoorLinkOptions } from "#test/support/poor-link.ts";
import { Started } from "#test/support/processes.ts";
import { quantile } from "./limits.ts";
import type { Seen } from "./poor-link-end.ts";
import { type Row, ratio } from "./table.ts";

const MB = 1_000_000;
const END = join(import.meta.dirname, "poor-link-end.ts");

interface Measured extends PoorLinkOptions {
  readonly bytes: number;
  readonly limitSeconds: number;
}

/** Messages that take minutes each. */
const LINKS: readonly Measured[] = [
  { ...link(1_000, 10), bytes: 3 * MB, limitSeconds: 900 },
  { ...link(256, 10), bytes: 1.5 * MB, limitSeconds: 900 },
  { ...link(64, 10), bytes: 0.6 * MB, limitSeconds: 900 },
  { ...link(1_000, 20), bytes: 0.1 * MB, limitSeconds: 900 },
  { ...link(1_000, 30), bytes: 0.1 * MB, limitSeconds: 900 },
];
/** The message of T-N04: it takes most of an hour. */
const WHOLE_LINKS: readonly Measured[] = [
  { ...link(1_000, 10), bytes: 20 * MB, limitSeconds: 7_200 },
  { ...link(1_000, 10), bytes: 20 * MB, limitSeconds: 7_200, congestionControl: "bbr" },
];
/** The window finds its size in it (T-N04). */
const FIRST_SECONDS = 60;

function link(kilobitsPerSecond: number, lossPercent: number): PoorLinkOptions {
  return { bitsPerSecond: kilobitsPerSecond * 1_000, lossPercent, roundTripMs: 500 };
}

/** One round: each link takes minutes, the message of T-N04 an hour. */
export async function measurePoorLink(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const measured of [...LINKS, ...WHOLE_LINKS]) {
    const seen = await carried(measured);
    if (typeof seen === "string") {
      console.error(`poorLink: ${seen}`);
      break;
    }
    rows.push(...rowsOf(measured, seen));
    console.error(`poorLink: ${nameOf(measured)} done`);
  }
  return rows;
}

async function carried(options: Measured): Promise<Seen | string> {
  const made = await PoorLink.make(options);
  if (typeof made === "string") return made;
  await using line = made;
  using pair = await TroubledPair.make();
  await moveReceiver(pair, line.receiverAddress);
  await using _receiver = await pair.receiver({ through: line.through("receiver") });
  await using end = new Started([
    ...line.through("agent"),
    ...[
      process.execPath,
      END,
      pair.pair.agentConfig,
      `${options.bytes}`,
      `${options.limitSeconds}`,
    ],
  ]);
  return JSON.parse(await end.ready()) as Seen;
}

function rowsOf(options: Measured, { seconds, pings, losses }: Seen): Row[] {
  const { bytes, bitsPerSecond, limitSeconds } = options;
  const name = nameOf(options);
  const later = pings.filter(({ atSeconds }) => atSeconds > FIRST_SECONDS);
  const roundTripsMs = later.map(({ roundTripMs }) => roundTripMs);
  const secondsOf = (part: number): string =>
    `${(quantile(roundTripsMs, part) / 1_000).toFixed(1)} s`;
  const shown = later.length === 0 ? "none" : `${secondsOf(0.5)}, ${secondsOf(0.95)}`;
  const atBest = bytes / (bitsPerSecond / 8);
  return [
    [
      `${name}: PING p50, p95 after a minute`,
      `${shown} (${later.length} answered)`,
      "",
      "",
      "p95 < 2 s",
    ],
    [
      `${name}: until ${(bytes / MB).toFixed(1)} MB are settled`,
      `${seconds === null ? `not in ${limitSeconds}` : seconds.toFixed(0)} s, ${losses} connections lost`,
      `${atBest.toFixed(0)} s`,
      seconds === null ? "" : ratio(seconds / atBest),
      "it completes",
    ],
  ];
}

function nameOf({ bitsPerSecond, lossPercent, congestionControl = "cubic" }: PoorLinkOptions) {
  return `${bitsPerSecond / 1_000} kbit/s, ${lossPercent} % loss, 500 ms, ${congestionControl}`;
}
