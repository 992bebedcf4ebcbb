/** What `trace` finds beside the messages that went up: blocks that were set aside, and messages that came down. @module */
import type { TracedDelivery } from "./outbox/inbox/inbox-messages.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { SetAsideRow } from "./outbox/quarantine-reader.ts";

/** A block of quarantine: its sender was told no, and nobody has it but this agent. */
export interface QuarantinedTrace {
  readonly delivery: "quarantined";
  readonly channel: string;
  /** For `holdfast quarantine show`. */
  readonly block: number;
  readonly receivedAt: string;
  /** When the same bytes came last. */
  readonly lastAt: string | undefined;
  readonly count: number;
  readonly reason: SetAsideRow["reason"];
  readonly bytes: number;
  readonly sha256: string;
  readonly source: string;
}

/** A message for a hospital system. */
export interface DownTrace {
  readonly delivery: TracedDelivery["state"];
  readonly channel: string;
  readonly epoch: string;
  readonly seq: string;
  readonly bytes: number;
  readonly receivedAt: string;
  /** When it was delivered, or set aside. */
  readonly settledAt: string | undefined;
  /** MSA-1 of the reply of the hospital system. */
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly flags: readonly string[];
}

const PAGE = 100;
/** Blocks that are looked through, newest first: each has to be opened. */
const BLOCKS_MAX_COUNT = 10_000;
/** And messages that came down. */
const DELIVERIES_MAX_COUNT = 10_000;
const FOUND_MAX_COUNT = 50;

/** Newest first. */
export async function quarantinedTraces(
  outbox: Outbox,
  controlId: string,
): Promise<QuarantinedTrace[]> {
  const wanted = Buffer.from(controlId, "latin1");
  const found: QuarantinedTrace[] = [];
  let beforeId = Number.MAX_SAFE_INTEGER;
  for (let seen = 0; seen < BLOCKS_MAX_COUNT && found.length < FOUND_MAX_COUNT; seen += PAGE) {
    const rows = await outbox.quarantined(beforeId, PAGE);
    const fitting = rows.filter((row) => Buffer.compare(row.controlId, wanted) === 0);
    found.push(...fitting.map((row) => quarantinedTrace(outbox, row)));
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) break;
    beforeId = last.id;
  }
  return found.slice(0, FOUND_MAX_COUNT);
}

function quarantinedTrace(outbox: Outbox, row: SetAsideRow): QuarantinedTrace {
  const { id, channel, receivedAtMs, lastAtMs, repeatCount, reason, length, source } = row;
  return {
    delivery: "quarantined",
    channel: outbox.channels.find((one) => one.channel === channel)?.name ?? String(channel),
    ...{ block: id, receivedAt: new Date(receivedAtMs).toISOString() },
    lastAt: lastAtMs === undefined ? undefined : new Date(lastAtMs).toISOString(),
    ...{ count: repeatCount + 1, reason, bytes: length },
    ...{ sha256: Buffer.from(row.sha256).toString("hex"), source },
  };
}

/** Newest first. */
export async function downTraces(outbox: Outbox, controlId: string): Promise<DownTrace[]> {
  const found: TracedDelivery[] = [];
  let beforeId = Number.MAX_SAFE_INTEGER;
  for (let seen = 0; seen < DELIVERIES_MAX_COUNT && found.length < FOUND_MAX_COUNT; seen += 50) {
    const { matches, nextId } = await outbox.inbox.search(controlId, beforeId);
    found.push(...matches);
    if (nextId === 0) break;
    beforeId = nextId;
  }
  return found.slice(0, FOUND_MAX_COUNT).map((one) => ({
    ...{ delivery: one.state, channel: one.channel, epoch: String(one.epoch) },
    ...{ seq: String(one.seq), bytes: one.length },
    receivedAt: new Date(one.storedAtMs).toISOString(),
    settledAt: one.settledAtMs === undefined ? undefined : new Date(one.settledAtMs).toISOString(),
    ...{ code: one.code, reason: one.reason, flags: one.flags },
  }));
}
