/** What an agent is opened with. @module */
import type { LocalConfig } from "#config/local.ts";
import type { Role } from "#documents/role.ts";
import type { Log } from "./host/log.ts";
import type { PassedSockets } from "./host/passed-sockets.ts";
import type { DeviceIdentity } from "./recording.ts";

export interface AgentOptions {
  readonly config: LocalConfig;
  readonly version: string;
  readonly log: Log;
  /** SHA-256 of `local.yaml`, hexadecimal: each change of it is recorded (07 2.7). */
  readonly policyDigest?: string | undefined;
  /** Instead of the one that was enrolled; without either no heads are signed. */
  readonly device?: DeviceIdentity | undefined;
  /** `$CREDENTIALS_DIRECTORY`, where a service manager sets it. */
  readonly credentials?: string | undefined;
  /** `local.yaml`, absolute: no channel may use its folder. */
  readonly configFile?: string | undefined;
  /** Ports that the service manager holds; absent: none. */
  readonly sockets?: PassedSockets | undefined;
  /** Instead of the compiled one, for a trial (07 2.6). */
  readonly anchor?: Role | undefined;
}
