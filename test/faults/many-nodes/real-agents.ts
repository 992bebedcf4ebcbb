/**
 * Agents in earnest among the played ones: processes with stores of their own, and senders that speak MLLP
 * to them.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { askLocal } from "#agent/host/local-socket.ts";
import { createKek } from "#agent/sealing/kek.ts";
import { DEFAULT_KEK_FILE } from "#config/local.ts";
import { serialOf } from "#receiver/agent-certificate.ts";
import type { Store } from "#receiver/store/store.ts";
import { freePort } from "#scripts/free-port.ts";
import { issueAgent, RECEIVER_CA_PEM } from "#test/receiver/support/identities.ts";
import { type Started, startAgent } from "#test/support/processes.ts";
import { judge, type Ledger } from "../kill-rounds/oracle.ts";
import { controlIdOf, fateOf, messageOf } from "../seeded-messages.ts";
import { StopAndWait } from "../stop-and-wait.ts";
import type { Door } from "./balancer.ts";
import { exported } from "./oracle.ts";

const TENANT = "west";
const CHANNELS = ["adt", "lab"] as const;
const CONNECTIONS_PER_CHANNEL = 2;
const THINK_MS = 400;

interface RealMember {
  readonly agent: string;
  readonly process: Started;
  readonly stateDir: string;
  readonly senders: StopAndWait[];
  readonly acknowledged: Map<string, string>;
}

interface Status {
  readonly answer: { readonly channels: readonly { readonly waiting: number }[] };
}

export class RealAgents implements AsyncDisposable {
  readonly #path = mkdtempSync(join(tmpdir(), "holdfast-nodes-"));
  readonly #seed: number;
  readonly #count: number;
  readonly #members: RealMember[] = [];
  readonly #ended = new AbortController();
  readonly #running: Promise<void>[] = [];

  private constructor(seed: number, count: number) {
    this.#seed = seed;
    this.#count = count;
  }

  /** Starts nothing. */
  static async make(seed: number, count: number): Promise<RealAgents> {
    return new RealAgents(seed, count);
  }

  /** Registers and starts them, each with senders that send from now on. */
  async start(store: Store, doorFor: () => Promise<Door>): Promise<void> {
    for (let number = 1; number <= this.#count; number++) {
      const name = `clinic-${number}`;
      const issued = await issueAgent(`${TENANT}/${name}`);
      const serialHex = serialOf(new X509Certificate(issued.certificatePem));
      await store.addAgent({ tenant: TENANT, name, serialHex, atMs: 0 });
      const ports = [await freePort(), await freePort()];
      const folder = join(this.#path, name);
      mkdirSync(join(folder, "state"), { recursive: true, mode: 0o700 });
      createKek(join(folder, DEFAULT_KEK_FILE));
      const write = (file: string, text: string): void =>
        writeFileSync(join(folder, file), text, { mode: 0o600 });
      write("agent.crt", issued.certificatePem);
      write("agent.key", issued.privateKeyPem);
      write("receiver-ca.crt", RECEIVER_CA_PEM);
      write("local.yaml", yamlOf((await doorFor()).port, ports));
      const process = startAgent(join(folder, "local.yaml"));
      const stateDir = join(folder, "state");
      const agent = `${TENANT}/${name}`;
      const member = { agent, process, stateDir, senders: [], acknowledged: new Map() };
      this.#members.push(member);
      await process.ready();
      this.#send(member, ports, this.#seed * 100 + number);
    }
  }

  /** Every message that was begun gets its reply; then nothing more is sent. */
  async finish(): Promise<Ledger[]> {
    this.#ended.abort();
    await Promise.all(this.#running);
    return this.#members.map(({ acknowledged, senders }) => {
      const resends = senders.reduce((sum, sender) => sum + sender.resends, 0);
      return { acknowledged, resends };
    });
  }

  async waitingCount(): Promise<number> {
    let count = 0;
    for (const { stateDir } of this.#members) {
      const { answer } = (await askLocal(stateDir, { ask: "status" })) as Status;
      for (const { waiting } of answer.channels) count += waiting;
    }
    return count;
  }

  /** @returns why an oracle does not hold; empty if all do */
  async judge(config: string, ledgers: readonly Ledger[]): Promise<string[]> {
    const reasons: string[] = [];
    for (const [index, { agent }] of this.#members.entries()) {
      const ledger = ledgers[index];
      if (ledger === undefined) throw new RangeError("Cannot judge without a ledger");
      const found = await judge(exported(config, agent), ledger);
      reasons.push(...found.map((reason) => `${agent}: ${reason}`));
    }
    return reasons;
  }

  #send(member: RealMember, ports: readonly number[], seed: number): void {
    for (const [index, channel] of CHANNELS.entries()) {
      for (let connection = 0; connection < CONNECTIONS_PER_CHANNEL; connection++) {
        const sender = new StopAndWait(ports[index] ?? 0);
        member.senders.push(sender);
        this.#running.push(this.#run(member, sender, { seed, channel, connection }));
      }
    }
  }

  async #run(
    { acknowledged }: RealMember,
    sender: StopAndWait,
    who: { readonly seed: number; readonly channel: string; readonly connection: number },
  ): Promise<void> {
    for (let number = 0; !this.#ended.signal.aborted; number++) {
      const controlId = controlIdOf(who.seed, `${who.channel}-${who.connection}`, number);
      if (fateOf(controlId) === "refused") continue;
      const reply = await sender.send(messageOf(controlId));
      if (reply?.code !== "AA" || reply.controlId !== controlId) {
        throw new Error(`${controlId} was answered ${reply?.code} ${reply?.controlId}`);
      }
      acknowledged.set(controlId, who.channel);
      await pause(THINK_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    for (const { senders, process } of this.#members) {
      for (const sender of senders) sender[Symbol.dispose]();
      await process[Symbol.asyncDispose]();
    }
    rmSync(this.#path, { recursive: true, force: true });
  }
}

function yamlOf(receiverPort: number, ports: readonly number[]): string {
  const channels = CHANNELS.map(
    (name, index) =>
      `  - { name: ${name}, kind: mllp-listener, host: 127.0.0.1, port: ${ports[index]} }`,
  );
  return `stateDir: state
allowVolatileState: true
ballastBytes: 1048576
statusPage: off
receiver: { url: "wss://127.0.0.1:${receiverPort}" }
identity: { certificate: agent.crt, key: agent.key, receiverCa: receiver-ca.crt }
channels:
${channels.join("\n")}
`;
}
