/**
 * T-N09: many agents and one receiver. How many it can let in a second, what each costs in memory,
 * how long until all are back after it stopped, and what they deliver together.
 *
 * The agents are real tunnels in this one process, which is the limit of most of these figures as
 * much as the receiver is: the same machine does both ends of every handshake.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import type { Identity } from "#certs/identity.ts";
import { openSqliteStore } from "#receiver/store/sqlite/sqlite-store.ts";
import { Fleet } from "#test/support/fleet.ts";
import { FLEET, seeded, WAITINGS, weather } from "./storm-model.ts";
import { megabytes, type Row, ratio, whole } from "./table.ts";

const RAW = fileURLToPath(new URL("raw-websocket.ts", import.meta.url));
/** As many dial at once as keep the receiver busy without making any wait long. */
const AT_ONCE = 50;
const MESSAGES_EACH = 50;
const BODY_BYTES = 1_024;
const RAW_CONNECTIONS = 20;
const BATCH = 50;

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const perSecond = (count: number, ms: number): number => (count * 1_000) / ms;

export async function measureFleet(folder: string, agents: number): Promise<Row[]> {
  await using fleet = await Fleet.make(agents);
  await fleet.startReceiver();
  const emptyBytes = fleet.receiverBytes();
  const connectMs = await timed(() => fleet.connect(AT_ONCE));
  const fullBytes = fleet.receiverBytes();
  const body = new Uint8Array(BODY_BYTES).fill(0x41);
  await fleet.send(1, body);
  const sendMs = await timed(() => fleet.send(MESSAGES_EACH, body));
  const backMs = await restarted(fleet, "SIGKILL");
  const politeMs = await restarted(fleet, "SIGTERM");
  const raw = await measureRaw(fleet, Math.min(agents, 500));
  const stored = await measureStore(folder);

  const letIn = perSecond(agents, connectMs);
  const delivered = perSecond(agents * MESSAGES_EACH, sendMs);
  const eachBytes = (fullBytes - emptyBytes) / agents;
  return [
    row(`agents let in a second, of ${agents}`, letIn, raw.handshakes, "bare TLS and websocket"),
    [
      `receiver's memory for each of ${agents} connections`,
      `${(eachBytes / 1_024).toFixed(0)} KiB`,
      `${megabytes(emptyBytes)} without any`,
      "",
      "",
    ],
    [`all ${agents} back, receiver killed`, seconds(backMs), "", "", "< 120 s"],
    [`all ${agents} back, receiver stopped in order`, seconds(politeMs), "", "", "< 120 s"],
    row(`messages of 1 KiB a second, ${agents} agents`, delivered, raw.messages, "bare websocket"),
    row("the same, beside the store alone", delivered, stored, `calls of ${BATCH}`),
    ...modelRows(),
  ];
}

function row(figure: string, value: number, limit: number, what: string): Row {
  return [figure, whole(value), `${whole(limit)} ${what}`, ratio(value / limit), ""];
}

/** What the model says of three ways to wait that we do not use, and of ours. */
function modelRows(): Row[] {
  return Object.entries(WAITINGS).map(([name, waiting]) => {
    const { allBackMs, mostAtOnce } = weather(FLEET, waiting, seeded(1));
    const back = allBackMs === null ? `not in ${seconds(FLEET.limitMs)}` : seconds(allBackMs);
    const load = `${whole(mostAtOnce)} handshakes at once`;
    return [`model: ${whole(FLEET.agents)} agents back, ${name}`, back, load, "", "< 120 s"];
  });
}

async function restarted(fleet: Fleet, signal: "SIGKILL" | "SIGTERM"): Promise<number> {
  await fleet.stopReceiver(signal);
  await fleet.allLost();
  return await timed(async () => {
    await fleet.startReceiver();
    await fleet.allStreaming(600_000);
  });
}

async function measureRaw(fleet: Fleet, handshakes: number) {
  const count = RAW_CONNECTIONS * MESSAGES_EACH * 20;
  const args = [RAW, ...fleet.serverFiles, String(count / RAW_CONNECTIONS)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const { port } = JSON.parse(String(line)) as { readonly port: number };
  const identities = fleet.identities.slice(0, handshakes);
  const connectMs = await timed(async () => {
    for (let at = 0; at < identities.length; at += AT_ONCE) {
      const some = identities.slice(at, at + AT_ONCE);
      const sockets = await Promise.all(some.map((identity) => open(port, identity)));
      for (const socket of sockets) socket.terminate();
    }
  });
  const senders = await Promise.all(
    Array.from({ length: RAW_CONNECTIONS }, (_, index) => {
      const identity = identities[index % identities.length];
      if (identity === undefined) throw new RangeError("Cannot measure without agents");
      return open(port, identity);
    }),
  );
  const frame = new Uint8Array(BODY_BYTES + 80);
  const sendMs = await timed(() =>
    Promise.all(
      senders.map((socket) => {
        const done = once(socket, "message");
        for (let sent = 0; sent < count / RAW_CONNECTIONS; sent++) socket.send(frame);
        return done;
      }),
    ),
  );
  for (const socket of senders) socket.terminate();
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  return {
    handshakes: perSecond(identities.length, connectMs),
    messages: perSecond(count, sendMs),
  };
}

async function open(port: number, identity: Identity): Promise<WebSocket> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}`, {
    ca: identity.receiverCaPem,
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
    perMessageDeflate: false,
  });
  await once(socket, "open");
  return socket;
}

/** The receiver's store without a network: a hundred channels, each with one call at a time. @returns messages a second */
async function measureStore(folder: string): Promise<number> {
  await using store = await openSqliteStore(join(folder, "fleet.db"));
  const body = new Uint8Array(BODY_BYTES).fill(0x41);
  const sha256 = new Uint8Array(createHash("sha256").update(body).digest());
  const rounds = 20;
  const feed = async (number: number): Promise<void> => {
    const added = await store.addAgent({
      ...{ tenant: "north", name: `ward-${number}`, serialHex: "1f", atMs: 0 },
    });
    if ("kind" in added) throw new Error("the disk is full");
    const agent = added.agent.id;
    const ids = { storeId: new Uint8Array(16), instanceNonce: new Uint8Array(16), atMs: 0 };
    const greeted = await store.hello({ agent, ...ids });
    if ("kind" in greeted) throw new Error("the disk is full");
    const call = { agent, session: greeted.session, channel: "adt", epoch: 1n, atMs: 0 };
    await store.open({ ...call, previous: null });
    for (let round = 0; round < rounds; round++) {
      const items = Array.from({ length: BATCH }, () => ({
        ...{ sha256, receivedAtMs: 0, meta: "{}", replaces: null, body },
      }));
      await store.ingest({ ...call, first: BigInt(round * BATCH + 1), items });
    }
  };
  const channels = 100;
  const ms = await timed(() => Promise.all(Array.from({ length: channels }, (_, n) => feed(n))));
  return perSecond(channels * rounds * BATCH, ms);
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await act();
  return performance.now() - startMs;
}
