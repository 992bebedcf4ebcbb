/** Where what belongs to the service lies on Linux (09 2.1). @module */

/** The file that the unit names. */
export const SERVICE_CONFIG = "/etc/holdfast/local.yaml";
/** Drop-ins of this machine, and units that hide those of packages. */
export const SYSTEM_CONFIGURATION = "/etc/systemd/system";
export const SERVICE = "holdfast.service";
export const SOCKET = "holdfast.socket";
export const SERVICE_ACCOUNT = "holdfast";
