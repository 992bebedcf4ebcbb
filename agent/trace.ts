/** The journey of one message, as `trace` prints it. @module */

import type { Outbox } from "./outbox/outbox.ts";
import type { TracedMessage } from "./outbox/reader.ts";

/** Delivery and acknowledgment are two axes; neither is derived from the other (03 E5). */
export interface TraceRow {
  readonly channel: string;
  readonly epoch: number;
  readonly seq: number;
  readonly receivedAt: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly source: string;
  readonly controlIdReused: boolean;
  /** 03 D3: it came before, and was forwarded again. */
  readonly duplicate: boolean;
  /** An operator let it out of quarantine; `receivedAt` is when. */
  readonly released: boolean;
  readonly ack: TracedMessage["ack"];
  readonly delivery: "stored" | "accepted";
}

/** The journey of every message with this control id (MSH-10, as text), newest first, at most 50. */
export async function traceRows(outbox: Outbox, controlId: string): Promise<TraceRow[]> {
  const found = await outbox.trace(Buffer.from(controlId, "latin1"));
  const { channels } = await outbox.standing();
  return found.map((message) => {
    const tail = channels.find(({ channel }) => channel === message.channel);
    const accepted = tail !== undefined && message.seq <= tail.ackedSeq;
    return {
      channel: tail?.name ?? String(message.channel),
      epoch: Number(message.epoch),
      seq: Number(message.seq),
      receivedAt: new Date(message.receivedAtMs).toISOString(),
      bytes: message.length,
      sha256: Buffer.from(message.sha256).toString("hex"),
      source: message.source,
      controlIdReused: message.controlIdReused,
      duplicate: message.duplicate,
      released: message.released,
      ack: message.ack,
      delivery: accepted ? "accepted" : "stored",
    };
  });
}
