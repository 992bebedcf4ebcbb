/**
 * What a person decides about a channel: that it goes on without messages that nobody can read any more.
 *
 * Answers go to commands on this machine alone, and say nothing of what a message held.
 *
 * @module
 */
import type { AuditActor } from "./audit/entry.ts";
import type { ChannelHolds } from "./channel-holds.ts";
import type { DamagedRows } from "./damaged-rows.ts";
import type { Senders } from "./deliver/senders.ts";
import { AgentError, identifierFrom } from "./errors.ts";
import { type Clock, systemClock } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import type { UnreadableMessage } from "./outbox/epochs/epoch-messages.ts";
import { toPlain } from "./outbox/format/fault.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { Relay } from "./relay/relay.ts";
import type { Outcome } from "./upkeep-desk.ts";

/** What is looked at, and given up, at once. */
const SKIP_MAX_COUNT = 1_000;

/** What `channel skip` asks: seqs of the epoch that the channel stops in, both ends included. */
export interface SkipQuestion {
  readonly channel: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** False: only says what would be lost. */
  readonly confirmed: boolean;
}

/** One message that is lost. */
export interface LostMessage {
  readonly seq: bigint;
  readonly bytes: number | undefined;
  /** RFC 3339. */
  readonly receivedAt: string | undefined;
  /** Its control id, keyed, in hexadecimal digits (08 2.1): `trace` of the control id finds the same message. */
  readonly token: string | undefined;
}

export interface SkipAnswer {
  readonly channel: string;
  readonly epoch: bigint;
  /** Whether they were given up; else they would be. */
  readonly skipped: boolean;
  readonly lost: readonly LostMessage[];
  /** Those behind one another that cannot be read go on to here, at most 1,000. */
  readonly unreadableThrough: bigint;
}

/** What `channel release` asks. */
export interface ReleaseQuestion {
  readonly channel: string;
  /** Send the held message again, or set it aside with a report to the receiver, and go on. */
  readonly decision: "retry" | "quarantine";
}

export interface ChannelDeskParts {
  /** Channels that deliver. */
  readonly senders: Pick<Senders, "of">;
  readonly outbox: Outbox;
  readonly relay: Pick<Relay, "stoppedAt" | "goOn">;
  readonly damaged: Pick<DamagedRows, "givenUp">;
  /** Absent in tests that hold none. */
  readonly holds?: ChannelHolds;
  readonly log: Log;
  readonly clock?: Pick<Clock, "nowMs">;
}

export class ChannelDesk {
  readonly #parts: ChannelDeskParts;

  constructor(parts: ChannelDeskParts) {
    this.#parts = parts;
  }

  /** Refused (`CHANNEL_NOT_STOPPED`, `MESSAGE_READABLE`) unless the channel stops before exactly these. */
  async skip(question: SkipQuestion): Promise<Outcome<SkipAnswer>> {
    try {
      return { done: await this.#skip(question) };
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#parts.log.fault("skipFailed", error);
      return { fault: toPlain(error) };
    }
  }

  /** Refused (`CHANNEL_NOT_HELD`) unless the channel waits for this decision (03 O5). */
  async release({ channel, decision }: ReleaseQuestion): Promise<Outcome<ReleaseQuestion>> {
    const { senders, log } = this.#parts;
    const sender = senders.of(channel);
    const refused = sender === undefined ? "CHANNEL_UNKNOWN" : "CHANNEL_NOT_HELD";
    if (sender?.release(decision) !== true) return { fault: toPlain(new AgentError(refused, {})) };
    const facts = { channel: identifierFrom(channel), decision: identifierFrom(decision) };
    log.write("channelReleased", facts);
    return { done: { channel, decision } };
  }

  /** By hand: nothing of it leaves, or is delivered, until it is released; accepting goes on. */
  async holdByHand(
    channel: string,
    actor: AuditActor,
  ): Promise<Outcome<{ readonly channel: string }>> {
    const { outbox, senders } = this.#parts;
    const isOwn = channel.startsWith("$");
    const isKnown = outbox.channels.some(({ name }) => name === channel);
    if (isOwn || (!isKnown && senders.of(channel) === undefined)) {
      return { fault: toPlain(new AgentError("CHANNEL_UNKNOWN", {})) };
    }
    return await this.#byHand(channel, (holds) => holds.hold(channel, actor));
  }

  async releaseByHand(
    channel: string,
    actor: AuditActor,
  ): Promise<Outcome<{ readonly channel: string }>> {
    return await this.#byHand(channel, (holds) => holds.release(channel, actor));
  }

  async #byHand(
    channel: string,
    act: (holds: ChannelHolds) => Promise<void>,
  ): Promise<Outcome<{ readonly channel: string }>> {
    const { holds } = this.#parts;
    try {
      if (holds === undefined) throw new AgentError("CHANNEL_UNKNOWN", {});
      await act(holds);
      return { done: { channel } };
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return { fault: toPlain(error) };
    }
  }

