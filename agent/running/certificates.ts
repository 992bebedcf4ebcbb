/** TLS files of channels that are new, or say something else of them: whether they fit each other. @module */
import { isDeepStrictEqual } from "node:util";
import { listenerSettings } from "../channel-options.ts";
import { loadSenderTls } from "../deliver/sender-tls.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import { loadTlsMaterial } from "../ingest/mllp/tls-server.ts";
import { senderSettings } from "../sender-options.ts";
import { type ChannelSet, changesOf } from "./channel-set.ts";

/** What reads the files of one channel. */
interface Load {
  readonly channel: string;
  /** @returns the end of our certificate, ms since 1970 @throws {AgentError} `…_TLS_MATERIAL` */
  readonly load: () => number | undefined;
  readonly code: "LISTEN_TLS_MATERIAL" | "SENDER_TLS_MATERIAL";
}

function* loads(before: ChannelSet, next: ChannelSet): Generator<Load> {
  for (const config of freshIn(before.channels, next.channels)) {
    const { tls } = listenerSettings(config);
    const code = "LISTEN_TLS_MATERIAL";
    if (tls === undefined) continue;
    yield { channel: config.name, code, load: () => loadTlsMaterial(tls).notAfterMs };
  }
  for (const config of freshIn(before.senders, next.senders)) {
    const { tls } = senderSettings(config);
    const code = "SENDER_TLS_MATERIAL";
    if (tls === undefined) continue;
    yield { channel: config.name, code, load: () => loadSenderTls(tls).notAfterMs };
  }
}

function freshIn<Config extends { readonly name: string; readonly tls?: unknown }>(
  before: readonly Config[],
  after: readonly Config[],
): readonly Config[] {
  const { added, changed } = changesOf(before, after);
  const others = changed.filter((one) => !isDeepStrictEqual(one.before.tls, one.after.tls));
  return [...added, ...others.map((one) => one.after)];
}

/** @throws {AgentError} `LISTEN_TLS_MATERIAL`, `SENDER_TLS_MATERIAL`, naming the channel */
export function loadMaterial(before: ChannelSet, next: ChannelSet): void {
  for (const one of loads(before, next)) {
    const fault = faultOf(one, undefined);
    if (fault !== undefined) throw fault;
  }
}

/** By channel; an expired certificate is one, too: no peer would have it. */
export function certificateFaults(
  before: ChannelSet,
  next: ChannelSet,
  nowMs: number,
): { readonly channel: string; readonly fault: AgentError }[] {
  return [...loads(before, next)].flatMap((one) => {
    const fault = faultOf(one, nowMs);
    return fault === undefined ? [] : [{ channel: one.channel, fault }];
  });
}

function faultOf({ channel, load, code }: Load, nowMs: number | undefined): AgentError | undefined {
  const named = { channel: identifierFrom(channel) };
  try {
    const endMs = load();
    const isOver = nowMs !== undefined && endMs !== undefined && endMs <= nowMs;
    if (!isOver) return undefined;
    const facts = { part: identifierFrom("certificate"), reason: identifierFrom("expired") };
    return new AgentError(code, { ...named, ...facts });
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return new AgentError(error.code, { ...named, ...error.facts }, { cause: error });
  }
}
