/** The journey of one message, as `trace` prints it. @module */

import { type ChannelTail, EPOCH_END, standingIn } from "./outbox/epochs/channel-tails.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { TracedMessage } from "./outbox/reader.ts";
import {
  type DownTrace,
  downTraces,
  type QuarantinedTrace,
  quarantinedTraces,
} from "./trace-elsewhere.ts";

/** Delivery and acknowledgment are two axes; neither is derived from the other (03 E5). */
export interface TraceRow {
  readonly channel: string;
  readonly epoch: number;
  readonly seq: number;
  readonly receivedAt: string;
  readonly bytes: number;
  /** Absent, as `source`, where the body is pruned or cannot be read. */
  readonly sha256: string | undefined;
  readonly source: string | undefined;
  /** Name of the file that it came in, escaped; `source` names its claim (04 P34). */
  readonly file: string | undefined;
  readonly controlIdReused: boolean;
  /** 03 D3: it came before, and was forwarded again. */
  readonly duplicate: boolean;
  /** An operator let it out of quarantine; `receivedAt` is when. */
  readonly released: boolean;
  /** `epoch/seq` that the receiver may have it under (06 TP18). */
  readonly replaces: string | undefined;
  /** An operator sent it again; `receivedAt` is when. */
  readonly replayed: boolean;
  readonly ack: TracedMessage["ack"];
  /** What its sender was told. */
  readonly answered: string;
  /** When the receiver had confirmed it, at the latest: marks are ten minutes apart, and go with the body. */
  readonly confirmedBy: string | undefined;
  /**
   * `reissued`: parted from the receiver's history, and sent again under another number (06 TP18).
   * `damaged`: it could not be read here, and its channel went on without it (TP31).
   * `refused`: the receiver will never take it; it is in quarantine, or a person has decided (TP30).
   */
  readonly delivery: "stored" | "accepted" | "reissued" | "damaged" | "refused";
}

/** The journey of every message with this control id (MSH-10, as text), newest first, at most 50. */
export async function traceRows(outbox: Outbox, controlId: string): Promise<TraceRow[]> {
  const found = await outbox.trace(Buffer.from(controlId, "latin1"));
  const { channels, missing } = await outbox.standing();
  const isLost = ({ channel, epoch, seq }: TracedMessage): boolean =>
    missing.some(
      (range) =>
        range.cause === "damaged" &&
        range.channel === channel &&
        range.epoch === epoch &&
        range.firstSeq <= seq &&
        seq <= range.lastSeq,
    );
  return found.map((message) => {
    const tail = channels.find(({ channel }) => channel === message.channel);
    return {
      channel: tail?.name ?? String(message.channel),
      epoch: Number(message.epoch),
      seq: Number(message.seq),
      receivedAt: new Date(message.receivedAtMs).toISOString(),
      bytes: message.length,
      sha256:
        message.sha256 === undefined ? undefined : Buffer.from(message.sha256).toString("hex"),
      source: message.source,
      file: fileNameOf(message),
      controlIdReused: message.controlIdReused,
      duplicate: message.duplicate,
      released: message.released,
      replaces: identityOf(message.replaces),
      replayed: message.replayed,
      ack: message.ack,
      answered: ANSWERED[message.ack],
      confirmedBy:
        message.confirmedByMs === undefined
          ? undefined
          : new Date(message.confirmedByMs).toISOString(),
      delivery: isLost(message) ? "damaged" : deliveryOf(tail, message),
    };
  });
}

/** 03 E5: a message that is stored is owed a positive code, or none at all. */
const ANSWERED: Readonly<Record<TracedMessage["ack"], string>> = {
  delivered: "AA or CA, handed to its connection",
  undelivered: "AA or CA, but its connection was gone",
  pending: "not known: the agent ended meanwhile",
  notOwed: "nothing: no reply was asked for",
};

/** Everything that has a control id: messages that went up, blocks set aside, messages that came down. */
export interface TraceResult {
  readonly messages: readonly TraceRow[];
  readonly quarantined: readonly QuarantinedTrace[];
  readonly down: readonly DownTrace[];
}

export async function traceAll(outbox: Outbox, controlId: string): Promise<TraceResult> {
  return {
    messages: await traceRows(outbox, controlId),
    quarantined: await quarantinedTraces(outbox, controlId),
    down: await downTraces(outbox, controlId),
  };
}

function fileNameOf({ attributes }: TracedMessage): string | undefined {
  if (attributes === undefined || attributes === "") return undefined;
  return (JSON.parse(attributes) as Record<string, string>)["file.name"];
}

const identityOf = (old: TracedMessage["replaces"]): string | undefined =>
  old === undefined ? undefined : `${old.epoch}/${old.seq}`;

function deliveryOf(
  tail: ChannelTail | undefined,
  { epoch, seq, refused }: TracedMessage,
): TraceRow["delivery"] {
  if (refused) return "refused";
  // Of an epoch on its way to be the current one.
  if (tail === undefined || tail.filling?.epoch === epoch) return "stored";
  const standing = standingIn(tail, epoch);
  if (standing === undefined || seq <= standing.ackedSeq) return "accepted";
  return standing.ended === EPOCH_END.reissued ? "reissued" : "stored";
}
