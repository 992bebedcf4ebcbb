/**
 * What outlets ask (TP38), inside the writer's transaction: gaps in the order of a channel, and how far
 * each outlet has come.
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
import type { PreparedOutlets } from "./outlet-statements.ts";
import { gapRecord } from "./read-step.ts";

export function findGaps(sql: PreparedOutlets, call: GapsCall): readonly GapRecord[] {
  const { agent, channel, after, upTo } = call;
  return sql.findGaps
    .all(agent, channel, after.epoch, after.seq, upTo.epoch, upTo.seq, PAGE_MAX_COUNT)
    .map(gapRecord);
}

export function findPosition(sql: PreparedOutlets, call: PositionCall): Place | null {
  const [epoch, seq] = sql.findPosition.get(call.outlet, call.agent, call.channel) ?? [];
  return epoch === undefined || seq === undefined ? null : { epoch, seq };
}

export function movePosition(sql: PreparedOutlets, call: MovePositionCall): MovePositionResult {
  const { outlet, agent, channel, epoch, seq, atMs, isRewind } = call;
  sql.movePosition.run(outlet, agent, channel, epoch, seq, atMs, isRewind ? 1 : 0);
  return { kind: "ok", position: findPosition(sql, call) ?? call };
}
