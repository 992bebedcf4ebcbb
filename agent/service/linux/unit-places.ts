/** Where what belongs to the service lies on Linux (09 2.1). @module */
import { existsSync } from "node:fs";

/** The file that the unit names. */
export const SERVICE_CONFIG = "/etc/holdfast/local.yaml";
export const SERVICE_ACCOUNT = "holdfast";
export const SERVICE = "holdfast.service";
export const SOCKET = "holdfast.socket";
export const REKEY_TIMER = "holdfast-rekey.timer";

export const PROGRAM = "/opt/holdfast/bin/holdfast";
export const ADD_ONS = "/opt/holdfast/lib";
export const LINK = "/usr/bin/holdfast";
/** Files of the Debian package, as dpkg keeps them. */
export const DPKG_LIST = "/var/lib/dpkg/info/holdfast.list";
/** One word: which package of the system put the program there. Absent: `service install` did. */
export const PACKAGED_BY = "/opt/holdfast/packaged-by";

/** Drop-ins of this machine, and units that hide those of packages. */
export const SYSTEM_CONFIGURATION = "/etc/systemd/system";
export const UNITS = "/usr/lib/systemd/system";
/** What is shipped of the service, by where it goes. */
export const SERVICE_FILES: Readonly<Record<string, string>> = {
  [`${UNITS}/${SERVICE}`]: SERVICE,
  [`${UNITS}/${SOCKET}`]: SOCKET,
  [`${UNITS}/holdfast-rekey.service`]: "holdfast-rekey.service",
  [`${UNITS}/${REKEY_TIMER}`]: REKEY_TIMER,
  "/usr/lib/sysusers.d/holdfast.conf": "sysusers.conf",
  "/usr/lib/tmpfiles.d/holdfast.conf": "tmpfiles.conf",
};
export const RUN_FOLDER = "/run/holdfast";
export const LOGS = "/var/log/holdfast";

/** systemd is what runs the machine (sd_booted(3)). */
export const isBooted = (): boolean => existsSync("/run/systemd/system");
