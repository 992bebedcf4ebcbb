/** A receiver node: real connections in a process that may be stopped, resumed, and killed. @module */
import type { WebSocket } from "ws";
import { type AdmittedAgent, Connection, type ConnectionContext } from "#receiver/connection.ts";
import { CreditPool } from "#receiver/credit-pool.ts";
import { type Facts, identifierFrom, ReceiverError } from "#receiver/errors.ts";
import type { LogEvent } from "#receiver/host/log.ts";
import { ASSEMBLING_MAX_BYTES, PROCESS_HELD_MAX_BYTES } from "#receiver/limits.ts";
import { LiveAgents } from "#receiver/live-agents.ts";
import { Budget } from "#streams/sink/credit.ts";
import { Life } from "./life.ts";
import { NodeStore } from "./node-store.ts";
import { SimClock, WallClock } from "./sim-clock.ts";
import type { Wire } from "./wire.ts";
import type { World } from "./world.ts";

export class ReceiverNode {
  readonly name: string;
  readonly wall = new WallClock();
  readonly #world: World;
  readonly #wires = new Set<Wire>();
  #life = new Life();
  #context: ConnectionContext;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.#context = this.#newContext();
  }

  get life(): Life {
    return this.#life;
  }

  accept(wire: Wire): void {
    this.#wires.add(wire);
    const { agentNumber, faults } = this.#world;
    const agent: AdmittedAgent = {
      ...{ id: agentNumber, tenant: "sim", name: "agent", serialHex: "01", session: 0 },
      ...{ addedAtMs: 0, helloAtMs: null, lockedAtMs: null, peer: identifierFrom("sim") },
    };
    const { messageLimitBytes } = faults;
    const socket = wire.nodeEnd as unknown as WebSocket;
    new Connection(socket, agent, { ...this.#context, messageLimitBytes });
  }

  /** SIGSTOP: it does not know that time passes. */
  pause(): void {
    this.#life.stalled ??= [];
  }

  /** SIGCONT: it goes on with what it was about to do. */
  resume(): void {
    this.#world.scheduler.resume(this.#life);
  }

  /** SIGKILL, and a new process at once. */
  crash(): void {
    this.#life.isAlive = false;
    for (const wire of this.#wires) wire.died("node");
    this.#wires.clear();
    this.#life = new Life();
    this.#context = this.#newContext();
  }

  #heard(event: LogEvent, facts: Facts): void {
    this.#world.count(event);
    this.#world.note(event);
    // Two ends that keep to the protocol never blame each other, but for a HELLO that was lost on its way.
    if (event === "protocolViolation" && facts["frameType"] !== -1) {
      this.#world.judge.violate(`${this.name} finds a protocol error: ${JSON.stringify(facts)}`);
    }
  }

  #newContext(): ConnectionContext {
    const { scheduler, chance, faults } = this.#world;
    const clock = new SimClock(scheduler, this.#life, this.wall);
    return {
      ...{ clock, chance, store: new NodeStore(this.#world, this.#life).face },
      log: {
        write: (event, facts) => this.#heard(event, facts),
        fault: (event) => this.#heard(event, {}),
      },
      isStoreFault: (error) => error instanceof ReceiverError,
      budget: new Budget(ASSEMBLING_MAX_BYTES),
      live: new LiveAgents(),
      messageLimitBytes: faults.messageLimitBytes,
      heartbeatMs: this.#world.heartbeatMs,
      credit: new CreditPool(PROCESS_HELD_MAX_BYTES, clock),
    };
  }
}
