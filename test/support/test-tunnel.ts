/** The agent's tunnel alone, with chance and clock in the hands of a test. @module */
import assert from "node:assert/strict";
import type { AgentError } from "#agent/errors.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { type Chance, type Clock, systemClock } from "#agent/host/clock.ts";
import type { Log } from "#agent/host/log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { type Identities, oneIdentity } from "#agent/tunnel/identities.ts";
import type { HttpProxy } from "#agent/tunnel/proxy.ts";
import { Tunnel } from "#agent/tunnel/tunnel.ts";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import type { Identity } from "#certs/identity.ts";
import type { StreamSource } from "#streams/source/source-stream.ts";
import { issueAgent, RECEIVER_CA_PEM } from "#test/receiver/support/identities.ts";
import { until } from "./processes.ts";

/** Every delay is the shortest that the rules allow. */
export const NO_DELAY: Chance = { unit: () => 0, bytes: (count) => new Uint8Array(count).fill(5) };

export const identityOf = (issued: IssuedIdentity, receiverCaPem = RECEIVER_CA_PEM): Identity => ({
  certificatePem: issued.certificatePem,
  privateKeyPem: issued.privateKeyPem,
  receiverCaPem,
  notAfterMs: 0,
  serialHex: issued.serialHex,
});

const IDENTITY = identityOf(await issueAgent("north/ward-1"));

export interface TestTunnelOptions {
  readonly identity?: Identity;
  readonly identities?: Identities;
  readonly clock?: Clock;
  readonly chance?: Chance;
  readonly storeId?: Uint8Array;
  readonly proxy?: HttpProxy;
  readonly requireCapabilities?: readonly string[];
}

export class TestTunnel implements AsyncDisposable {
  readonly conditions = new Conditions();
  /** Lines of the log: the event, then the state or the error's code. */
  readonly logged: string[] = [];
  readonly faults: unknown[] = [];
  readonly tasks = new Tasks((_name, error) => this.faults.push(error));
  readonly log: Log = {
    write: (event, facts) => void this.logged.push(`${event} ${facts["state"] ?? ""}`),
    fault: (event, error) => void this.logged.push(`${event} ${error.code}`),
  };
  readonly tunnel: Tunnel;

  constructor(receiverUrl: URL, options: TestTunnelOptions, sources: readonly StreamSource[]) {
    this.tunnel = Tunnel.open({
      receiverUrl,
      identities: options.identities ?? oneIdentity(options.identity ?? IDENTITY),
      storeId: options.storeId ?? new Uint8Array(16).fill(3),
      proxy: options.proxy,
      requireCapabilities: options.requireCapabilities,
      version: "0.1.0",
      clock: options.clock ?? systemClock,
      chance: options.chance ?? NO_DELAY,
      log: this.log,
      conditions: this.conditions,
      tasks: this.tasks,
    });
    for (const source of sources) this.tunnel.add(source);
  }

  get state(): string {
    return this.tunnel.standing.state;
  }

  get lastError(): AgentError | undefined {
    return this.tunnel.standing.lastError;
  }

  async reaches(state: string): Promise<void> {
    await until(`the tunnel is ${state}`, () => this.state === state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.tunnel.abort();
    await this.tunnel[Symbol.asyncDispose]();
    await this.tasks[Symbol.asyncDispose]();
    assert.deepEqual(this.faults, [], "no task of the tunnel failed");
  }
}
