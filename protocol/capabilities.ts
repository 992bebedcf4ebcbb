/**
 * Capabilities (TP12): what may be done on a connection beyond what every side can, by name. Each
 * side lists what it speaks, and the intersection is in force.
 *
 * @module
 */

/** Every name of TP12. */
export const CAPABILITY_NAMES = ["zstd", "partial", "downstream", "commands"] as const;
export type CapabilityName = (typeof CAPABILITY_NAMES)[number];

/** What this build speaks, as agent and as receiver. */
export const SPOKEN_CAPABILITIES: readonly CapabilityName[] = ["partial", "downstream", "commands"];

/** @returns what both lists name, in the order of `own`; a name that `own` lacks means nothing */
export function capabilitiesInForce(
  own: readonly string[],
  theirs: readonly string[],
): readonly string[] {
  return own.filter((name) => theirs.includes(name));
}