  async #skip({ channel: name, confirmed, ...seqs }: SkipQuestion): Promise<SkipAnswer> {
    const { outbox, relay } = this.#parts;
    const tail = outbox.channels.find((one) => one.name === name);
    if (tail === undefined) throw new AgentError("CHANNEL_UNKNOWN", {});
    const { channel } = tail;
    const [firstSeq, lastSeq] = [BigInt(seqs.firstSeq), BigInt(seqs.lastSeq)];
    const count = Number(lastSeq - firstSeq) + 1;
    const stopped = relay.stoppedAt(channel);
    if (stopped === undefined) throw new AgentError("CHANNEL_NOT_STOPPED", {});
    const { epoch, seq } = stopped;
    if (seq !== firstSeq) throw new AgentError("CHANNEL_NOT_STOPPED", { epoch, seq });
    if (count < 1 || count > SKIP_MAX_COUNT) throw new AgentError("SKIP_TOO_MANY", { count });
    const place = { channel, epoch, firstSeq };
    const unreadable = await outbox.epochs.unreadable(place, SKIP_MAX_COUNT);
    // It can be read after all: a cable, a controller that recovered. Nothing is lost then.
    if (unreadable.length === 0) relay.goOn(channel);
    if (unreadable.length < count) {
      throw new AgentError("MESSAGE_READABLE", {
        epoch,
        seq: firstSeq + BigInt(unreadable.length),
      });
    }
    const lost = unreadable.slice(0, count);
    if (confirmed) await this.#giveUp(name, { ...place, lastSeq });
    return {
      ...{ channel: name, epoch, skipped: confirmed, lost: lost.map(lostMessage) },
      unreadableThrough: firstSeq + BigInt(unreadable.length) - 1n,
    };
  }

  async #giveUp(
    name: string,
    range: Parameters<Outbox["epochs"]["skipDamaged"]>[0],
  ): Promise<void> {
    const { outbox, relay, damaged, log, clock = systemClock } = this.#parts;
    const { channel, epoch, firstSeq, lastSeq } = range;
    const verdict = await outbox.epochs.skipDamaged(range);
    if (verdict === "readable") throw new AgentError("MESSAGE_READABLE", { epoch, seq: firstSeq });
    if (verdict === "gone") throw new AgentError("CHANNEL_NOT_STOPPED", { epoch, seq: firstSeq });
    damaged.givenUp(range, clock.nowMs());
    const facts = { channel: identifierFrom(name), epoch, firstSeq, lastSeq };
    log.write("messagesSkipped", facts);
    relay.goOn(channel);
  }
}

function lostMessage({ seq, length, receivedAtMs, controlToken }: UnreadableMessage): LostMessage {
  return {
    seq,
    bytes: length,
    receivedAt: receivedAtMs === undefined ? undefined : new Date(receivedAtMs).toISOString(),
    token: controlToken === undefined ? undefined : Buffer.from(controlToken).toString("hex"),
  };
}
