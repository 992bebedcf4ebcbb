/** Channels that change while systemd holds their ports: what is closed here stays open there (09 SV7). */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { PassedSocket, PassedSockets } from "#agent/host/passed-sockets.ts";
import { openSocketCalls } from "#agent/host/socket-calls.ts";
import { freePort } from "#scripts/free-port.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";
import { EMPTY_SET, listenerOn, RunningStage } from "#test/support/running-stage.ts";

const skip = process.platform === "linux" ? false : "systemd is Linux's";
const setOf = (...channels: ReturnType<typeof listenerOn>[]) => ({ ...EMPTY_SET, channels });

/** A socket that listens, and that nobody accepts from until it is taken: as systemd's own. */
async function held(): Promise<PassedSocket> {
  const calls = await openSocketCalls();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
  const copy = calls.duplicate(fd);
  server.close();
  await once(server, "close");
  const place = calls.listeningAt(copy);
  assert.deepEqual(place, { address: "127.0.0.1", port, isDual: false });
  return new PassedSocket(copy, { address: "127.0.0.1", port, isDual: false }, calls);
}

async function exchanged(port: number, controlId: string): Promise<void> {
  await using socket = await MllpSocket.open(port);
  await socket.send(framed(adt(controlId)));
  assert.deepEqual(await socket.acknowledged(1), [`AA ${controlId}`]);
}

/** Whoever connects is taken by the system, and hung up on by the agent. */
async function hungUp(port: number): Promise<void> {
  await using socket = await MllpSocket.open(port);
  await until("it is hung up on", () => socket.socket.readableEnded || socket.isClosed);
}

test("[SV7] a port that no channel has any more hangs up; a channel that gets it, or gets it back, listens again", {
  skip,
}, async () => {
  const [kept, moved] = [await held(), await held()];
  const [first, second] = [kept.place.port, moved.place.port];
  const sockets = new PassedSockets([kept, moved]);
  const both = setOf(listenerOn("adt", first), listenerOn("oru", second));
  await using stage = await RunningStage.open(both, { sockets });
  await exchanged(first, "M1");
  await exchanged(second, "M2");
  const other = await freePort();
  await stage.applied(setOf(listenerOn("adt", first), listenerOn("oru", other)));
  await hungUp(second);
  await exchanged(other, "M3");
  const noted = stage.logged.find(({ event }) => event === "socketUnclaimed")?.facts;
  assert.deepEqual(noted, { address: "127.0.0.1", port: second, channel: "oru", expected: other });
  // From one channel to another, while one that waited is answered by whoever has it then.
  await stage.applied(setOf(listenerOn("siu", second), listenerOn("oru", first)));
  await exchanged(first, "M4");
  await exchanged(second, "M5");
  assert.deepEqual(await stage.stored("siu"), [adt("M5")]);
  await stage.applied(both);
  await exchanged(second, "M6");
});

test("[SV7] [07 2.10] preflight opens no port that is held, and finds one that is held for another address", {
  skip,
}, async () => {
  const socket = await held();
  const { port } = socket.place;
  const sockets = new PassedSockets([socket]);
  await using stage = await RunningStage.open(EMPTY_SET, { sockets });
  await hungUp(port);
  assert.deepEqual(await stage.running.preflight(setOf(listenerOn("adt", port))), []);
  const elsewhere = listenerOn("adt", port, { host: "127.0.0.2" });
  const [found] = await stage.running.preflight(setOf(elsewhere));
  assert.equal(found?.fault.code, "SOCKET_MISMATCH");
  const result = await stage.running.apply(setOf(elsewhere));
  assert.equal(result.kind === "wentBack" && result.why.code, "SOCKET_MISMATCH");
  await hungUp(port);
  await stage.applied(setOf(listenerOn("adt", port)));
  await exchanged(port, "M1");
});

test("[SV7] [E1] while the store cannot store, whoever connects to a held port is hung up on, and answered once it can", {
  skip,
}, async () => {
  const socket = await held();
  const { port } = socket.place;
  await using stage = await RunningStage.open(setOf(listenerOn("adt", port)), {
    sockets: new PassedSockets([socket]),
  });
  stage.gate.close(new AgentError("STORE_BUSY", {}));
  assert.equal(stage.running.listeners[0]?.listener.isListening, false);
  await hungUp(port);
  await until("it listens again", () => stage.running.listeners[0]?.listener.isListening === true);
  await exchanged(port, "M1");
});

test("[SV7] when the agent stops, whoever connects waits for the next one", { skip }, async () => {
  const socket = await held();
  const { port } = socket.place;
  const sockets = new PassedSockets([socket]);
  const set = setOf(listenerOn("adt", port));
  {
    await using first = await RunningStage.open(set, { sockets });
    await exchanged(port, "M1");
    assert.equal(first.running.listeners.length, 1);
  }
  await using waiting = await MllpSocket.open(port);
  await waiting.send(framed(adt("M2")));
  await using _next = await RunningStage.open(set, { sockets });
  assert.deepEqual(await waiting.acknowledged(1), ["AA M2"]);
});
