/** Browsers that are told when to look again: server-sent events that carry nothing but the sign (HTML, section 9.2). @module */
import type { ServerResponse } from "node:http";
import type { Clock, Timer } from "../host/clock.ts";
import { STATUS_WATCHERS_MAX_COUNT } from "../limits.ts";

const EVERY_MS = 2_000;
/** Signs that nobody takes: the reader is gone, or stopped. */
const UNREAD_MAX_BYTES = 1_024;

export class Watchers implements Disposable {
  readonly #clock: Clock;
  readonly #open = new Set<ServerResponse>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isFull(): boolean {
    return this.#open.size >= STATUS_WATCHERS_MAX_COUNT;
  }

  /** @param response whose head was written; kept until its reader goes */
  add(response: ServerResponse): void {
    this.#open.add(response);
    response.on("close", () => this.#open.delete(response));
    response.write("retry: 5000\ndata: look\n\n");
    this.#timer ??= this.#clock.after(EVERY_MS, () => this.#tell());
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    for (const response of this.#open) response.destroy();
  }

  #tell(): void {
    for (const response of this.#open) {
      if (response.writableLength > UNREAD_MAX_BYTES) response.destroy();
      else response.write("data: look\n\n");
    }
    this.#timer =
      this.#open.size === 0 ? undefined : this.#clock.after(EVERY_MS, () => this.#tell());
  }
}
