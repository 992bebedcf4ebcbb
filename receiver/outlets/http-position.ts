/** `POST /v1/outlets/NAME/position`: the store keeps where a consumer stands. @module */
import { comparePlaces } from "./event.ts";
import { findChannel } from "./find-channel.ts";
import { type Answer, json, LATER, refusal } from "./http-answer.ts";
import { POSITION, problemsOf } from "./http-query.ts";
import { cursorOf } from "./json.ts";
import type { OutletContext } from "./pump.ts";

/** @param text JSON: `agent`, `channel`, `cursor`, and `rewind` if it may go backwards */
export async function movePosition(
  { store, clock }: OutletContext,
  outlet: string,
  text: string,
): Promise<Answer> {
  const position = POSITION.safeParse(parsed(text));
  if (!position.success) return refusal("badRequest", {}, problemsOf(position.error));
  const { cursor, rewind } = position.data;
  const channel = await findChannel(store, position.data.agent, position.data.channel);
  if (channel === undefined) return refusal("notFound");
  // A slip of the consumer must not make it miss everything up to there.
  if (comparePlaces(cursor, channel.head) > 0) return refusal("ahead");
  const call = { ...cursor, outlet, agent: channel.agent, channel: channel.channel };
  const moved = await store.movePosition({ ...call, isRewind: rewind, atMs: clock.nowMs() });
  if (moved.kind === "busy") return refusal("unavailable", LATER);
  return json(JSON.stringify({ cursor: cursorOf(moved.position) }));
}

/** What is no JSON is nothing, and fits nothing; so are keys with escapes that V8 takes for others (`documents/strict-json.ts`). */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
