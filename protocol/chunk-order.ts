/**
 * Whether the chunks of one stream follow each other (TP8). Pure: no socket, no store, no payload kept.
 *
 *              FIRST, not LAST             LAST
 *   between ───────────────────► inside ─────────► between
 *      │  ▲                        │  ▲
 *      └──┘ FIRST and LAST         └──┘ neither
 *
 * Every other chunk is the peer's fault; drop this with its connection.
 *
 * @module
 */
import type { DataFrame, MessageMeta } from "./frame.ts";
import { ERROR_CODE, FRAME_TYPE } from "./frame.ts";
import { ProtocolError } from "./protocol-error.ts";

/** How far the sink has said that it holds a message durably: OPENED key 8, PARTIAL (TP14). */
export interface DurablePart {
  readonly seq: bigint;
  readonly durableOffset: number;
}

/** The message that a chunk belongs to. */
export interface ArrivingMessage {
  readonly seq: bigint;
  readonly total: number;
  readonly meta: MessageMeta;
  /** Where its first chunk in this connection begins. */
  readonly from: number;
}

export class ChunkOrder {
  readonly #messageLimitBytes: number;
  #inside: ArrivingMessage | undefined;
  #nextOffset = 0;

  /** @param messageLimitBytes largest message taken, as sent: what WELCOME announced */
  constructor(messageLimitBytes: number) {
    this.#messageLimitBytes = messageLimitBytes;
  }

  /**
   * Takes the next chunk.
   *
   * @param durable where a message may go on instead of beginning at 0
   * @returns its message
   * @throws {ProtocolError} limit, if the message is too large; outOfOrder, if the chunk does not
   *   follow the one before; malformed, if it contradicts itself or the first chunk
   */
  push(frame: DataFrame, durable?: DurablePart | undefined): ArrivingMessage {
    const endBytes = frame.offset + frame.payload.length;
    if (frame.total > this.#messageLimitBytes) throw fault("limit", "A message is too large");
    if (frame.last !== (endBytes === frame.total) || endBytes > frame.total) {
      throw fault("malformed", "LAST and the total of a message contradict each other");
    }
    const message =
      this.#inside === undefined ? begun(frame, durable) : this.#continued(frame, this.#inside);
    this.#inside = frame.last ? undefined : message;
    this.#nextOffset = endBytes;
    return message;
  }

  /** Forgets what has arrived of a message; the next chunk has to be a first one. */
  reset(): void {
    this.#inside = undefined;
  }

  #continued(frame: DataFrame, message: ArrivingMessage): ArrivingMessage {
    if (frame.first) throw fault("outOfOrder", "A message begins inside another");
    if (frame.seq !== message.seq) {
      throw fault("outOfOrder", "A chunk of another message is in between");
    }
    if (frame.total !== message.total) throw fault("malformed", "The total of a message changes");
    if (frame.offset !== this.#nextOffset) {
      throw fault("outOfOrder", "A chunk is at a wrong offset");
    }
    return message;
  }
}

function begun(frame: DataFrame, durable: DurablePart | undefined): ArrivingMessage {
  const { seq, total, meta, offset } = frame;
  if (meta === undefined) throw fault("outOfOrder", "A message begins without FIRST");
  // Only a sink that said so in OPENED or PARTIAL may be sent the rest of a message.
  const goesOn = durable?.seq === seq && durable.durableOffset === offset;
  if (offset !== 0 && !goesOn) throw fault("outOfOrder", "A message begins at the wrong offset");
  return { seq, total, meta, from: offset };
}

function fault(code: keyof typeof ERROR_CODE, message: string): ProtocolError {
  return new ProtocolError(ERROR_CODE[code], message, { frameType: FRAME_TYPE.data });
}
