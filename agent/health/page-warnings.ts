/** What can be wrong with the local page. Messages know nothing of it. @module */
import type { WarningRow } from "./warning.ts";

export const PAGE_WARNINGS = {
  statusPageClosed: {
    severity: "warning",
    means: "The status page cannot be opened, for its port is taken or not allowed; messages flow",
    remedy: "Free the port, or name another one under statusPage",
    whose: "hospital IT",
  },
  statusPageExposed: {
    severity: "information",
    means: "The status page can be read by others in the network, unencrypted",
    remedy: "Set statusPage.host to 127.0.0.1, unless local.yaml means it so",
    whose: "hospital IT",
  },
} as const satisfies Record<string, WarningRow>;
