/** From the configuration to what the store is given. @module */
import type { LocalConfig } from "#config/local.ts";
import { kekCustody } from "./channel-options.ts";
import type { OutboxOptions } from "./outbox/outbox-options.ts";
import { loadOwnKek } from "./sealing/kek.ts";

/** @param credentials `$CREDENTIALS_DIRECTORY` @throws {AgentError} `KEK_…` */
export function storeOptions(
  config: LocalConfig,
  credentials: string | undefined,
): Omit<OutboxOptions, "channels" | "downstream" | "clock" | "chance" | "onNotice" | "onFatal"> {
  const { stateDir, allowVolatileState, duplicateMemoryKeys, diskBudgetBytes } = config;
  const { ballastBytes, retainHours, ledgerDays } = config;
  return {
    ...{ stateDir, allowVolatileState, duplicateMemoryKeys, diskBudgetBytes },
    ...{ ballastBytes, retainHours, ledgerDays },
    kek: loadOwnKek(kekCustody(config.kek, credentials), stateDir),
  };
}
