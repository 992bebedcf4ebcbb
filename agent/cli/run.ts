/** `holdfast run`: the agent, until it is told to stop. @module */
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { loadLocalConfig } from "#config/local.ts";
import { refuseUnprotected } from "#config/local-file.ts";
import {
  type ManagerEnvironment,
  openServiceManager,
  type ServiceManager,
} from "#service-manager/service-manager.ts";
import { Agent } from "../agent.ts";
import type { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { systemClock } from "../host/clock.ts";
import { type Log, openLog } from "../host/log.ts";
import { watchLoop } from "../host/loop-watchdog.ts";
import { startOnlyOwnProgram } from "../host/own-programs.ts";
import { type PassedEnvironment, PassedSockets } from "../host/passed-sockets.ts";
import { anchorOf } from "./anchor-file.ts";

export interface RunOptions {
  readonly config: string;
  readonly version: string;
  /** Keys of another vendor, for a trial. */
  readonly anchor?: string | undefined;
  /** `$CREDENTIALS_DIRECTORY`. */
  readonly credentials: string | undefined;
  /** Standard error is the journal: lines say how grave they are. */
  readonly isJournal: boolean;
  /** Who started it, if it wants to hear. */
  readonly manager: ManagerEnvironment;
  /** The service that it runs as, on Windows, and the service's log. */
  readonly service?: { readonly manager: ServiceManager; readonly log: Log } | undefined;
  /** Which sockets it was passed. */
  readonly passed?: PassedEnvironment;
  /** Resolves at the first signal to stop. */
  readonly stop: Promise<void>;
  /** Resolves at the second: hang up now. */
  readonly hangUp: Promise<void>;
}

const STATUS_EVERY_MS = 10_000;

/** Prints one line of JSON when messages are accepted; logs go to standard error. */
export async function run(options: RunOptions): Promise<ExitCode> {
  const config = loadLocalConfig(options.config);
  refuseUnprotected(options.config, config.configSource);
  const policyDigest = hash("sha256", readFileSync(options.config));
  const { service } = options;
  const log = service?.log ?? openLog(options.isJournal ? "journal" : "plain");
  // Before the first thread. Where the kernel knows nothing of it, the unit's NoExecPaths= stands alone.
  await startOnlyOwnProgram();
  using sockets = await PassedSockets.open(options.passed ?? {});
  // A person has written both files, and is there. What comes signed is not held up by a port too many.
  const stray = config.configSource === "local" ? sockets.unclaimed(config.channels) : undefined;
  if (stray !== undefined) throw stray;
  using manager = service?.manager ?? (await openServiceManager(options.manager, systemClock));
  using _watchdog = options.manager.watchdogMicroseconds ? undefined : watchLoop(systemClock);
  const { version, credentials } = options;
  const configFile = resolve(options.config);
  const anchor = options.anchor === undefined ? undefined : anchorOf(options.anchor);
  const agent = await Agent.open({
    ...{ config, version, log, credentials, policyDigest, configFile, anchor, sockets },
  });
  log.write("agentStarted", { pid: process.pid });
  manager.ready();
  using _line = statusLine(agent, manager);
  console.log(JSON.stringify({ accepting: agent.channels, pid: process.pid }));
  const ended: AgentError | undefined = await Promise.race([
    options.stop.then(() => undefined),
    agent.failed,
  ]);
  manager.stopping();
  if (ended !== undefined) log.fault("agentFailed", ended);
  else log.write("agentStopping", {});
  void options.hangUp.then(() => agent.hangUp());
  await agent[Symbol.asyncDispose]();
  log.write("agentStopped", {});
  return ended?.exit ?? EXIT.ok;
}

/** For `systemctl status`: whether all is well, the state of the tunnel, how much waits. */
function statusLine(agent: Agent, manager: ServiceManager): Disposable {
  let timer: Disposable | undefined;
  const say = (): void => {
    timer = systemClock.after(STATUS_EVERY_MS, say);
    agent.status().then(
      ({ health, tunnel, channels }) => {
        const waiting = channels.reduce((sum, channel) => sum + channel.waiting, 0n);
        manager.status(`${health}; tunnel ${tunnel.state}; ${waiting} messages wait`);
      },
      // It is ending.
      () => {},
    );
  };
  say();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}
