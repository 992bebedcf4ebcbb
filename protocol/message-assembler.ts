/**
 * The sink's side of one stream: chunks in, messages out (TP8). Pure: no socket, no store.
 *
 *              FIRST, not LAST             LAST
 *   between ───────────────────► inside ─────────► between, one message
 *      │  ▲                        │  ▲
 *      └──┘ FIRST and LAST:        └──┘ neither
 *           one message
 *
 * Every other chunk is the peer's fault; drop the assembler with its connection.
 *
 * @module
 */
import type { DataFrame, MessageMeta } from "./frame.ts";
import { ERROR_CODE, FRAME_TYPE } from "./frame.ts";
import { ProtocolError } from "./protocol-error.ts";

/** Memory for a message of several chunks begins with this much, or with all if it is less. */
const BODY_START_BYTES = 1_048_576;

export interface AssembledMessage {
  readonly seq: bigint;
  readonly meta: MessageMeta;
  /** As sent: compressed if `meta.encoding` says so. In memory of its own, of exact length. */
  readonly body: Uint8Array;
}

type State =
  | { readonly at: "between" }
  | {
      readonly at: "inside";
      readonly seq: bigint;
      readonly total: number;
      readonly meta: MessageMeta;
      body: Uint8Array;
      filledBytes: number;
    };

const BETWEEN: State = { at: "between" };

export class MessageAssembler {
  readonly #messageLimitBytes: number;
  #state: State = BETWEEN;

  /** @param messageLimitBytes largest message taken, as sent: what WELCOME announced */
  constructor(messageLimitBytes: number) {
    this.#messageLimitBytes = messageLimitBytes;
  }

  /**
   * Takes the next chunk. Copies its payload, so the memory of the frame is free again; holds no
   * more than about twice what has arrived of a message, whatever total it announces.
   *
   * @returns the message that this chunk completes, if it does
   * @throws {ProtocolError} limit, if the message is too large; outOfOrder, if the chunk does not
   *   follow the one before; malformed, if it contradicts itself or the first chunk
   */
  push(frame: DataFrame): AssembledMessage | undefined {
    const endBytes = frame.offset + frame.payload.length;
    if (frame.total > this.#messageLimitBytes) throw fault("limit", "A message is too large");
    if (frame.last !== (endBytes === frame.total) || endBytes > frame.total) {
      throw fault("malformed", "LAST and the total of a message contradict each other");
    }
    return this.#state.at === "between" ? this.#begin(frame) : this.#continue(frame, this.#state);
  }

  /** Forgets what has arrived of a message; the next chunk has to be a first one. */
  reset(): void {
    this.#state = BETWEEN;
  }

  #begin(frame: DataFrame): AssembledMessage | undefined {
    const { seq, total, meta, payload } = frame;
    if (meta === undefined) throw fault("outOfOrder", "A message begins without FIRST");
    // Only a sink that said so in OPENED or PARTIAL may be sent the rest of a message.
    if (frame.offset !== 0) throw fault("outOfOrder", "A message begins at the wrong offset");
    if (frame.last) return { seq, meta, body: new Uint8Array(payload) };
    const body = new Uint8Array(Math.min(total, Math.max(BODY_START_BYTES, payload.length)));
    body.set(payload);
    this.#state = { at: "inside", seq, total, meta, body, filledBytes: payload.length };
    return undefined;
  }

  #continue(
    frame: DataFrame,
    state: Extract<State, { at: "inside" }>,
  ): AssembledMessage | undefined {
    const { seq, total, meta } = state;
    if (frame.first) throw fault("outOfOrder", "A message begins inside another");
    if (frame.seq !== seq) throw fault("outOfOrder", "A chunk of another message is in between");
    if (frame.total !== total) throw fault("malformed", "The total of a message changes");
    if (frame.offset !== state.filledBytes)
      throw fault("outOfOrder", "A chunk is at a wrong offset");

    const endBytes = frame.offset + frame.payload.length;
    if (endBytes > state.body.length) state.body = grown(state.body, endBytes, total);
    state.body.set(frame.payload, frame.offset);
    state.filledBytes = endBytes;
    if (!frame.last) return undefined;
    this.#state = BETWEEN;
    return { seq, meta, body: state.body };
  }
}

/** Doubles, but ends at `total` exactly: a body that is full is never longer than its message. */
function grown(body: Uint8Array, neededBytes: number, total: number): Uint8Array {
  const larger = new Uint8Array(Math.min(total, Math.max(2 * body.length, neededBytes)));
  larger.set(body);
  return larger;
}

function fault(code: keyof typeof ERROR_CODE, message: string): ProtocolError {
  return new ProtocolError(ERROR_CODE[code], message, { frameType: FRAME_TYPE.data });
}
