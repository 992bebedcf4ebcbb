/**
 * Delivers the messages of one downstream channel into a folder, each as a file: performs what `folder-sender-state`
 * says, and tells it what happened (04 section 11).
 *
 * @module
 */
import { AgentError, identifierFrom } from "../errors.ts";
import type { OutletAnswer } from "../folders/outlet-messages.ts";
import { patternOf } from "../folders/outlet-names.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Chance, Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import { SLICE_BYTES } from "../limits.ts";
import { DeliveryRecord, type ObservedDelivery } from "./delivery-record.ts";
import { fileOf } from "./file-name.ts";
import { FolderChores } from "./folder-chores.ts";
import { type FileInHand, subjectOfFile, takeNextFile } from "./folder-in-hand.ts";
import {
  FOLDER_START,
  type FolderEffect,
  type FolderEvent,
  type FolderState,
  folderStep,
} from "./folder-sender-state.ts";
import type { FolderSettings } from "./folder-settings.ts";
import { Trouble, troubleOf } from "./folder-trouble.ts";
import { unlessDamaged } from "./in-hand.ts";
import { Outcomes } from "./outcomes.ts";
import { OutletLink } from "./outlet-link.ts";
import type { DeliveryQueue } from "./queue.ts";

export interface FolderSenderParts {
  readonly channel: string;
  readonly settings: FolderSettings;
  readonly queue: DeliveryQueue;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly conditions: Conditions;
  readonly log: Log;
  readonly tasks: Tasks;
  /** Of the same channel before it was changed: its counts go on. */
  readonly record?: DeliveryRecord;
}

export interface FolderSenderStatus extends ObservedDelivery {
  readonly kind: "folder";
  readonly channel: string;
  /** `unreachable`, `full`: for as long as files cannot be written. */
  readonly state: FolderState["at"] | "unreachable" | "full";
  /** Since when it is in that state, RFC 3339. */
  readonly since: string;
  /** The folder was well when it was last used or looked at. */
  readonly isConnected: boolean;
  readonly awaitingCount: 0;
  /** 04 P58: files that nobody has taken for too long, when that was last looked at. */
  readonly uncollectedCount: number;
}

const EMPTY = new Uint8Array(0);

export class FolderSender implements AsyncDisposable {
  readonly #record: DeliveryRecord;
  readonly #parts: FolderSenderParts;
  readonly #outcomes: Outcomes;
  readonly #link: OutletLink;
  readonly #trouble: Trouble;
  readonly #chores: FolderChores;
  readonly #cut = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  #state: FolderState = FOLDER_START.state;
  #inHand: FileInHand | undefined;
  #mayBeHeld = true;
  #isConnected = false;
  #wake: Timer | undefined;
  #arrivals: Disposable | undefined;
  #shown: { readonly state: FolderSenderStatus["state"]; readonly sinceMs: number };

