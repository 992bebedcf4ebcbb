/** A proxy keeps both of its connections alive and forwards nothing (T-N03). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeFrame } from "#protocol/codec.ts";
import { FilteredLine } from "#test/support/filtered-line.ts";
import { type Direction, passOn } from "#test/support/frame-filter.ts";
import { until } from "#test/support/processes.ts";

const HEARTBEAT_MS = 500;
/** Three heartbeats, the agent's step of a second between two looks, and a machine that is busy. */
const NOTICED_MS = 3 * HEARTBEAT_MS + 1_000 + 5_000;

const isWelcome = (frame: Uint8Array, direction: Direction): boolean =>
  direction === "down" && decodeFrame(frame)?.type === "welcome";

const lossesAtReceiver = ({ folder }: FilteredLine): number =>
  folder.logged.filter(({ event }) => event === "agentDisconnected").length;

/** Swallows from now on, and the ends of connections too: each side must find out by itself. */
function fallSilent({ middle }: FilteredLine): void {
  middle.filter = () => undefined;
  middle.passesEnds = false;
}

/** Both ends notice, though websocket pings come and are answered all the time; then all is well again. */
async function noticedAndMended(line: FilteredLine): Promise<void> {
  const pings = setInterval(() => line.middle.ping(), HEARTBEAT_MS / 5);
  try {
    const { end } = line;
    const isSilent = (): boolean => end.tunnel.logged.includes("tunnelLost TUNNEL_SILENT");
    await until("the agent has noticed", isSilent, NOTICED_MS);
    await until("the receiver has noticed", () => lossesAtReceiver(line) > 0, NOTICED_MS);
    assert.equal(await end.ackedSeq(), 0, "what was swallowed is not settled");
  } finally {
    clearInterval(pings);
  }
  line.middle.passesEnds = true;
  line.middle.filter = passOn;
  // What dialled in the meantime has lost its HELLO, and would wait for its WELCOME.
  line.middle.reset();
  await line.end.append("behind the silence");
  await line.arrivesWhole();
}

test("[T-N03] [TP26] nothing comes after WELCOME, though TCP, TLS and websocket live: both ends notice and meet again", async () => {
  await using line = await FilteredLine.open(HEARTBEAT_MS);
  await line.end.append("waiting");
  line.middle.filter = (frame, direction) => {
    if (isWelcome(frame, direction)) fallSilent(line);
    return frame;
  };
  await line.connect();
  await noticedAndMended(line);
});

test("[T-N03] [TP26] nothing comes in the middle of a stream: both ends notice, and what was swallowed is sent again", async () => {
  await using line = await FilteredLine.open(HEARTBEAT_MS);
  await line.connect();
  await line.end.tunnel.reaches("streaming");
  fallSilent(line);
  await line.end.append("swallowed 1", "swallowed 2");
  await noticedAndMended(line);
});
