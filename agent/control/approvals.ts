/**
 * Questions that change something wait for the yes of a person at the machine, within their quarter of an hour (08 4.4:
 * `channel.hold`, `channel.release`). They hold no other question up.
 *
 * @module
 */
import { AgentError } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Accepted } from "./answering.ts";

/** One engineer needs one. */
const WAITING_MAX_COUNT = 8;

export interface WaitingQuestion {
  readonly digest: string;
  readonly op: string;
  readonly channel: string;
  readonly by: string;
  readonly untilMs: number;
}

interface Waiting {
  readonly accepted: Accepted;
  readonly timer: Timer;
}

export class Approvals implements Disposable {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isFull(): boolean {
    return this.#waiting.size >= WAITING_MAX_COUNT;
  }

  get list(): readonly WaitingQuestion[] {
    return [...this.#waiting.values()].map(({ accepted: { question } }) => {
      const { digest, document, expiresMs, operation } = question;
      const channel = "channel" in operation.args ? operation.args.channel : "";
      const by = document.engineer;
      return { digest, op: operation.name, channel, by, untilMs: expiresMs };
    });
  }

  isWaiting(nonce: Uint8Array): boolean {
    const all = [...this.#waiting.values()];
    return all.some(({ accepted }) => Buffer.compare(accepted.nonce, nonce) === 0);
  }

  /** @param expired called when nobody has decided in time */
  wait(accepted: Accepted, expired: () => void): void {
    const { digest, expiresMs } = accepted.question;
    const timer = this.#clock.after(Math.max(0, expiresMs - this.#clock.nowMs()), () => {
      if (this.#waiting.delete(digest)) expired();
    });
    this.#waiting.set(digest, { accepted, timer });
  }

  /** Whether a question of this digest waits: the whole of it, for two could be made that begin alike. */
  has(digest: string): boolean {
    return this.#waiting.has(digest);
  }

  /** @returns it, and it waits no more @throws {AgentError} `CONFIG_NOT_WAITING` if none is named so */
  take(digest: string): Accepted {
    const found = this.#waiting.get(digest);
    if (found === undefined) throw new AgentError("CONFIG_NOT_WAITING", {});
    found.timer[Symbol.dispose]();
    this.#waiting.delete(digest);
    return found.accepted;
  }

  /** All of them; none waits any more. */
  takeAll(): readonly Accepted[] {
    return this.list.map(({ digest }) => this.take(digest));
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#waiting.values()) timer[Symbol.dispose]();
    this.#waiting.clear();
  }
}
