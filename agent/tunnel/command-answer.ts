/**
 * Commands from the receiver (06 TP36), as far as the tunnel knows them: it carries them, and gives no authority
 * (08 4.1). Who answers them is not its business; where nobody does, each is refused before anything of it is read.
 *
 * @module
 */
import { type CmdFrame, type CmdResultFrame, COMMAND_RESULT } from "#protocol/frame.ts";

/** As it came: a signed document, under the id that it should have. */
export interface ReceivedCommand {
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly document: Uint8Array;
}

/** What CMD_RESULT says of one. */
export interface CommandAnswer {
  readonly id: Uint8Array;
  readonly result: keyof typeof COMMAND_RESULT;
  readonly answer: Uint8Array;
  /** Of a message on `$answers`. */
  readonly answerAt?: { readonly epoch: bigint; readonly seq: bigint };
}

/** Who answers commands, over every connection. */
export interface Commands {
  /** A connection takes answers from now on, through `send`; the one before it does no longer. */
  connected(send: (answer: CommandAnswer) => void): void;
  asked(command: ReceivedCommand): void;
  /** CMD_DONE: the answer is durable at the receiver. */
  done(id: Uint8Array): void;
}

export const resultFrame = ({ id, result, answer, answerAt }: CommandAnswer): CmdResultFrame => ({
  ...{ type: "cmdResult", stream: 0, id, result: COMMAND_RESULT[result], answer },
  ...(answerAt === undefined ? {} : { answerAt }),
});

/** A repeated one is refused alike. */
export function refusalOf({ id }: CmdFrame): CmdResultFrame {
  return { type: "cmdResult", stream: 0, id, result: COMMAND_RESULT.refused };
}
