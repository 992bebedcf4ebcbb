/**
 * How often one address, or one agent, may ask (07 1.8). Counted in minutes that begin for all at once: a table
 * that is thrown away is bounded by what comes in a minute.
 *
 * @module
 */
import type { Clock } from "../host/clock.ts";
import { DOOR_ADDRESSES_MAX_COUNT, DOOR_REQUESTS_PER_MINUTE } from "../limits.ts";

const MINUTE_MS = 60_000;

export class RequestRate {
  readonly #clock: Pick<Clock, "monotonicMs">;
  #counts = new Map<string, number>();
  #endMs = 0;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** @returns false if whoever asks has asked too often; that counts, too */
  take(who: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#endMs) {
      this.#endMs = nowMs + MINUTE_MS;
      this.#counts = new Map();
    }
    const count = (this.#counts.get(who) ?? 0) + 1;
    // Among so many addresses a stranger is not let in; whoever came before is.
    if (count === 1 && this.#counts.size >= DOOR_ADDRESSES_MAX_COUNT) return false;
    this.#counts.set(who, count);
    return count <= DOOR_REQUESTS_PER_MINUTE;
  }

  /** It was no stranger: an agent that waits for its confirmation asks every 5 s (EN7). */
  giveBack(who: string): void {
    const count = this.#counts.get(who);
    if (count !== undefined) this.#counts.set(who, Math.max(0, count - 1));
  }
}

/** An address of IPv4, or the network of 64 bits of IPv6: so much of it one customer has. */
export function addressKey(address: string): string {
  const plain = address.split("%", 1)[0] ?? "";
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(plain) ?? [];
  if (mapped !== undefined) return mapped;
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::", 2);
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => "0");
  return [...front, ...zeros, ...back].slice(0, 4).join(":");
}
