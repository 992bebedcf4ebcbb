/** How the tunnel stands, for parts that must not know it. @module */
import type { Tunnel } from "./tunnel/tunnel.ts";

export const isUp = ({ standing: { state } }: Tunnel): boolean =>
  state === "streaming" || state === "throttled";

/** The receiver says how far its clock is ahead; a head says how far ours is (07 2.2). */
export function ownSkew(tunnel: Tunnel | undefined): number | null {
  const ahead = tunnel?.standing.clockSkewMs;
  return ahead === undefined ? null : -Math.round(ahead);
}
