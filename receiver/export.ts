/**
 * `export`: what is stored, in order of agent, channel, epoch and seq; gap records (RI8) behind the
 * messages of their channel. Repeats of a message under another identity (RI6) are left out. A
 * large body is read and given out in slices, so that an export holds no more than a few MiB.
 *
 * @module
 */

import { type StoredMeta, storedMetaFrom } from "#streams/sink/stored-meta.ts";
import { isReserved } from "./served-channels.ts";
import type {
  AgentRecord,
  ChannelRecord,
  GapRecord,
  MessageRecord,
  ReadBodyCall,
  Store,
} from "./store/store.ts";
import { allAgents, allChannels, allGaps, allMessages } from "./store/walk.ts";

/** Where the agent puts MSH-10 (decoded as Latin-1, so that every byte has a character). */
const CONTROL_ID = "hl7.controlId";
const DATE_MAX_MS = 8_640_000_000_000_000;

export interface ExportSelection {
  readonly withBody: boolean;
  /** Null for all. */
  readonly channel: string | null;
  readonly agent: { readonly tenant: string; readonly name: string } | null;
}

/** A line, or the beginning of one whose rest follows. */
export type LinePart = string | { readonly begun: string };

/** Base64 of what is given out at once: three bytes become four characters, and none are left over. */
const BODY_PART_BYTES = 3 * 65_536;

/**
 * @returns JSON objects: a message has `seq`, a gap has `gap`. Of each channel no more than it held
 *   when its turn came, so that an export ends while messages arrive
 */
export async function* exportLines(
  store: Store,
  selection: ExportSelection,
): AsyncGenerator<LinePart> {
  for await (const agent of selectedAgents(store, selection.agent)) {
    for await (const channel of allChannels(store, agent.id)) {
      if (isReserved(channel.channel)) continue;
      if (selection.channel !== null && channel.channel !== selection.channel) continue;
      yield* channelLines(store, agent, channel, selection.withBody);
    }
  }
}

async function* channelLines(
  store: Store,
  agent: AgentRecord,
  channel: ChannelRecord,
  withBody: boolean,
): AsyncGenerator<LinePart> {
  const name = JSON.stringify(`${agent.tenant}/${agent.name}`);
  const head = `{"agent":${name},"channel":${JSON.stringify(channel.channel)}`;
  const messages = allMessages(store, {
    agent: agent.id,
    channel: channel.channel,
    after: { epoch: -1n, seq: 0n },
    upTo: { epoch: channel.epoch, seq: channel.lastSeq },
    withBody,
  });
  for await (const message of messages) {
    const line = `${head},${messageFields(message)}`;
    if (message.body !== null || !withBody) yield `${line}}`;
    else {
      yield { begun: `${line},"body":"` };
      const { epoch, seq } = message;
      const where = { agent: agent.id, channel: channel.channel, epoch, seq };
      for await (const bytes of bodyParts(store, where)) yield { begun: bytes.toString("base64") };
      yield '"}';
    }
  }
  for await (const gap of allGaps(store, agent.id, channel.channel)) {
    yield `${head},${gapFields(gap)}}`;
  }
}

/** The body in parts of {@link BODY_PART_BYTES}; only the last is shorter. */
export async function* bodyParts(
  store: Store,
  where: Omit<ReadBodyCall, "from" | "maxBytes">,
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for (let from = 0; ; ) {
    const bytes = await store.readBody({ ...where, from, maxBytes: BODY_PART_BYTES });
    if (bytes.length === 0) break;
    from += bytes.length;
    rest = Buffer.concat([rest, bytes]);
    for (; rest.length >= BODY_PART_BYTES; rest = rest.subarray(BODY_PART_BYTES)) {
      yield rest.subarray(0, BODY_PART_BYTES);
    }
  }
  yield rest;
}

/** Written by hand because JSON has no bigint, and a seq is a JSON integer of up to 63 bits. */
function messageFields(message: MessageRecord): string {
  // The store holds what the receiver wrote.
  const meta = storedMetaFrom(message.meta);
  const fields = {
    controlId: meta.attributes?.[CONTROL_ID] ?? null,
    receivedAt: timeOf(message.receivedAtMs),
    storedAt: timeOf(message.storedAtMs),
    sha256: Buffer.from(message.sha256).toString("hex"),
    bytes: message.bytes,
    ...otherAttributes(meta),
    ...(message.possibleRepeat ? { possibleRepeat: true } : {}),
    ...(message.body === null ? {} : { body: Buffer.from(message.body).toString("base64") }),
  };
  return `"epoch":${message.epoch},"seq":${message.seq},${JSON.stringify(fields).slice(1, -1)}`;
}

/** What else the agent said of it: character set, batch, quarantine; absent where that is nothing. */
function otherAttributes({ attributes = {} }: StoredMeta): {
  readonly attributes?: Readonly<Record<string, string>>;
} {
  const { [CONTROL_ID]: _, ...others } = attributes;
  return Object.keys(others).length === 0 ? {} : { attributes: others };
}

function gapFields(gap: GapRecord): string {
  const recordedAt = timeOf(gap.recordedAtMs);
  const fields = `"firstSeq":${gap.firstSeq},"lastSeq":${gap.lastSeq},"recordedAt":"${recordedAt}"`;
  return `"epoch":${gap.epoch},"gap":"${gap.kind}",${fields}`;
}

/** RFC 3339. The agent's clock is not ours: a time beyond what a date can hold is shown as the last. */
function timeOf(ms: number): string {
  return new Date(Math.min(ms, DATE_MAX_MS)).toISOString();
}

async function* selectedAgents(
  store: Store,
  only: ExportSelection["agent"],
): AsyncGenerator<AgentRecord> {
  if (only === null) yield* allAgents(store);
  else {
    const agent = await store.findAgent(only);
    if (agent !== null) yield agent;
  }
}
