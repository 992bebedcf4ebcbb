/**
 * What outlets ask (TP38): gaps in the order of a channel, and how far each outlet has come.
 *
 * @module
 */
import { PAGE_MAX_COUNT } from "../../limits.ts";
import type {
  GapsCall,
  MovePositionCall,
  MovePositionResult,
  Place,
  PositionCall,
} from "../outlets.ts";
import type { GapRecord } from "../store.ts";
import type { Questions } from "./questions.ts";
import { type GapRow, gapRecord } from "./rows.ts";

export async function findGaps(
  questions: Questions,
  { agent, channel, after, upTo }: GapsCall,
): Promise<readonly GapRecord[]> {
  const range = [after.epoch, after.seq, upTo.epoch, upTo.seq];
  const values = [agent, channel, ...range, PAGE_MAX_COUNT];
  return (await questions.rows<GapRow>("findGaps", values)).map(gapRecord);
}

export async function findPosition(
  questions: Questions,
  { agent, outlet, channel }: PositionCall,
): Promise<Place | null> {
  const key = [agent, outlet, channel];
  const [found] = await questions.rows<[epoch: string, seq: string]>("findPosition", key);
  return found === undefined ? null : { epoch: BigInt(found[0]), seq: BigInt(found[1]) };
}

export async function movePosition(
  questions: Questions,
  call: MovePositionCall,
): Promise<MovePositionResult> {
  const { agent, outlet, channel, epoch, seq, atMs, isRewind } = call;
  const values = [agent, outlet, channel, epoch, seq, atMs, isRewind];
  await questions.rows("movePosition", values);
  return { kind: "ok", position: (await findPosition(questions, call)) ?? call };
}
