/**
 * `export`: what is stored, in order of agent, channel, epoch and seq; gap records (RI8) behind the
 * messages of their channel. Repeats of a message under another identity (RI6) are left out.
 *
 * @module
 */
import type {
  AgentRecord,
  ChannelRecord,
  GapRecord,
  MessageRecord,
  Store,
  StoredMeta,
} from "./store/store.ts";

/** Where the agent puts MSH-10 (decoded as Latin-1, so that every byte has a character). */
const CONTROL_ID = "hl7.controlId";

export interface ExportSelection {
  readonly withBody: boolean;
  /** Null for all. */
  readonly channel: string | null;
  readonly agent: { readonly tenant: string; readonly name: string } | null;
}

/**
 * @returns JSON objects: a message has `seq`, a gap has `gap`. Of each channel no more than it held
 *   when its turn came, so that an export ends while messages arrive
 */
export async function* exportLines(
  store: Store,
  selection: ExportSelection,
): AsyncGenerator<string> {
  for await (const agent of selectedAgents(store, selection.agent)) {
    for await (const channel of selectedChannels(store, agent, selection.channel)) {
      yield* channelLines(store, agent, channel, selection.withBody);
    }
  }
}

async function* channelLines(
  store: Store,
  agent: AgentRecord,
  channel: ChannelRecord,
  withBody: boolean,
): AsyncGenerator<string> {
  const head = `{"agent":${JSON.stringify(`${agent.tenant}/${agent.name}`)},"channel":${JSON.stringify(channel.channel)}`;
  const upTo = { epoch: channel.epoch, seq: channel.lastSeq };
  const key = { agent: agent.id, channel: channel.channel };
  let after = { epoch: -1n, seq: 0n };
  while (true) {
    const page = await store.readMessages({ ...key, after, upTo, withBody });
    for (const message of page) yield `${head},${messageFields(message)}}`;
    const last = page.at(-1);
    if (last === undefined) break;
    after = { epoch: last.epoch, seq: last.seq };
  }
  let gapAfter = 0;
  while (true) {
    const page = await store.readGaps(agent.id, channel.channel, gapAfter);
    for (const gap of page) yield `${head},${gapFields(gap)}}`;
    const last = page.at(-1);
    if (last === undefined) break;
    gapAfter = last.id;
  }
}

/** Written by hand because JSON has no bigint, and a seq is a JSON integer of up to 63 bits. */
function messageFields(message: MessageRecord): string {
  // The store holds what the receiver wrote.
  const meta = JSON.parse(message.meta) as StoredMeta;
  const fields = {
    controlId: meta.attributes?.[CONTROL_ID] ?? null,
    receivedAt: new Date(message.receivedAtMs).toISOString(),
    storedAt: new Date(message.storedAtMs).toISOString(),
    sha256: Buffer.from(message.sha256).toString("hex"),
    bytes: message.bytes,
    ...(message.possibleRepeat ? { possibleRepeat: true } : {}),
    ...(message.body === null ? {} : { body: Buffer.from(message.body).toString("base64") }),
  };
  return `"epoch":${message.epoch},"seq":${message.seq},${JSON.stringify(fields).slice(1, -1)}`;
}

function gapFields(gap: GapRecord): string {
  const recordedAt = new Date(gap.recordedAtMs).toISOString();
  const fields = `"firstSeq":${gap.firstSeq},"lastSeq":${gap.lastSeq},"recordedAt":"${recordedAt}"`;
  return `"epoch":${gap.epoch},"gap":"${gap.kind}",${fields}`;
}

async function* selectedAgents(
  store: Store,
  only: ExportSelection["agent"],
): AsyncGenerator<AgentRecord> {
  if (only !== null) {
    const agent = await store.findAgent(only);
    if (agent !== null) yield agent;
    return;
  }
  let page = await store.listAgents(null);
  while (page.length > 0) {
    yield* page;
    page = await store.listAgents(page.at(-1) ?? null);
  }
}

async function* selectedChannels(
  store: Store,
  agent: AgentRecord,
  only: string | null,
): AsyncGenerator<ChannelRecord> {
  let page = await store.listChannels(agent.id, "");
  while (page.length > 0) {
    for (const channel of page) if (only === null || channel.channel === only) yield channel;
    page = await store.listChannels(agent.id, page.at(-1)?.channel ?? "");
  }
}
