/** Names of the parts of a bundle, in their order (08 5.1). @module */
export const PART_NAMES = [
  "versions",
  "configuration",
  "transitions",
  "certificates",
  "machine",
  "clock",
  "states",
  "counters",
  "events",
  "process",
  "audit",
] as const;
export type PartName = (typeof PART_NAMES)[number];
