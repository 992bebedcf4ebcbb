import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { Endpoint } from "#agent/deliver/endpoint.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { HospitalSystem } from "#test/support/hospital-system.ts";
import { until } from "#test/support/processes.ts";
import { SENDER_SETTINGS } from "#test/support/sender-bench.ts";

/** A connection to `port`, and what it says. */
async function opened(port: number) {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const heard: string[] = [];
  const clock = new ManualClock();
  const endpoint = new Endpoint(socket, SENDER_SETTINGS, clock, {
    heard: ({ kind }) => heard.push(kind),
    lost: (reason) => heard.push(`lost ${reason}`),
  });
  return { endpoint, heard, clock, socket };
}

test("[O8] a FIN or RST of the same turn is seen when the connection is asked for", async () => {
  for (const end of ["end", "resetAndDestroy"] as const) {
    await using ris = await HospitalSystem.open();
    const { endpoint, heard } = await opened(ris.port);
    await until("the far end has it", () => ris.connections.length === 1);
    assert.equal(await endpoint.isUsable(), true);
    ris.connections[0]?.[end]();
    assert.equal(await endpoint.isUsable(), false, end);
    assert.equal(heard.length, 1, "it is said once");
    assert.match(heard[0] ?? "", /^lost (peerClosed|ECONNRESET)$/);
  }
});

test("[O3] once closed by us nothing is heard any more, not even that it is over", async () => {
  for (const how of ["finish", "dispose"] as const) {
    await using ris = await HospitalSystem.open();
    const { endpoint, heard, socket, clock } = await opened(ris.port);
    await until("the far end has it", () => ris.connections.length === 1);
    ris.connections[0]?.write("\x0bMSH|late\x1c\r");
    if (how === "finish") endpoint.finish();
    else endpoint[Symbol.dispose]();
    await until("it is closed", () => socket.closed);
    assert.deepEqual(heard, []);
    assert.equal(clock.armedCount, 0);
  }
});

test("[O7] closing in good order waits two seconds for the peer, and no longer", async () => {
  await using ris = await HospitalSystem.open();
  const { endpoint, clock, socket } = await opened(ris.port);
  await until("the far end has it", () => ris.connections.length === 1);
  ris.connections[0]?.removeAllListeners("end");
  endpoint.finish();
  clock.advance(1_999);
  assert.equal(socket.destroyed, false);
  clock.advance(1);
  assert.equal(socket.destroyed, true);
});

test("[F5] silence inside a reply for blockIdleTimeoutSeconds ends the connection", async () => {
  await using ris = await HospitalSystem.open();
  const { heard, clock, socket } = await opened(ris.port);
  await until("the far end has it", () => ris.connections.length === 1);
  ris.connections[0]?.write("\x0bMSH|");
  await until("it began", () => clock.armedCount === 2);
  clock.advance(60_000);
  assert.deepEqual(heard, ["lost blockIdle"]);
  await until("it is closed", () => socket.closed);
});

test("[F5] a reply that trickles is given up after blockMaxSeconds; each one has its own time", async () => {
  await using ris = await HospitalSystem.open();
  const { heard, clock, socket } = await opened(ris.port);
  await until("the far end has it", () => ris.connections.length === 1);
  const far = ris.connections[0];
  /** Writes, and waits until it was read: each chunk begins the wait for the next byte anew. */
  const trickle = async (bytes: string): Promise<void> => {
    const read = once(socket, "data");
    far?.write(bytes);
    await read;
  };
  await trickle("\x0bMSH|");
  for (let i = 0; i < 9; i++) {
    clock.advance(59_000);
    await trickle("x");
  }
  await trickle("\x1c\r\x0bMSH|");
  assert.deepEqual(heard, ["reply"]);
  for (let i = 0; i < 10; i++) {
    clock.advance(59_000);
    await trickle("x");
  }
  assert.deepEqual(heard, ["reply"]);
  clock.advance(10_000);
  assert.deepEqual(heard, ["reply", "lost blockTooSlow"]);
});

test("[F6, O8] TCP_NODELAY and keep-alive are on", async () => {
  await using ris = await HospitalSystem.open();
  const socket = connect(ris.port, "127.0.0.1");
  await once(socket, "connect");
  const set: unknown[][] = [];
  socket.setNoDelay = (...args) => {
    set.push(["noDelay", ...args]);
    return socket;
  };
  socket.setKeepAlive = (...args) => {
    set.push(["keepAlive", ...args]);
    return socket;
  };
  const listeners = { heard: () => {}, lost: () => {} };
  using _endpoint = new Endpoint(socket, SENDER_SETTINGS, new ManualClock(), listeners);
  assert.deepEqual(set, [
    ["noDelay", true],
    ["keepAlive", true, 60_000],
  ]);
});
