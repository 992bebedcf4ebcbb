/** From `local.yaml` to what the store is opened with. @module */
import type { LocalConfig } from "#config/local.ts";
import { kekCustody, storeChannel } from "./channel-options.ts";
import { systemChance, systemClock } from "./host/clock.ts";
import type { StoreChannel } from "./outbox/epochs/channel-tails.ts";
import type { OutboxOptions } from "./outbox/outbox-options.ts";
import { downstreamOf, upstreamOf } from "./running/channel-set.ts";
import { loadOwnKek } from "./sealing/kek.ts";

/** Channels of our own, beside those that the configuration names (06 TP35). */
export interface OwnChannels {
  readonly upstream: readonly StoreChannel[];
  readonly downstream: readonly string[];
}

/** @param credentials `$CREDENTIALS_DIRECTORY` @throws {AgentError} `KEK_*` */
export function storeSettings(
  config: LocalConfig,
  credentials: string | undefined,
  own: OwnChannels,
): Omit<OutboxOptions, "onNotice" | "onFatal"> {
  return {
    stateDir: config.stateDir,
    allowVolatileState: config.allowVolatileState,
    channels: [...upstreamOf(config).map(storeChannel), ...own.upstream],
    downstream: [...downstreamOf(config), ...own.downstream],
    duplicateMemoryKeys: config.duplicateMemoryKeys,
    diskBudgetBytes: config.diskBudgetBytes,
    ballastBytes: config.ballastBytes,
    retainHours: config.retainHours,
    ledgerDays: config.ledgerDays,
    kek: loadOwnKek(kekCustody(config.kek, credentials), config.stateDir),
    ...{ clock: systemClock, chance: systemChance },
  };
}
