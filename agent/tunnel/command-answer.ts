/**
 * Commands from the receiver (06 TP36), as far as the tunnel knows them: it carries them, and gives no authority
 * (08 4.1). Who answers them is not its business; where nobody does, each is refused before anything of it is read.
 *
 * @module
 */
import { type CmdFrame, type CmdResultFrame, COMMAND_RESULT } from "#protocol/frame.ts";

/** Who answers commands, over every connection. */
export interface Commands {
  /** A connection takes answers from now on, through `send`; the one before it does no longer. */
  connected(send: (frame: CmdResultFrame) => void): void;
  asked(frame: CmdFrame): void;
  /** CMD_DONE: the answer is durable at the receiver. */
  done(id: Uint8Array): void;
}

/** A repeated one is refused alike. */
export function refusalOf({ id }: CmdFrame): CmdResultFrame {
  return { type: "cmdResult", stream: 0, id, result: COMMAND_RESULT.refused };
}
