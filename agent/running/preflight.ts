/**
 * What would keep a set of channels from running, found by doing what it would do, beside what runs (07 2.10): ports are
 * opened and closed, folders are tested as when a channel starts (04 P3), TLS files are read, room is counted.
 *
 * @module
 */

import type { ChannelConfig } from "#config/local.ts";
import { listenerSettings } from "../channel-options.ts";
import { AgentError } from "../errors.ts";
import type { PassedSocket, PassedSockets } from "../host/passed-sockets.ts";
import { tryPorts } from "../ingest/mllp/port-trial.ts";
import { certificateFaults } from "./certificates.ts";
import { type ChannelSet, changesOf } from "./channel-set.ts";
import { folderFaults } from "./folder-trial.ts";
import { roomFaults } from "./room-trial.ts";
import { collides } from "./running-listeners.ts";
import type { RunningParts } from "./running-parts.ts";

export interface PreflightFinding {
  readonly channel: string;
  /** As when the channel is opened; its remedy is for a person. */
  readonly fault: AgentError;
}

/** @param stopping aborted, what is being tried is given up */
export async function preflight(
  next: ChannelSet,
  set: ChannelSet,
  parts: RunningParts,
  stopping: AbortSignal,
): Promise<readonly PreflightFinding[]> {
  return [
    ...(await portFaults(next, set, parts)),
    ...certificateFaults(set, next, parts.clock.nowMs()),
    ...(await folderFaults(set, next, { clock: parts.clock, stopping })),
    ...roomFaults(set, next, parts),
  ];
}

/** @returns the fault, if it is held for another address; `undefined`: it is not held at all */
function heldBy(
  { name, host, port }: ChannelConfig,
  sockets: PassedSockets | undefined,
): PassedSocket | AgentError | undefined {
  try {
    return sockets?.for(name, host, port);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
}

/**
 * A port that runs is not tried. Nor is one that a channel leaves for another: it is closed first, so that only the
 * address is tried.
 */
async function portFaults(
  next: ChannelSet,
  set: ChannelSet,
  { sockets }: RunningParts,
): Promise<PreflightFinding[]> {
  const { added, changed, removed } = changesOf(set.channels, next.channels);
  const moved = changed.filter(
    ({ before, after }) => before.host !== after.host || before.port !== after.port,
  );
  const leaving = [...removed, ...moved.map(({ before }) => before)];
  const coming = [...added, ...moved.map(({ after }) => after)];
  const held = coming.map((config) => heldBy(config, sockets));
  // Those of the service manager are open, whoever listens.
  const own = coming.filter((_, at) => held[at] === undefined);
  const places = own.map((config) => ({
    channel: config.name,
    host: listenerSettings(config).host,
    port: leaving.some((old) => collides(old, config)) ? 0 : config.port,
  }));
  const mismatches = coming.flatMap(({ name }, at) => {
    const fault = held[at];
    return fault instanceof AgentError ? [{ channel: name, fault }] : [];
  });
  return [...mismatches, ...(await tryPorts(places))];
}
