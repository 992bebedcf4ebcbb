/** One life of the agent: outbox, tunnel, and the real relay between them. @module */
import { Conditions } from "#agent/health/conditions.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { openRelay } from "#agent/relay/relay.ts";
import { Life } from "./life.ts";
import { SimClock } from "./sim-clock.ts";
import { SimOutbox } from "./sim-outbox.ts";
import { SimTunnel } from "./sim-tunnel.ts";
import type { World } from "./world.ts";

export class SimAgent {
  readonly life = new Life();
  readonly conditions = new Conditions();
  readonly outbox: SimOutbox;
  readonly tunnel: SimTunnel;

  constructor(world: World) {
    const clock = new SimClock(world.scheduler, this.life, world.agentWall);
    const { conditions } = this;
    const tasks = new Tasks((name, error) => world.judge.violate(`task ${name}: ${String(error)}`));
    this.outbox = new SimOutbox(world, this.life, clock);
    this.tunnel = new SimTunnel(world, this.life, clock);
    openRelay({
      ...{ clock, conditions, tasks, log: silentLog, delivered: [] },
      ...{ outbox: this.outbox.face, tunnel: this.tunnel.face },
    });
  }

  /** Its memory goes; its store stays. */
  die(): void {
    this.life.isAlive = false;
    this.tunnel.wire?.died("agent");
  }
}
