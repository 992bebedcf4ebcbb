/**
 * Channels that a person has stopped by hand: nothing of them leaves, or is delivered, until they are released.
 * Accepting goes on. Durable, in one transaction with the entry of the audit.
 *
 * @module
 */
import type { Audit } from "./audit/audit.ts";
import type { AuditActor } from "./audit/entry.ts";
import { nameFact } from "./control/answer.ts";
import { AgentError } from "./errors.ts";
import type { Conditions } from "./health/conditions.ts";
import type { Clock } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import { Subscribers } from "./host/subscribers.ts";
import type { TrustStore } from "./outbox/trust/trust-store.ts";

/** Before the name of the channel: a value of trust state. */
const PREFIX = "hold.";
const YES = new Uint8Array([1]);

export interface ChannelHoldsParts {
  readonly audit: Pick<Audit, "record">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly log: Log;
  readonly conditions: Conditions;
}

export class ChannelHolds {
  readonly #parts: ChannelHoldsParts;
  readonly #held: Set<string>;
  readonly #changes = new Subscribers<[channel: string]>();

  private constructor(parts: ChannelHoldsParts, held: readonly string[]) {
    this.#parts = parts;
    this.#held = new Set(held);
    for (const channel of held) this.#open(channel);
  }

  /** Those that are stored go on. @throws {AgentError} `STORE_*` */
  static async load(
    trust: Pick<TrustStore, "load">,
    parts: ChannelHoldsParts,
  ): Promise<ChannelHolds> {
    const { values } = await trust.load();
    const names = [...values.keys()].filter((name) => name.startsWith(PREFIX));
    return new ChannelHolds(
      parts,
      names.map((name) => name.slice(PREFIX.length)),
    );
  }

  isHeld(channel: string): boolean {
    return this.#held.has(channel);
  }

  /** Told of a channel that is held or released. */
  onChange(tell: (channel: string) => void): Disposable {
    return this.#changes.add(tell);
  }

  /** What is in hand is finished. The same again changes nothing. @throws {AgentError} `AUDIT_UNWRITABLE` */
  async hold(channel: string, actor: AuditActor): Promise<void> {
    if (this.#held.has(channel)) return;
    const values = new Map([[`${PREFIX}${channel}`, YES]]);
    await this.#parts.audit.record([{ actor, action: "channel.held", subject: channel }], {
      values,
    });
    this.#held.add(channel);
    this.#open(channel);
    this.#parts.log.write("channelHeldByHand", { channel: nameFact(channel) });
    this.#changes.tell(channel);
  }

  /** @throws {AgentError} `CHANNEL_NOT_HELD`, `AUDIT_UNWRITABLE`: it stays held */
  async release(channel: string, actor: AuditActor): Promise<void> {
    if (!this.#held.has(channel)) throw new AgentError("CHANNEL_NOT_HELD", {});
    const values = new Map([[`${PREFIX}${channel}`, null]]);
    const draft = { actor, action: "channel.released", subject: channel };
    await this.#parts.audit.record([draft], { values });
    this.#held.delete(channel);
    this.#parts.conditions.close("channelHeldByHand", channel);
    this.#parts.log.write("channelReleased", { channel: nameFact(channel) });
    this.#changes.tell(channel);
  }

  #open(channel: string): void {
    this.#parts.conditions.open("channelHeldByHand", channel, {}, this.#parts.clock.nowMs());
  }
}
