/**
 * Between the tunnel, which carries commands, and `agent/control`, which answers them (06 TP36). It is there before
 * either: what comes before the other end is open waits.
 *
 * @module
 */
import { type CmdFrame, type CmdResultFrame, COMMAND_RESULT } from "#protocol/frame.ts";
import type { Control } from "./control/control.ts";
import type { Reply } from "./control/reply.ts";
import { COMMANDS_WAITING_MAX_COUNT } from "./limits.ts";
import type { Commands } from "./tunnel/command-answer.ts";

export class CommandDesk implements Commands {
  #send: ((frame: CmdResultFrame) => void) | undefined;
  #control: Control | undefined;
  #waiting: CmdFrame[] = [];

  /** From now on it answers. */
  openTo(control: Control): void {
    this.#control = control;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (this.#send !== undefined) void control.connected();
    for (const frame of waiting) void control.asked(frame);
  }

  /** What is told while nobody is connected is told again with the next connection. */
  reply(id: Uint8Array, { result, answer, answerAt }: Reply): void {
    this.#send?.({
      ...{ type: "cmdResult", stream: 0, id, result: COMMAND_RESULT[result], answer },
      ...(answerAt === undefined ? {} : { answerAt }),
    });
  }

  connected(send: (frame: CmdResultFrame) => void): void {
    this.#send = send;
    void this.#control?.connected();
  }

  asked(frame: CmdFrame): void {
    if (this.#control !== undefined) void this.#control.asked(frame);
    else if (this.#waiting.length < COMMANDS_WAITING_MAX_COUNT) this.#waiting.push(frame);
  }

  done(id: Uint8Array): void {
    void this.#control?.done(id);
  }
}
