/**
 * Many agents in this process and one receiver in its own: each agent is a real tunnel over real TLS
 * with a certificate of its own, and its messages lie in a list.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemChance } from "#agent/host/clock.ts";
import type { Identity } from "#certs/identity.ts";
import { serialOf } from "#receiver/agent-certificate.ts";
import { openStoreIn } from "#receiver/state-folder.ts";
import { freePort } from "#scripts/free-port.ts";
import { issueAgent } from "#test/receiver/support/identities.ts";
import { ReceiverFolder, type Served } from "#test/receiver/support/receiver-folder.ts";
import { ListedSource } from "./listed-source.ts";
import { until } from "./processes.ts";
import { identityOf, TestTunnel } from "./test-tunnel.ts";

interface Member {
  readonly tunnel: TestTunnel;
  readonly source: ListedSource;
}

export class Fleet implements AsyncDisposable {
  readonly identities: readonly Identity[];
  readonly port: number;
  readonly #folder: ReceiverFolder;
  readonly #members: Member[] = [];
  #receiver: Served | undefined;

  private constructor(folder: ReceiverFolder, port: number, identities: readonly Identity[]) {
    this.#folder = folder;
    this.port = port;
    this.identities = identities;
  }

  /** Issues the certificates and makes the agents known. Starts nothing. */
  static async make(count: number): Promise<Fleet> {
    const port = await freePort();
    const folder = new ReceiverFolder({ port, more: `limits: { connections: ${count + 100} }` });
    const identities: Identity[] = [];
    await using store = await openStoreIn(folder.stateDir, { kind: "sqlite" });
    for (let number = 0; number < count; number++) {
      const name = `ward-${number}`;
      const issued = await issueAgent(`north/${name}`);
      const serialHex = serialOf(new X509Certificate(issued.certificatePem));
      await store.addAgent({ tenant: "north", name, serialHex, atMs: 0 });
      identities.push(identityOf(issued));
    }
    return new Fleet(folder, port, identities);
  }

  async startReceiver(): Promise<void> {
    this.#receiver = await this.#folder.serve();
  }

  async stopReceiver(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#receiver?.end(signal);
  }

  /** Certificate and key of the receiver, and the CA of the agents. */
  get serverFiles(): readonly string[] {
    return ["server.pem", "server.key", "agents.pem"].map((name) => join(this.#folder.path, name));
  }

  /** Resident memory of the receiver's process, in bytes. */
  receiverBytes(): number {
    const status = readFileSync(`/proc/${this.#receiver?.child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
  }

  /** Lets agents dial until all are there, `atOnce` at a time. */
  async connect(atOnce: number, limitMs = 300_000): Promise<void> {
    const url = new URL(`wss://127.0.0.1:${this.port}`);
    for (const identity of this.identities) {
      const source = new ListedSource("adt");
      const tunnel = new TestTunnel(url, { identity, chance: systemChance }, [source]);
      this.#members.push({ tunnel, source });
      const dialling = (): number => this.#members.length - this.streamingCount;
      await until("agents are let in", () => dialling() < atOnce, limitMs);
    }
    await this.allStreaming(limitMs);
  }

  get streamingCount(): number {
    let count = 0;
    for (const { tunnel } of this.#members) if (tunnel.state === "streaming") count += 1;
    return count;
  }

  async allStreaming(limitMs: number): Promise<void> {
    await until("every agent streams", () => this.streamingCount === this.#members.length, limitMs);
  }

  /** Waits until none streams: each has noticed. */
  async allLost(limitMs = 60_000): Promise<void> {
    await until("every agent has noticed", () => this.streamingCount === 0, limitMs);
  }

  /** Every agent sends `count` messages more; waits until the receiver has stored and acked them all. */
  async send(count: number, body: Uint8Array, limitMs = 300_000): Promise<void> {
    for (const { tunnel, source } of this.#members) {
      source.add(...Array.from({ length: count }, () => body));
      tunnel.tunnel.wake(source);
    }
    const isDone = ({ source }: Member): boolean =>
      !source.inFlight && source.nextIndex === source.messages.length;
    await until("all is acked", () => this.#members.every(isDone), limitMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { tunnel } of this.#members) tunnel.tunnel.abort();
    await Promise.all(this.#members.map(({ tunnel }) => tunnel[Symbol.asyncDispose]()));
    await this.#receiver?.[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}
