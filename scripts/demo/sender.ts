/** A hospital system as it behaves: one message, wait for its reply, and send it again if none came. @module */
import { setTimeout as sleep } from "node:timers/promises";
import { MllpExchange } from "#agent/cli/mllp-exchange.ts";
import { type DemoMessage, demoMessage } from "./messages.ts";

const REPLY_TIMEOUT_MS = 5_000;
const RETRY_MS = 200;

export class HospitalSender {
  readonly name: string;
  /** Everything that got AA, in the order in which it was sent. */
  readonly acknowledged: DemoMessage[] = [];
  /** How often a message had to be sent again. */
  resent = 0;
  readonly #port: number;
  #next = 0;
  #exchange: MllpExchange | undefined;

  constructor(name: string, port: number) {
    this.name = name;
    this.#port = port;
  }

  /** Sends the next `count` messages, each until it is acknowledged. */
  async send(count: number): Promise<void> {
    for (const last = this.#next + count; this.#next < last; this.#next++) {
      const message = demoMessage(this.name, this.#next);
      while (!(await this.#attempt(message))) {
        this.resent += 1;
        await sleep(RETRY_MS);
      }
      this.acknowledged.push(message);
    }
  }

  close(): void {
    this.#exchange?.[Symbol.dispose]();
  }

  async #attempt(message: DemoMessage): Promise<boolean> {
    try {
      this.#exchange ??= await MllpExchange.open("127.0.0.1", this.#port);
      const reply = await this.#exchange.send(message.bytes, REPLY_TIMEOUT_MS);
      const text = Buffer.from(reply ?? []).toString("latin1");
      if (text.includes(`\rMSA|AA|${message.controlId}`)) return true;
    } catch {
      // Refused: the agent is away. The sender tries again, as hospital systems do.
    }
    this.#exchange?.[Symbol.dispose]();
    this.#exchange = undefined;
    return false;
  }
}
