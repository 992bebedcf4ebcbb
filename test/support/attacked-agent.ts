/**
 * An agent in a process of its own whose receiver is the test: real TLS, and whatever the test sends. What hospital
 * systems send and hear meanwhile, and what the agent costs, is looked at from outside.
 *
 * @module
 */
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askLocal } from "#agent/host/local-socket.ts";
import type { AgentStatus } from "#agent/status.ts";
import { SPOKEN_CAPABILITIES } from "#protocol/capabilities.ts";
import { sendOnce } from "#test/faults/mllp-sender.ts";
import { AgentFolder } from "./agent-folder.ts";
import { type FakeConnection, FakeReceiver } from "./fake-receiver.ts";
import { adt, latin1 } from "./messages.ts";
import { type Started, until } from "./processes.ts";

export class AttackedAgent implements AsyncDisposable {
  readonly receiver: FakeReceiver;
  readonly #folder: AgentFolder;
  readonly #agent: Started;
  #sent = 0;

  private constructor(folder: AgentFolder, receiver: FakeReceiver, agent: Started) {
    this.#folder = folder;
    this.receiver = receiver;
    this.#agent = agent;
  }

  /** @param more lines of `local.yaml` behind the channel `adt`: of that one, four spaces deep, or another one, two */
  static async start(more = ""): Promise<AttackedAgent> {
    const folder = await AgentFolder.make();
    const pem = (name: string): string =>
      readFileSync(join(folder.path, "receiver/tls", name), "utf8");
    const [certificatePem, privateKeyPem] = [pem("server.crt"), pem("server.key")];
    const receiver = await FakeReceiver.open({
      identity: { certificatePem, privateKeyPem, serialHex: "" },
    });
    const yaml = readFileSync(folder.config, "utf8");
    writeFileSync(folder.config, yaml.replace(/wss:\S+/, receiver.url.href.replace(/\/$/, "")));
    appendFileSync(folder.config, more);
    return new AttackedAgent(folder, receiver, await folder.start());
  }

  /** The highest that its resident memory has been. */
  get peakBytes(): number {
    const status = readFileSync(`/proc/${this.#agent.child.pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
  }

  async status(): Promise<AgentStatus> {
    const { answer } = (await askLocal(this.#folder.stateDir, { ask: "status" })) as {
      readonly answer: AgentStatus;
    };
    return answer;
  }

  /** Messages of `adt` that are not settled. */
  async waiting(): Promise<number> {
    return Number((await this.status()).channels[0]?.waiting);
  }

  /** A person does not wait for the backoff. */
  async reconnect(): Promise<void> {
    await askLocal(this.#folder.stateDir, { ask: "reconnect", by: "test" });
  }

  /** The next connection, which streams: every OPEN is answered OK, with nothing here. */
  async streaming(): Promise<FakeConnection> {
    const connection = await this.receiver.connection();
    await connection.welcome({ capabilities: SPOKEN_CAPABILITIES });
    await until("it streams", async () => {
      while (connection.frames.some(({ type }) => type === "open")) await connection.opened();
      return (await this.status()).tunnel.state === "streaming";
    });
    return connection;
  }

  /** Sends one message, which is accepted. @returns how long that took, in ms */
  async send(): Promise<number> {
    this.#sent += 1;
    const controlId = `M${this.#sent}`;
    const startMs = performance.now();
    const answer = await sendOnce(this.#folder.port, latin1(adt(controlId)));
    assert.deepEqual(answer, { kind: "accepted", controlId });
    return performance.now() - startMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // First: whoever stops on an open tunnel waits for acks.
    await this.receiver[Symbol.asyncDispose]();
    const { code } = await this.#agent.end("SIGTERM");
    this.#folder[Symbol.dispose]();
    assert.equal(code, 0, this.#agent.errors);
  }
}
