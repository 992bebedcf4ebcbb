/** What a signed status document says of configuration and clock (07 2.2). @module */

import type { HeadStanding } from "./audit/heads.ts";
import type { Configuration } from "./configuration/configuration.ts";
import { effectiveDigestOf, newestStateOf } from "./configuration/ledger.ts";
import type { Tunnel } from "./tunnel/tunnel.ts";
import { ownSkew } from "./tunnel-standing.ts";

/** @param configuration absent where the agent was not enrolled, or has not opened it yet */
export function signedStanding(
  configuration: Pick<Configuration, "lifeCycle"> | undefined,
  tunnel: Tunnel | undefined,
): Pick<HeadStanding, "state" | "clockSkewMs"> & Partial<Pick<HeadStanding, "effectiveDigest">> {
  const life = configuration?.lifeCycle;
  return {
    state: life === undefined ? null : newestStateOf(life),
    ...(life === undefined ? {} : { effectiveDigest: effectiveDigestOf(life) }),
    clockSkewMs: ownSkew(tunnel),
  };
}
