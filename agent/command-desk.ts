/**
 * Between the tunnel, which carries commands, and `agent/control`, which answers them (06 TP36). It is there before
 * either: what comes before the other end is open waits.
 *
 * @module
 */
import type { Control } from "./control/control.ts";
import type { Reply } from "./control/reply.ts";
import { COMMANDS_WAITING_MAX_COUNT } from "./limits.ts";
import type { CommandAnswer, Commands, ReceivedCommand } from "./tunnel/command-answer.ts";

export class CommandDesk implements Commands {
  #send: ((answer: CommandAnswer) => void) | undefined;
  #control: Control | undefined;
  #waiting: ReceivedCommand[] = [];

  /** From now on it answers. */
  openTo(control: Control): void {
    this.#control = control;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (this.#send !== undefined) void control.connected();
    for (const command of waiting) void control.asked(command);
  }

  /** What is told while nobody is connected is told again with the next connection. */
  reply(id: Uint8Array, reply: Reply): void {
    this.#send?.({ id, ...reply });
  }

  connected(send: (answer: CommandAnswer) => void): void {
    this.#send = send;
    void this.#control?.connected();
  }

  asked(command: ReceivedCommand): void {
    if (this.#control !== undefined) void this.#control.asked(command);
    else if (this.#waiting.length < COMMANDS_WAITING_MAX_COUNT) this.#waiting.push(command);
  }

  done(id: Uint8Array): void {
    void this.#control?.done(id);
  }
}
