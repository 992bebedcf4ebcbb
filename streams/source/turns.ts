/**
 * Whose turn it is to send (06 TP23): streams of one priority one after another; eight turns of a priority,
 * then one of what is lower, so that bulk is slow beside urgent and never stands still.
 *
 * @module
 */
import { PRIORITY, type Priority } from "#protocol/frame.ts";

interface Prioritized {
  /** [normal] */
  readonly source: { readonly priority?: Priority };
}

const TURNS_BEFORE_LOWER = 8;

interface PriorityClass<Stream> {
  readonly streams: Stream[];
  /** Of the stream whose turn is next; counts on. */
  next: number;
  /** Turns since a lower priority was asked. */
  taken: number;
}

export class Turns<Stream extends Prioritized> {
  readonly #classes: readonly PriorityClass<Stream>[] = Object.values(PRIORITY).map(() => ({
    streams: [],
    next: 0,
    taken: 0,
  }));

  add(stream: Stream): void {
    this.#classes[stream.source.priority ?? PRIORITY.normal]?.streams.push(stream);
  }

  /** The priority of its source may be another one than when it was added. */
  place(stream: Stream): void {
    const level = stream.source.priority ?? PRIORITY.normal;
    const at = this.#classes.findIndex(({ streams }) => streams.includes(stream));
    const from = this.#classes[at];
    if (from === undefined || at === level) return;
    from.streams.splice(from.streams.indexOf(stream), 1);
    this.add(stream);
  }

  /**
   * Gives one stream its turn.
   *
   * @param take sends of a stream. @returns whether anything left
   * @returns whether anything left of any
   */
  give(take: (stream: Stream) => boolean): boolean {
    return this.#giveFrom(0, take);
  }

  #giveFrom(level: number, take: (stream: Stream) => boolean): boolean {
    const own = this.#classes[level];
    if (own === undefined) return false;
    if (own.taken >= TURNS_BEFORE_LOWER) {
      own.taken = 0;
      if (this.#giveFrom(level + 1, take)) return true;
    }
    if (!giveIn(own, take)) return this.#giveFrom(level + 1, take);
    own.taken += 1;
    return true;
  }
}

function giveIn<Stream>(own: PriorityClass<Stream>, take: (stream: Stream) => boolean): boolean {
  for (let asked = 0; asked < own.streams.length; asked += 1) {
    const stream = own.streams[own.next % own.streams.length];
    own.next += 1;
    if (stream !== undefined && take(stream)) return true;
  }
  return false;
}
