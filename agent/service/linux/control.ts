/** `holdfast service start`, `stop`, `restart`, `status`: both units, in the order that each needs (09 SV8). @module */
import { existsSync } from "node:fs";
import { AgentError, identifierFrom } from "../../errors.ts";
import { isRoot } from "../../host/accounts.ts";
import { ask, refuseWithoutSystemd, tell } from "./system-tools.ts";
import { SERVICE, SERVICE_CONFIG, SOCKET } from "./unit-places.ts";

/** As systemd calls it. */
export interface UnitState {
  /** `not-found` if there is no such unit. */
  readonly load: string;
  /** `active`, `activating`, `inactive`, `failed`, … */
  readonly active: string;
  readonly enabled: boolean;
}

export interface ServiceState {
  readonly service: UnitState & {
    readonly pid: number;
    /** Why it is not running: `success`, `exit-code`, `watchdog`, `signal`, … */
    readonly result: string;
    /** With which code it ended last. */
    readonly exitCode: number;
    readonly restarts: number;
    /** Its file: another one than the package's, if it hides that. */
    readonly unit: string;
  };
  readonly socket: UnitState;
}

/** @throws {AgentError} `SERVICE_NO_SYSTEMD`, `SERVICE_NOT_INSTALLED` */
export function serviceState(): ServiceState {
  refuseWithoutSystemd();
  const service = shown(SERVICE);
  if (service["LoadState"] === "not-found") throw new AgentError("SERVICE_NOT_INSTALLED", {});
  return {
    service: {
      ...stateOf(service),
      pid: Number(service["MainPID"] ?? 0),
      result: service["Result"] ?? "",
      exitCode: Number(service["ExecMainStatus"] ?? 0),
      restarts: Number(service["NRestarts"] ?? 0),
      unit: service["FragmentPath"] ?? "",
    },
    socket: stateOf(shown(SOCKET)),
  };
}

/**
 * Also after systemd has given it up: what it counted is forgotten. The ports of the socket unit first, if that is
 * enabled; returns once the service is ready.
 *
 * @throws {AgentError} `NOT_ROOT`, `SERVICE_NOT_CONFIGURED`, `SERVICE_NOT_STARTED`, and as {@link serviceState}
 */
export function start(): ServiceState {
  const state = ready();
  tell("systemctl", ["daemon-reload"]);
  forget(state);
  // Nobody holds its ports while the service is down: other ones may have been named since.
  const isDown = ["inactive", "failed"].includes(state.service.active);
  if (state.socket.enabled) started(isDown ? "restart" : "start", SOCKET);
  started("start", SERVICE);
  return serviceState();
}

/**
 * The socket first: a sender that waits at it would start the service again.
 *
 * @throws {AgentError} `NOT_ROOT`, `SERVICE_TOOL_FAILED`, and as {@link serviceState}
 */
export function stop(): ServiceState {
  const { socket } = asRoot();
  if (socket.load !== "not-found") tell("systemctl", ["stop", SOCKET]);
  tell("systemctl", ["stop", SERVICE]);
  return serviceState();
}

/** The ports of the socket unit stay open. @throws {AgentError} as {@link start} */
export function restart(): ServiceState {
  forget(ready());
  started("restart", SERVICE);
  return serviceState();
}

function asRoot(): ServiceState {
  if (!isRoot()) throw new AgentError("NOT_ROOT", {});
  return serviceState();
}

/** The unit's condition would make systemd do nothing, and call it a success. */
function ready(): ServiceState {
  const state = asRoot();
  if (!existsSync(SERVICE_CONFIG)) throw new AgentError("SERVICE_NOT_CONFIGURED", {});
  return state;
}

/** How often it was started is counted also where it has not failed yet; of the socket only a failure is kept. */
function forget({ socket }: ServiceState): void {
  ask("systemctl", ["reset-failed", SERVICE]);
  if (socket.active === "failed") ask("systemctl", ["reset-failed", SOCKET]);
}

function started(verb: "start" | "restart", unit: string): void {
  if (ask("systemctl", [verb, unit]).status !== 0) throw notStarted();
}

function notStarted(): AgentError {
  const { result, exitCode } = serviceState().service;
  const word = /^[\w-]{1,64}$/.test(result) ? result : "unknown";
  return new AgentError("SERVICE_NOT_STARTED", { result: identifierFrom(word), code: exitCode });
}

const PROPERTIES = [
  ...["LoadState", "ActiveState", "UnitFileState", "FragmentPath"],
  ...["MainPID", "Result", "ExecMainStatus", "NRestarts"],
].join(",");

/** What systemd says of a unit, also of one that there is not. */
function shown(unit: string): Readonly<Record<string, string>> {
  const lines = tell("systemctl", ["show", `--property=${PROPERTIES}`, unit]).split("\n");
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

const stateOf = (found: Readonly<Record<string, string>>): UnitState => ({
  load: found["LoadState"] ?? "not-found",
  active: found["ActiveState"] ?? "inactive",
  enabled: found["UnitFileState"] === "enabled",
});
