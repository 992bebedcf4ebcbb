/**
 * What becomes of a command from the receiver (06 TP36). The tunnel gives no authority (08 4.1): a command is a
 * document that is signed offline, and this version holds no keys by which to judge one (07 2.3). So each is
 * refused, before anything of it is read or stored; a repeated one is refused alike.
 *
 * @module
 */
import { type CmdFrame, type CmdResultFrame, COMMAND_RESULT } from "#protocol/frame.ts";

export function answerTo({ id }: CmdFrame): CmdResultFrame {
  return { type: "cmdResult", stream: 0, id, result: COMMAND_RESULT.refused };
}
