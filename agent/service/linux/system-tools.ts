/**
 * Programs of systemd that `init`, `service` and `doctor` start: from fixed places, with an empty environment (08 8). What they
 * complain of goes to the terminal and nowhere else.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { AgentError, identifierFrom } from "../../errors.ts";
import { isBooted } from "./unit-places.ts";

export type ToolName =
  | "systemctl"
  | "systemd-analyze"
  | "systemd-creds"
  | "systemd-sysusers"
  | "systemd-tmpfiles";

/** The second is that of systems that have not merged their folders. */
const FOLDERS = ["/usr/bin", "/bin"];

export interface ToolAnswer {
  readonly status: number;
  readonly out: string;
}

/** @returns `undefined` where it is absent */
export const toolAt = (name: ToolName): string | undefined =>
  FOLDERS.map((folder) => `${folder}/${name}`).find((file) => existsSync(file));

/** @throws {AgentError} `SERVICE_NO_SYSTEMD` */
export function refuseWithoutSystemd(): void {
  if (!isBooted() || toolAt("systemctl") === undefined) {
    throw new AgentError("SERVICE_NO_SYSTEMD", { command: identifierFrom("systemctl") });
  }
}

/**
 * Waits until it has ended: a start takes as long as the service does until it is ready.
 *
 * @param input what it reads; a secret, too
 * @throws {AgentError} `SERVICE_NO_SYSTEMD` if it is absent
 */
export function ask(name: ToolName, args: readonly string[], input?: string): ToolAnswer {
  const file = toolAt(name);
  const command = identifierFrom(name);
  if (file === undefined) throw new AgentError("SERVICE_NO_SYSTEMD", { command });
  const { status, stdout } = spawnSync(file, args, {
    ...{ env: {}, cwd: "/", encoding: "utf8", input: input ?? "" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  // Ended by a signal, or not started at all.
  return { status: status ?? -1, out: stdout ?? "" };
}

/** The same, where anything but success is a fault. @throws {AgentError} also `SERVICE_TOOL_FAILED` */
export function tell(name: ToolName, args: readonly string[], input?: string): string {
  const { status, out } = ask(name, args, input);
  if (status === 0) return out;
  throw new AgentError("SERVICE_TOOL_FAILED", { command: identifierFrom(name), code: status });
}
