/** Senders as hospitals have them, who never pause: what they were told, and how long nobody let them in. @module */
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Ledger } from "#test/faults/kill-rounds/oracle.ts";
import { controlIdOf, fateOf, messageOf } from "#test/faults/seeded-messages.ts";
import { StopAndWait } from "#test/faults/stop-and-wait.ts";
import { until } from "#test/support/processes.ts";

const CONNECTIONS = 4;
const CHANNEL = "adt";
const LIMIT_MS = 240_000;
/** Between two knocks at the port. */
const KNOCK_MS = 50;
let nextSeed = 1;

export interface Outcome {
  readonly ledger: Ledger;
  /** From the first knock that was refused to the next that was not. */
  readonly longestRefusalMs: number;
  readonly refusals: number;
}

export class Load implements Disposable {
  readonly #port: number;
  readonly #pauseMs: number;
  readonly #seed = nextSeed++;
  readonly #ended = new AbortController();
  readonly #senders: StopAndWait[] = [];
  readonly #running: Promise<void>[] = [];
  readonly #acknowledged = new Map<string, string>();
  #longestRefusalMs = 0;
  #refusals = 0;

  /** @param pauseMs of each sender between two messages; absent: it never rests */
  constructor(port: number, pauseMs = 0) {
    this.#port = port;
    this.#pauseMs = pauseMs;
    for (let index = 0; index < CONNECTIONS; index++) {
      const sender = new StopAndWait(port);
      this.#senders.push(sender);
      this.#running.push(this.#send(sender, index));
    }
    this.#running.push(this.#knock());
  }

  /** Until so many are acknowledged. */
  async acknowledged(count: number): Promise<void> {
    await until(`${count} acknowledged messages`, () => this.#acknowledged.size >= count, LIMIT_MS);
  }

  /** Every message that was begun gets its reply; then nothing more is sent. */
  async finish(): Promise<Outcome> {
    this.#ended.abort();
    await Promise.all(this.#running);
    const resends = this.#senders.reduce((sum, sender) => sum + sender.resends, 0);
    const ledger = { acknowledged: this.#acknowledged, resends };
    return { ledger, longestRefusalMs: this.#longestRefusalMs, refusals: this.#refusals };
  }

  async #send(sender: StopAndWait, index: number): Promise<void> {
    for (let number = 0; !this.#ended.signal.aborted; number++) {
      const controlId = controlIdOf(this.#seed, `${CHANNEL}-${this.#seed}x${index}`, number);
      if (fateOf(controlId) === "refused") continue;
      const reply = await sender.send(messageOf(controlId));
      if (reply?.code !== "AA" || reply.controlId !== controlId) {
        throw new Error(`${controlId} was answered ${reply?.code} ${reply?.controlId}`);
      }
      this.#acknowledged.set(controlId, CHANNEL);
      if (this.#pauseMs > 0) await pause(this.#pauseMs);
    }
  }

  async #knock(): Promise<void> {
    let refusedSince: number | undefined;
    while (!this.#ended.signal.aborted) {
      if (await isOpen(this.#port)) refusedSince = undefined;
      else {
        this.#refusals += 1;
        refusedSince ??= performance.now();
        this.#longestRefusalMs = Math.max(
          this.#longestRefusalMs,
          performance.now() - refusedSince + KNOCK_MS,
        );
      }
      await pause(KNOCK_MS);
    }
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    for (const sender of this.#senders) sender[Symbol.dispose]();
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
