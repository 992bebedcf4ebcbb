/**
 * Whether a channel's senders are read from: not while the store as a whole has too much to commit (05
 * S8), nor one body (03 F11), nor while the channel holds more than its share for the receiver (03 C5).
 *
 * Not reading is the only back-pressure that every sender understands; nothing is refused.
 *
 * @module
 */
import { identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { Subscribers } from "../host/subscribers.ts";
import { UPLOAD_WAITING_MAX_BYTES } from "../limits.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { AcceptingChannel } from "./channel.ts";

export interface RoomParts {
  readonly outbox: Outbox;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly log: Log;
}

export class Room {
  readonly #parts: RoomParts;
  /** Channels above their high-water mark that did not come down to the low one yet. */
  readonly #full = new Set<AcceptingChannel>();
  readonly #listeners = new Subscribers();
  /** Whether anybody was told not to read: else there is nobody to call. */
  #paused = false;

  constructor(parts: RoomParts) {
    this.#parts = parts;
    parts.outbox.onRoom(() => this.#changed());
  }

  /**
   * Asked after each chunk: whoever hears `false` stops reading until `onRoom` calls.
   *
   * @param upload of the body that is arriving, 0 if it is not in slices
   */
  mayRead(channel: AcceptingChannel, upload: number): boolean {
    // Both are looked at each time: the second opens and closes a condition.
    const isFull = this.#isFull(channel);
    if (isFull) this.#paused = true;
    return this.mayStage(upload) && !isFull;
  }

  /**
   * Whether more of a body may be handed over, whatever its channel holds: what has begun is finished.
   *
   * @param upload of the body
   */
  mayStage(upload: number): boolean {
    const { outbox } = this.#parts;
    const ahead = outbox.stagedBytes(upload) >= UPLOAD_WAITING_MAX_BYTES;
    const may = !ahead && !outbox.saturated;
    if (!may) this.#paused = true;
    return may;
  }

  /** Calls `listener` when there may be room again; it asks `mayRead` once more. */
  onRoom(listener: () => void): Disposable {
    return this.#listeners.add(listener);
  }

  /** A channel takes no more messages: whatever it holds, nobody waits. */
  forget(channel: AcceptingChannel): void {
    if (this.#full.delete(channel)) this.#parts.conditions.close("channelFull", channel.name);
  }

  #isFull(channel: AcceptingChannel): boolean {
    const bytes = this.#parts.outbox.backlogBytes(channel.id);
    const { highWaterBytes, lowWaterBytes } = channel.rules;
    const was = this.#full.has(channel);
    const is = bytes >= (was ? lowWaterBytes : highWaterBytes);
    if (is !== was) this.#turn(channel, is, bytes);
    return is;
  }

  #turn(channel: AcceptingChannel, full: boolean, bytes: number): void {
    const { conditions, clock, log } = this.#parts;
    const facts = { channel: identifierFrom(channel.name), bytes };
    if (full) {
      this.#full.add(channel);
      conditions.open("channelFull", channel.name, facts, clock.nowMs());
      log.write("channelFull", facts);
    } else {
      this.#full.delete(channel);
      conditions.close("channelFull", channel.name);
      log.write("channelRoom", facts);
    }
  }

  #changed(): void {
    // Also where nobody is connected any more: what was opened is closed.
    for (const channel of [...this.#full]) this.#isFull(channel);
    if (!this.#paused) return;
    this.#paused = false;
    this.#listeners.tell();
  }
}
