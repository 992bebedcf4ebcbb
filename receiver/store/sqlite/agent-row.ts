/** A row of the register of agents, in the order of `AGENT_COLUMNS`. @module */

export type AgentRow = [
  id: bigint,
  tenant: string,
  name: string,
  serial: string,
  session: bigint,
  addedMs: bigint,
  helloMs: bigint | null,
  lockedMs: bigint | null,
  revision: bigint,
  identity: string | null,
];
