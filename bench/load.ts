/**
 * MLLP load: connections that send one message, wait for its reply, and send the next.
 *
 * A process of its own, so that its work is not counted as the agent's. Speaks only what it must: the
 * reply is taken as whole when FS CR ends it, and must be positive.
 *
 *   node bench/load.ts PORT CONNECTIONS SECONDS BYTES [RATE]      RATE: messages a second over all
 *
 * Prints one line of JSON.
 *
 * @module
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface LoadResult {
  readonly acknowledged: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const CONTROL_ID_DIGITS = 12;

/** One ADT^A01 of `bytes` bytes in its MLLP frame, and where its control id stands. */
function template(bytes: number): { readonly block: Buffer; readonly idAt: number } {
  const id = "0".repeat(CONTROL_ID_DIGITS);
  const head =
    `MSH|^~\\&|BENCH|FAC|CLOUD|FAC|20260101120000||ADT^A01^ADT_A01|${id}|P|2.5\r` +
    "EVN|A01|20260101120000\rPID|1||MRN0001^^^FAC||DOE^JANE||19800101|F\rPV1|1|I\rNTE|1||";
  const text = `${head}${"x".repeat(Math.max(0, bytes - head.length - 1))}\r`;
  const block = Buffer.from(`\x0b${text}\x1c\r`, "latin1");
  return { block, idAt: block.indexOf(id, 0, "latin1") };
}

class LoadConnection {
  readonly latenciesMs: number[] = [];
  readonly #socket: Socket;
  readonly #block: Buffer;
  readonly #idAt: number;
  readonly #nextId: () => number | undefined;
  readonly #intervalMs: number;
  #sentAtMs = 0;
  #dueMs = 0;
  done = Promise.withResolvers<void>();

  constructor(socket: Socket, bytes: number, nextId: () => number | undefined, intervalMs: number) {
    const { block, idAt } = template(bytes);
    this.#socket = socket;
    this.#block = block;
    this.#idAt = idAt;
    this.#nextId = nextId;
    this.#intervalMs = intervalMs;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("close", () => this.done.reject(new Error("the agent closed a connection")));
    this.done.promise.catch(() => {});
  }

  start(): void {
    this.#dueMs = performance.now() + Math.random() * this.#intervalMs;
    this.#pace();
  }

  #pace(): void {
    const waitMs = this.#dueMs - performance.now();
    this.#dueMs += this.#intervalMs;
    if (waitMs <= 1) this.#send();
    else setTimeout(() => this.#send(), waitMs);
  }

  #send(): void {
    const id = this.#nextId();
    if (id === undefined) {
      this.done.resolve();
      return;
    }
    this.#block.write(String(id).padStart(CONTROL_ID_DIGITS, "0"), this.#idAt, "latin1");
    this.#sentAtMs = performance.now();
    this.#socket.write(this.#block);
  }

  #received(chunk: Buffer): void {
    if (chunk[chunk.length - 1] !== 0x0d || chunk[chunk.length - 2] !== 0x1c) return;
    if (!chunk.includes("MSA|AA|")) throw new Error("a reply was not positive");
    this.latenciesMs.push(performance.now() - this.#sentAtMs);
    if (this.#intervalMs === 0) this.#send();
    else this.#pace();
  }
}

/** Runs the load. @param ratePerSecond 0: as fast as replies come */
export async function load(
  port: number,
  connections: number,
  seconds: number,
  bytes: number,
  ratePerSecond: number,
): Promise<LoadResult> {
  const firstId = (Date.now() % 1e8) * 1e4;
  let count = 0;
  const untilMs = performance.now() + seconds * 1000;
  const nextId = (): number | undefined =>
    performance.now() < untilMs ? firstId + count++ : undefined;
  const intervalMs = ratePerSecond === 0 ? 0 : (connections / ratePerSecond) * 1000;
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      return socket;
    }),
  );
  const startMs = performance.now();
  const senders = sockets.map((socket) => new LoadConnection(socket, bytes, nextId, intervalMs));
  for (const sender of senders) sender.start();
  await Promise.all(senders.map(({ done }) => done.promise));
  const elapsed = (performance.now() - startMs) / 1000;
  for (const socket of sockets) socket.destroy();
  const latencies = Float64Array.from(senders.flatMap(({ latenciesMs }) => latenciesMs)).sort();
  return {
    acknowledged: latencies.length,
    seconds: elapsed,
    perSecond: Math.round(latencies.length / elapsed),
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? Number.NaN,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
  };
}

if (import.meta.main) {
  const [port = 0, connections = 1, seconds = 1, bytes = 1024, rate = 0] = process.argv
    .slice(2)
    .map(Number);
  console.log(JSON.stringify(await load(port, connections, seconds, bytes, rate)));
}
