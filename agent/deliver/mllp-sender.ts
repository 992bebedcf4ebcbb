/**
 * Delivers the messages of one downstream channel to one hospital system: performs what `sender-state`
 * says, and tells it what happened (03 section 8).
 *
 * @module
 */
import { controlIdFact, type Identifier } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import { WatchedCertificate } from "../health/watched-certificate.ts";
import type { Chance, Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import { AWAITING_MAX_COUNT } from "../limits.ts";
import { ApplicationAcks } from "./application-acks.ts";
import { DeliveryRecord, type ObservedDelivery } from "./delivery-record.ts";
import { Hearing } from "./hearing.ts";
import { type InHand, takeNext, unlessDamaged } from "./in-hand.ts";
import { Link } from "./link.ts";
import { Outcomes } from "./outcomes.ts";
import type { DeliveryQueue } from "./queue.ts";
import type { ReplyEvent } from "./reply-reader.ts";
import type { SenderSettings } from "./sender-settings.ts";
import {
  SENDER_START,
  type SenderEffect,
  type SenderEvent,
  type SenderState,
  step,
} from "./sender-state.ts";
import { loadSenderTls, type SenderTlsMaterial } from "./sender-tls.ts";
import { type StoringParts, storeEffect } from "./store-effect.ts";

export interface SenderParts {
  readonly channel: string;
  readonly settings: SenderSettings;
  readonly queue: DeliveryQueue;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly conditions: Conditions;
  readonly log: Log;
  readonly tasks: Tasks;
  /** Of the same channel before it was changed: its counts go on. */
  readonly record?: DeliveryRecord;
}

export interface MllpSenderStatus extends ObservedDelivery {
  readonly kind: "mllp-sender";
  readonly channel: string;
  readonly state: SenderState["at"];
  readonly isConnected: boolean;
  /** Accepted, and their application acknowledgment is due (03 O6). */
  readonly awaitingCount: number;
}

export class MllpSender implements AsyncDisposable {
  readonly #record: DeliveryRecord;
  readonly #parts: SenderParts;
  readonly #outcomes: Outcomes;
  readonly #acks: ApplicationAcks;
  readonly #certificate: WatchedCertificate<SenderTlsMaterial> | undefined;
  readonly #hearing: Hearing;
  readonly #link: Link;
  readonly #cut = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  #state: SenderState = SENDER_START;
  #inHand: InHand | undefined;
  /** A byte of the message in hand may have left since it was taken. */
  #wrote = false;
  /** Tells one try from the next. */
  #exchange = 0;
  #mayBeHeld = true;
  #wake: Timer | undefined;
  #arrivals: Disposable | undefined;
  #replyTimer: Timer | undefined;

  private constructor(parts: SenderParts) {
    const { settings, queue, clock } = parts;
    const { signal } = this.#cut;
    this.#parts = parts;
    this.#record = parts.record ?? new DeliveryRecord();
    const { tls } = settings;
    if (tls !== undefined) {
      const load = (): SenderTlsMaterial => loadSenderTls(tls);
      this.#certificate = new WatchedCertificate(parts.channel, load, parts);
    }
    const outcomes = new Outcomes({ ...parts, record: this.#record, signal });
    this.#outcomes = outcomes;
    this.#acks = new ApplicationAcks({
      ...{ queue, outcomes, settings, clock },
      work: (act) =>
        this.#work(async () => {
          await act();
          return undefined;
        }),
      changed: () => this.#apply({ on: "arrived" }),
      held: () => {
        this.#mayBeHeld = true;
      },
    });
    this.#hearing = new Hearing({
      ...{ ...parts, outcomes, acks: this.#acks, record: this.#record },
    });
    this.#link = new Link({
      ...{ settings, clock, signal },
      material: () => this.#certificate?.material,
      heard: (event) => this.#heard(event),
      lost: (reason) => this.#lost(reason),
    });
  }

  /**
   * Begins to deliver, from where the queue stands. The hospital system need not be reachable.
   *
   * @throws {AgentError} `SENDER_TLS_MATERIAL`, or what the queue says
   */
  static async open(parts: SenderParts): Promise<MllpSender> {
    const sender = new MllpSender(parts);
    await sender.#acks.resume();
    sender.#arrivals = parts.queue.onArrival(() => sender.#apply({ on: "arrived" }));
    sender.#perform({ act: "take" });
    return sender;
  }

  get status(): MllpSenderStatus {
    const { channel } = this.#parts;
    const common = { channel, state: this.#state.at, ...this.#record.snapshot() };
    return {
      kind: "mllp-sender",
      ...common,
      isConnected: this.#link.isOpen,
      awaitingCount: this.#acks.count,
    };
  }

  /**
   * A person's decision about the message that the channel is held at (03 O5).
   *
   * @param decision send it again, or set it aside with a report to the receiver and go on
   * @returns false if the channel is not held
   */
  release(decision: "retry" | "quarantine"): boolean {
    if (this.#state.at !== "held") return false;
    this.#apply({ on: "released", decision });
    return true;
  }

  /** Hangs up now: what is in hand is sent again after the next start. */
  abort(): void {
    this.#cut.abort();
    this.#apply({ on: "cut" });
  }

  /** Finishes the exchange in hand, however long that takes: the caller's budget ends it with `abort`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#apply({ on: "stop" });
    await this.#closed.promise;
  }

  #apply(event: SenderEvent): void {
    const { state, effects } = step(this.#state, event, this.#parts.settings);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    if (state.at === "closed") this.#close();
  }

  #close(): void {
    this.#cut.abort();
    this.#arrivals?.[Symbol.dispose]();
    this.#stopReplyTimer();
    this.#wake?.[Symbol.dispose]();
    this.#link[Symbol.dispose]();
    this.#acks[Symbol.dispose]();
    this.#certificate?.[Symbol.dispose]();
    this.#closed.resolve();
  }

  #perform(effect: SenderEffect): void {
    switch (effect.act) {
      case "take":
        this.#work(() => this.#take());
        break;
      case "connect":
        this.#work(() => this.#connect());
        break;
      case "send":
        this.#work(() => this.#send());
        break;
      case "awaitReply":
        this.#awaitReply();
        break;
      case "disconnect":
        this.#stopReplyTimer();
        this.#link.close();
        break;
      case "finish":
        this.#link.finish();
        break;
      case "wake":
        this.#sleep(effect.untilMs);
        break;
      case "alarm":
        this.#outcomes.alarm(effect.alarm, effect.count);
        break;
      case "release":
      case "giveUp":
        this.#stored(() => this.#outcomes.endHold(effect.act));
        break;
      case "note":
      case "accept":
      case "awaitApplication":
      case "quarantine":
      case "hold":
        this.#stopReplyTimer();
        this.#mayBeHeld ||= effect.act === "hold";
        this.#stored(() => storeEffect(effect, this.#hand, this.#storing));
        break;
    }
  }

  #stored(act: () => Promise<void>): void {
    this.#work(async () => {
      await act();
      return { on: "stored", ...this.#moment() };
    });
  }

  /** Runs in the background; what it finds is an event. */
  #work(act: () => Promise<SenderEvent | undefined>): void {
    this.#parts.tasks.run("deliver", async () => {
      const event = await act();
      if (event !== undefined) this.#apply(event);
    });
  }

  async #take(): Promise<SenderEvent> {
    const { settings } = this.#parts;
    const limit = settings.waitForApplicationAck ? 1 : AWAITING_MAX_COUNT;
    const isFull = this.#acks.count >= limit;
    const parts = { ...this.#parts, outcomes: this.#outcomes };
    const taken = isFull ? undefined : await takeNext(parts, this.#inHand);
    // Asked after the message was given: what is held at that moment may be just this one (03 O6).
    if (await this.#isHeld()) return { on: "held" };
    this.#inHand = taken?.hand;
    this.#wrote = false;
    return taken?.event ?? { on: "none" };
  }

  async #isHeld(): Promise<boolean> {
    if (!this.#mayBeHeld && !this.#acks.isHolding) return false;
    // Before the question: what is held while it is asked must not be overlooked next time.
    this.#mayBeHeld = false;
    const held = await this.#outcomes.durably(() => this.#parts.queue.held());
    this.#mayBeHeld ||= held !== undefined;
    if (held !== undefined) this.#outcomes.stillHeld(held.why);
    return held !== undefined;
  }

  async #connect(): Promise<SenderEvent> {
    const { settings, log } = this.#parts;
    const linked = await this.#link.connect();
    if (linked.kind === "failed") {
      this.#record.add("connectFailures");
      log.write("endpointUnreachable", this.#outcomes.facts({ reason: linked.reason }));
      return { on: "unreachable", ...this.#moment() };
    }
    if (linked.kind === "opened") {
      this.#record.add("connections");
      log.write("endpointConnected", this.#outcomes.facts({ port: settings.port }));
    }
    return { on: "connected" };
  }

  async #send(): Promise<SenderEvent | undefined> {
    const { queue, conditions, channel } = this.#parts;
    const { delivery, body } = this.#hand;
    this.#exchange += 1;
    const exchange = this.#exchange;
    // Durable before the first byte (O1), and the peer is looked at after that wait (O8).
    if (!delivery.claimed) await this.#outcomes.durably(() => queue.claim(delivery.id));
    const endpoint = await this.#link.usable();
    // The connection was lost meanwhile, and the message is on its way again by now.
    if (exchange !== this.#exchange) return undefined;
    if (body === undefined || endpoint === undefined) {
      return { on: "lost", wrote: false, ...this.#moment() };
    }
    this.#wrote = true;
    this.#armReplyTimer();
    // Not once it is opened: some balancers accept for systems that are not there.
    conditions.close("endpointUnreachable", channel);
    const taken = await unlessDamaged(() =>
      endpoint.write(body, queue, () => this.#replyTimer?.refresh()),
    );
    // The connection may be another one by now, and with it what is going on.
    if (!this.#link.has(endpoint)) return undefined;
    if (taken === undefined) return { on: "damaged" };
    if (!taken) return undefined;
    this.#record.add("sent");
    this.#record.add("sentBytes", body.bytes);
    return { on: "written" };
  }

  #awaitReply(): void {
    const { expectation } = this.#hand;
    if (expectation.reply === "none") this.#assume();
    else this.#armReplyTimer();
  }

  /** 03 O4: from the last byte written; until then, from the last that TCP took. */
  #armReplyTimer(): void {
    this.#stopReplyTimer();
    const { clock, settings } = this.#parts;
    this.#replyTimer = clock.after(settings.replyTimeoutMs, () => this.#noReply());
  }

  #stopReplyTimer(): void {
    this.#replyTimer?.[Symbol.dispose]();
    this.#replyTimer = undefined;
  }

  #noReply(): void {
    const { expectation, body } = this.#hand;
    if (this.#state.at === "awaitingReply" && expectation.reply === "silence") {
      this.#assume();
      return;
    }
    this.#record.add("repliesMissing");
    this.#parts.log.write("endpointNoReply", this.#outcomes.facts(controlIdFact(body?.controlId)));
    this.#apply({ on: "timedOut" });
  }

  /** Nobody said so (03 O7). */
  #assume(): void {
    const hand = this.#hand;
    hand.flags.add("unconfirmed");
    hand.reply = undefined;
    this.#apply({ on: "replied", meaning: "accepted" });
  }

  #heard(event: ReplyEvent): void {
    const heard = this.#hearing.hear(event, this.#isExchanging ? this.#hand : undefined);
    // In good order: a message whose reply nobody waits for may still be on its way.
    if (heard === "stray") this.#link.finish();
    else if (heard !== undefined) this.#apply(heard);
  }

  #lost(reason: Identifier): void {
    if (this.#isExchanging) {
      this.#parts.log.write("endpointLost", this.#outcomes.facts({ reason }));
    }
    this.#apply({ on: "lost", wrote: this.#wrote, ...this.#moment() });
  }

  #sleep(untilMs: number): void {
    const { clock } = this.#parts;
    const delayMs = Math.max(0, untilMs - clock.monotonicMs());
    this.#wake = clock.after(delayMs, () => this.#apply({ on: "due" }));
  }

  get #storing(): StoringParts {
    return { queue: this.#parts.queue, outcomes: this.#outcomes, acks: this.#acks };
  }

  get #isExchanging(): boolean {
    return this.#state.at === "sending" || this.#state.at === "awaitingReply";
  }

  get #hand(): InHand {
    if (this.#inHand === undefined) throw new TypeError("Cannot go on without a message in hand");
    return this.#inHand;
  }

  #moment(): { readonly nowMs: number; readonly chance: number } {
    const { clock, chance } = this.#parts;
    return { nowMs: clock.monotonicMs(), chance: chance.unit() };
  }
}