  private constructor(parts: FolderSenderParts) {
    const { channel, settings, clock, log } = parts;
    this.#parts = parts;
    this.#record = parts.record ?? new DeliveryRecord();
    this.#outcomes = new Outcomes({ ...parts, record: this.#record, signal: this.#cut.signal });
    this.#trouble = new Trouble(parts);
    const { outlet, nameTemplate, pickupAlarmMs, shareTimeoutMs: silenceMs } = settings;
    const ownNames = pickupAlarmMs > 0 ? patternOf(nameTemplate, channel) : undefined;
    this.#link = new OutletLink({
      ...{ silenceMs, clock, settings: { ...outlet, channel, ownNames } },
      onLeftovers: (count) => log.write("leftoversRemoved", this.#outcomes.facts({ count })),
    });
    this.#chores = new FolderChores({
      ...{ ...parts, link: this.#link, record: this.#record },
      looked: (error) =>
        this.#apply(error === undefined ? { on: "looked" } : this.#failed(error, "choreFailed")),
    });
    this.#shown = { state: "opening", sinceMs: clock.nowMs() };
  }

  /** Begins to deliver, from where the queue stands. The folder need not be there. */
  static open(parts: FolderSenderParts): FolderSender {
    const sender = new FolderSender(parts);
    sender.#arrivals = parts.queue.onArrival(() => sender.#apply({ on: "arrived" }));
    for (const effect of FOLDER_START.effects) sender.#perform(effect);
    return sender;
  }

  get status(): FolderSenderStatus {
    const { state, sinceMs } = this.#shown;
    return {
      ...{ kind: "folder", channel: this.#parts.channel, state },
      ...{ since: new Date(sinceMs).toISOString(), isConnected: this.#isConnected },
      ...{ awaitingCount: 0, uncollectedCount: this.#chores.uncollectedCount },
      ...this.#record.snapshot(),
    };
  }

  /**
   * A person's decision about the message that the channel is held at (03 O5, 04 P56).
   *
   * @param decision write it again, or set it aside with a report to the receiver and go on
   * @returns false if the channel is not held
   */
  release(decision: "retry" | "quarantine"): boolean {
    if (this.#state.at !== "held") return false;
    this.#apply({ on: "released", decision });
    return true;
  }

  /** Ends the worker now: what is in hand is written again after the next start. */
  abort(): void {
    this.#cut.abort();
    this.#apply({ on: "cut" });
  }

  /** Finishes the file in hand, however long that takes: the caller's budget ends it with `abort`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#apply({ on: "stop" });
    await this.#closed.promise;
  }

  #apply(event: FolderEvent): void {
    const { state, effects } = folderStep(this.#state, event, this.#parts.settings);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    this.#show();
    if (state.at === "closed") this.#close();
  }

  #close(): void {
    this.#cut.abort();
    this.#arrivals?.[Symbol.dispose]();
    this.#wake?.[Symbol.dispose]();
    this.#chores[Symbol.dispose]();
    this.#link.abort();
    this.#closed.resolve();
  }

  #show(): void {
    const { at } = this.#state;
    const { why } = this.#trouble;
    const failing = why === "full" ? "full" : "unreachable";
    const state = why === undefined || at === "held" || at === "closed" ? at : failing;
    if (state !== this.#shown.state) {
      this.#shown = { state, sinceMs: this.#parts.clock.nowMs() };
    }
  }

  #perform(effect: FolderEffect): void {
    switch (effect.act) {
      case "open":
        this.#work(() => this.#open());
        break;
      case "take":
        this.#work(() => this.#take());
        break;
      case "write":
        this.#work(() => this.#write());
        break;
      case "wake":
        this.#sleep(effect.untilMs);
        break;
      case "alarm":
        this.#trouble.alarm(effect.why, effect.count);
        break;
      case "calm":
        this.#trouble.end();
        this.#isConnected = true;
        break;
      case "accept":
        this.#stored(() => this.#outcomes.accepted(subjectOfFile(this.#hand), undefined));
        break;
      case "quarantine":
        this.#stored(() =>
          this.#outcomes.quarantined(subjectOfFile(this.#hand), effect.reason, undefined),
        );
        break;
      case "hold":
        this.#mayBeHeld = true;
        this.#stored(() => this.#outcomes.held(subjectOfFile(this.#hand), effect.why, undefined));
        break;
      case "release":
      case "giveUp":
        this.#stored(() => this.#outcomes.endHold(effect.act));
        break;
    }
  }

  #stored(act: () => Promise<void>): void {
    this.#work(async () => {
      await act();
      return { on: "stored" };
    });
  }

  /** Runs in the background; what it finds is an event, and so is what is wrong with the folder. */
  #work(act: () => Promise<FolderEvent>): void {
    this.#parts.tasks.run("deliver", async () => {
      this.#apply(await this.#unlessFailed(act));
    });
  }

  async #unlessFailed(act: () => Promise<FolderEvent>): Promise<FolderEvent> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof AgentError && troubleOf(error) !== undefined) return this.#failed(error);
      throw error;
    }
  }

  #failed(error: AgentError, on: "failed" | "choreFailed" = "failed"): FolderEvent {
    const { clock, chance, log } = this.#parts;
    const { code, facts } = error;
    const why = troubleOf(error) ?? "failing";
    const { at } = this.#state;
    if (at !== "closed") {
      // Beside a step that is under way, what that one finds is what counts.
      if (on === "failed" || at === "idle") {
        this.#isConnected = false;
        this.#trouble.failed(why, error);
      }
      this.#record.add("targetFailures");
      const shown = { code: identifierFrom(code), ...facts };
      log.write("targetFailed", this.#outcomes.facts(shown));
    }
    return { on, why, nowMs: clock.monotonicMs(), chance: chance.unit() };
  }

  async #open(): Promise<FolderEvent> {
    await this.#link.look();
    this.#isConnected = true;
    return { on: "opened" };
  }

  async #take(): Promise<FolderEvent> {
    const parts = { ...this.#parts, outcomes: this.#outcomes };
    const { event, hand } = await takeNextFile(parts, this.#inHand);
    // Asked after the message was given: what is held may be just this one.
    if (await this.#isHeld()) return { on: "held" };
    this.#inHand = hand;
    return event;
  }

  async #isHeld(): Promise<boolean> {
    if (!this.#mayBeHeld) return false;
    const held = await this.#outcomes.durably(() => this.#parts.queue.held());
    this.#mayBeHeld = held !== undefined;
    if (held !== undefined) this.#outcomes.stillHeld(held.why);
    return held !== undefined;
  }

  async #write(): Promise<FolderEvent> {
    const { queue } = this.#parts;
    const hand = this.#hand;
    const { id, claimed, bytes } = hand.delivery;
    // Durable before the first byte (03 O1).
    if (!claimed) await this.#outcomes.durably(() => queue.claim(id));
    const answer = await unlessDamaged(() => this.#send(hand));
    if (answer === undefined) {
      await this.#link.drop();
      return { on: "damaged" };
    }
    if (answer.outcome === "nameTaken") return { on: "nameTaken" };
    // It lies there still: nobody has taken it twice.
    if (answer.outcome === "there") hand.mayHaveLeft = false;
    const written = answer.outcome === "written";
    this.#record.add(written ? "sent" : "alreadyThere");
    if (written) this.#record.add("sentBytes", bytes);
    if (written && answer.collided) this.#record.add("nameCollisions");
    return { on: "written" };
  }

  /** From its beginning, whatever was written of it before. */
  async #send(hand: FileInHand): Promise<OutletAnswer> {
    const { queue, clock, channel, settings } = this.#parts;
    const { delivery, head } = hand;
    if (head === undefined) throw new TypeError("Cannot write a message that cannot be read");
    const slice = (from: number): Promise<Uint8Array> =>
      this.#outcomes.durably(() => queue.body(delivery.id, from, SLICE_BYTES));
    let bytes = delivery.bytes === 0 ? EMPTY : await slice(0);
    const file = fileOf(channel, settings, delivery, head, bytes, clock.nowMs());
    for (let from = 0; ; ) {
      const last = from + bytes.length >= delivery.bytes;
      const answer = await this.#asked(hand, () => this.#link.write({ file, from, bytes, last }));
      if (answer.outcome !== "more" || last) return answer;
      from += bytes.length;
      bytes = await slice(from);
    }
  }

  /** A worker that was ended may have come to the end. */
  async #asked(hand: FileInHand, ask: () => Promise<OutletAnswer>): Promise<OutletAnswer> {
    try {
      return await ask();
    } catch (error) {
      const isFault = error instanceof AgentError;
      hand.mayHaveLeft ||=
        isFault && (error.code === "FOLDER_SILENT" || error.facts["published"] === true);
      throw error;
    }
  }

  #sleep(untilMs: number): void {
    const { clock } = this.#parts;
    const delayMs = Math.max(0, untilMs - clock.monotonicMs());
    this.#wake = clock.after(delayMs, () => this.#apply({ on: "due" }));
  }

  get #hand(): FileInHand {
    if (this.#inHand === undefined) throw new TypeError("Cannot go on without a message in hand");
    return this.#inHand;
  }
}
