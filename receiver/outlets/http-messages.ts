/** `GET /v1/messages`: what follows a cursor, at once or as soon as there is something. @module */
import { ReceiverError } from "../errors.ts";
import type { Log } from "../host/log.ts";
import { OUTLET_SWEEP_MS } from "../limits.ts";
import type { Place } from "../store/outlets.ts";
import { type OutletChannel, type OutletEvent, type OutletMessage, START } from "./event.ts";
import { readEvents } from "./feed.ts";
import { findChannel } from "./find-channel.ts";
import { type Answer, refusal } from "./http-answer.ts";
import { MESSAGES_QUERY, problemsOf } from "./http-query.ts";
import { type BodyFields, cursorOf, gapJson, messageJson } from "./json.ts";
import type { OutletContext } from "./pump.ts";

/** Bodies up to this come with their message; larger ones have an address. */
const INLINE_MAX_BYTES = 1_048_576;

/**
 * @param names of outlets that may be asked for
 * @param ended aborts when nobody waits any more
 */
export async function answerMessages(
  context: OutletContext,
  names: ReadonlySet<string>,
  parameters: unknown,
  ended: AbortSignal,
): Promise<Answer> {
  const query = MESSAGES_QUERY.safeParse(parameters);
  if (!query.success) return refusal("badRequest", {}, problemsOf(query.error));
  const { outlet, agent, limit, wait } = query.data;
  if (outlet !== undefined && !names.has(outlet)) return refusal("notFound");
  const channel = await findChannel(context.store, agent, query.data.channel);
  if (channel === undefined) return refusal("notFound");
  const key = { agent: channel.agent, channel: channel.channel };
  const kept = outlet === undefined ? null : await context.store.findPosition({ ...key, outlet });
  const after = query.data.after ?? kept ?? START;
  const events = (await eventsAfter(context, channel, after, wait, ended)).slice(0, limit);
  // Before the first there is no cursor to write down but 0.0, and no message has it: seqs begin at 1.
  const cursor = events.at(-1)?.end ?? (after === START ? { epoch: 0n, seq: 0n } : after);
  return { status: 200, headers: {}, body: eventsJson(events, cursor, context.log) };
}

/** @returns what follows, or nothing once the time is over */
async function eventsAfter(
  { store, arrivals, clock }: OutletContext,
  channel: OutletChannel,
  after: Place,
  waitS: number,
  ended: AbortSignal,
): Promise<readonly OutletEvent[]> {
  const untilMs = clock.monotonicMs() + waitS * 1_000;
  while (true) {
    const enough = new AbortController();
    // Heard from before the look, so that nothing comes in between unheard.
    const both = AbortSignal.any([ended, enough.signal]);
    const arrived = arrivals.next(channel.agent, channel.channel, both);
    try {
      const events = await readEvents(store, channel, after);
      const leftMs = untilMs - clock.monotonicMs();
      if (events.length > 0 || leftMs <= 0 || ended.aborted) return events;
      // What another node stored is not heard of.
      using _look = clock.after(Math.min(leftMs, OUTLET_SWEEP_MS), () => enough.abort());
      await arrived;
    } finally {
      enough.abort();
    }
  }
}

async function* eventsJson(
  events: readonly OutletEvent[],
  cursor: Place,
  log: Log,
): AsyncGenerator<string> {
  yield '{"events":[';
  for (const [index, event] of events.entries()) {
    const comma = index === 0 ? "" : ",";
    if (event.kind === "gap") yield `${comma}${gapJson(event)}`;
    else yield `${comma}${messageJson(event, await bodyOf(event, log))}`;
  }
  yield `],"cursor":"${cursorOf(cursor)}"}`;
}

async function bodyOf(message: OutletMessage, log: Log): Promise<BodyFields> {
  if (message.bytes > INLINE_MAX_BYTES) {
    const { agent, channel, end } = message;
    const where = [...agent.split("/"), channel, cursorOf(end)].map(encodeURIComponent);
    return { bodyUrl: `/v1/messages/${where.join("/")}/body` };
  }
  try {
    return { body: Buffer.from(await message.body()).toString("base64") };
  } catch (error) {
    if (!(error instanceof ReceiverError && error.code === "OUTLET_BODY_DAMAGED")) throw error;
    log.fault("outletFailed", error);
    return { bodyDamaged: true };
  }
}
