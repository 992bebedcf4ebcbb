/** Drives one MLLP connection: bytes to the reader, blocks to the doorway, replies back in order. @module */
import type { Socket } from "node:net";
import { codeOf, identifierFrom } from "../../errors.ts";
import type { Timer } from "../../host/clock.ts";
import { REPLY_WRITE_TIMEOUT_MS } from "../../limits.ts";
import type { Verdict } from "../accept.ts";
import type { Arrival } from "../channel.ts";
import { readMsh } from "../hl7/msh.ts";
import type { LargeBody } from "../large-body.ts";
import { type BlockEvent, BlockReader, type Unit } from "./block-reader.ts";
import { BlockTimers, type Expired } from "./block-timers.ts";
import {
  CONNECTION_START,
  type ConnectionEvent,
  type ConnectionState,
  PENDING_LIMITS,
  type PendingLimits,
  step,
} from "./connection-state.ts";
import { framed } from "./framed.ts";
import type { ListenerOptions } from "./listener-options.ts";

/** A block that was taken, and what is to be done once it reaches the head of the line. */
interface Slot {
  readonly bytes: number;
  /** Monotonic. */
  readonly takenMs: number;
  verdict: Verdict | undefined;
  /** 03 F7: close once this one is answered. */
  readonly last: boolean;
}

/** Who is at the other end. */
export interface Peer {
  readonly address: string;
  /** `address:port`. */
  readonly name: string;
}

const CONTROL_ID_FIELD = 10;

export class MllpConnection {
  readonly peer: Peer;
  readonly #socket: Socket;
  readonly #parts: ListenerOptions;
  readonly #reader: BlockReader;
  readonly #onClosed: () => void;
  readonly #timers: BlockTimers;
  readonly #pendingLimits: PendingLimits;
  readonly #slots: Slot[] = [];
  #state: ConnectionState = CONNECTION_START;
  #large: LargeBody | undefined;
  #receivedAny = false;
  /** Monotonic: when a byte came, or a reply left. */
  #lastActiveMs: number;
  /** MSH-10 of a block whose end silence decided: bytes behind it are suspicious (F3). */
  #silencedControlId: Uint8Array | undefined;
  /** Why the connection ended, for the log line. */
  #reason = "peerClosed";
  #untakenReplies = 0;
  #writeTimer: Timer | undefined;

  /** Takes over `socket`, which must not have been read from. */
  constructor(socket: Socket, peer: Peer, parts: ListenerOptions, onClosed: () => void) {
    this.peer = peer;
    this.#socket = socket;
    this.#parts = parts;
    this.#onClosed = onClosed;
    this.#reader = new BlockReader(parts.settings);
    this.#timers = new BlockTimers(parts.clock, parts.settings, this.#reader, (what) =>
      this.#expired(what),
    );
    this.#pendingLimits = { ...PENDING_LIMITS, count: parts.settings.maxPendingBlocks };
    this.#lastActiveMs = parts.clock.monotonicMs();
    socket.setNoDelay(true);
    socket.setKeepAlive(true, parts.settings.keepAliveMs);
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("end", () => this.#peerEnded());
    socket.on("error", (error) => this.#lost(codeOf(error)));
    socket.on("close", () => this.#closed());
    if (!this.#mayRead) this.#apply({ on: "saturated" });
    this.#armTimers();
  }

  /**
   * How long nothing has happened here, in ms; `undefined` while a block is being read or a reply is
   * owed: such a connection is not stale (03 C2).
   */
  get idleMs(): number | undefined {
    // Where it is we who do not read, a block may never go on, and a FIN is not heard.
    const inBlock = this.#reader.insideBlock && this.#state.at === "reading";
    const busy = inBlock || this.#slots.length > 0 || this.#untakenReplies > 0;
    return busy ? undefined : this.#parts.clock.monotonicMs() - this.#lastActiveMs;
  }

  get #mayRead(): boolean {
    return this.#parts.doorway.room.mayRead(this.#parts.channel, this.#large?.upload ?? 0);
  }

  /** Orderly stop: no more reading, what was read whole is committed and answered (03 E8). */
  finish(reason = "stopping"): void {
    this.#reason = reason;
    this.#discardPartial();
    this.#apply({ on: "ending" });
  }

  /** Hangs up now. */
  destroy(reason: string): void {
    this.#reason = reason;
    this.#discardPartial();
    this.#apply({ on: "refused" });
    // Also one that was closed before and lingers over replies that nobody reads.
    this.#socket.destroy();
  }

  /** Where it is we who end, a partial block is left to the sender's resend (03 E8): no fragment to keep. */
  #discardPartial(): void {
    this.#reader.abort();
    this.#large?.discard();
    this.#large = undefined;
    this.#timers.stop();
  }

  /** There may be room again. */
  room(): void {
    if (this.#state.at === "paused" && this.#mayRead) this.#apply({ on: "room" });
  }

  #received(chunk: Buffer): void {
    this.#receivedAny = true;
    this.#lastActiveMs = this.#parts.clock.monotonicMs();
    this.#handle(this.#reader.push(chunk));
    if (!this.#mayRead) this.#apply({ on: "saturated" });
    this.#armTimers();
  }

  #peerEnded(): void {
    this.#countProbe();
    this.#handle(this.#reader.end());
    this.#timers.stop();
    this.#apply({ on: "ending" });
  }

  #lost(sysCode: string): void {
    this.#reason = sysCode;
    this.#countProbe();
    this.#handle(this.#reader.abort());
    this.#apply({ on: "lost" });
  }

  /** 03 C6: a peer that came and left, by FIN or RST, without a byte. */
  #countProbe(): void {
    if (!this.#receivedAny) this.#parts.channel.record.counters.add("probes");
    this.#receivedAny = true;
  }

  #closed(): void {
    this.#timers.stop();
    this.#stopWriteTimer();
    this.#handle(this.#reader.abort());
    this.#apply({ on: "lost" });
    this.#flushReplies();
    this.#onClosed();
    this.#parts.log.write("connectionClosed", {
      channel: identifierFrom(this.#parts.channel.name),
      peer: identifierFrom(this.peer.name),
      reason: identifierFrom(this.#reason),
    });
  }

  #handle(events: readonly BlockEvent[]): void {
    for (const event of events) this.#handleOne(event);
  }

  #handleOne(event: BlockEvent): void {
    const { record } = this.#parts.channel;
    const { counters } = record;
    switch (event.kind) {
      case "slice":
        this.#large ??= this.#parts.doorway.newLargeBody();
        this.#large.add(event.bytes);
        return;
      case "block":
      case "malformed":
        if (event.lenientEnd) record.warn("lenientEnd", this.peer.name);
        this.#take(event.kind, event, true, false);
        return;
      case "fragment":
        counters.add("fragments");
        this.#take(event.reason, event, false, false);
        return;
      case "tooLarge":
        counters.add("tooLarge");
        this.#take("tooLarge", event, event.ended, true);
        return;
      case "junk":
        counters.add("junkBytes", event.count);
        return;
      case "junkSample": {
        const unit = { bytes: event.bytes, totalBytes: event.bytes.length };
        this.#take("junk", unit, false, false);
        return;
      }
      case "bytesAfterLenientEnd":
        record.warn("bytesAfterLenientEnd", this.peer.name, this.#silencedControlId);
        return;
      case "notMllp":
        counters.add("notMllp");
        this.#parts.log.write("peerNotMllp", {
          channel: identifierFrom(this.#parts.channel.name),
          peer: identifierFrom(this.peer.name),
        });
        this.#reason = "notMllp";
        this.#apply({ on: "ending" });
        return;
    }
  }

  #take(kind: Arrival["kind"], unit: Unit, answerable: boolean, last: boolean): void {
    const { channel, doorway } = this.#parts;
    const large = kind === "junk" ? undefined : this.#large;
    if (kind !== "junk") this.#large = undefined;
    const { bytes, totalBytes } = unit;
    // What went ahead in slices waits for the same commit; of a block over the limit it is gone.
    const waitingBytes = kind === "tooLarge" ? bytes.length : totalBytes;
    const takenMs = this.#parts.clock.monotonicMs();
    const slot: Slot = { bytes: waitingBytes, takenMs, verdict: undefined, last };
    this.#slots.push(slot);
    this.#apply({ on: "taken", bytes: slot.bytes });
    const { name: peer, address } = this.peer;
    const arrival = { channel, peer, address, kind, bytes, totalBytes, large, answerable };
    doorway.accept(arrival, (verdict) => {
      slot.verdict = verdict;
      this.#flushReplies();
    });
  }

  /** Writes what is ready, oldest first; a later reply waits for an earlier one (03 A2). */
  #flushReplies(): void {
    for (let slot = this.#slots[0]; slot?.verdict !== undefined; slot = this.#slots[0]) {
      this.#slots.shift();
      this.#answer(slot, slot.verdict);
    }
  }

  #answer(slot: Slot, verdict: Verdict): void {
    if (verdict.kind === "hangUp") {
      this.#reason = verdict.error.code === "QUARANTINE_FULL" ? "quarantineFull" : "cannotStore";
      this.#apply({ on: "refused" });
      return;
    }
    const { reply, ids, close } = verdict;
    if (close && reply === undefined) {
      this.#drop();
      return;
    }
    if (reply === undefined) {
      this.#answered(slot);
      return;
    }
    if (this.#state.at === "closed" || !this.#socket.writable) {
      this.#undelivered(ids);
      this.#answered(slot);
      return;
    }
    const { doorway, channel } = this.#parts;
    // Answered only once TCP took it: a peer that does not read its replies is not read from (C5).
    this.#untakenReplies += 1;
    this.#writeTimer ??= this.#parts.clock.after(REPLY_WRITE_TIMEOUT_MS, () => this.#notRead());
    this.#socket.write(framed(reply), (error) => {
      this.#untakenReplies -= 1;
      if (this.#untakenReplies === 0) this.#stopWriteTimer();
      else this.#writeTimer?.refresh();
      this.#lastActiveMs = this.#parts.clock.monotonicMs();
      if (error) this.#undelivered(ids);
      else doorway.replied(ids, true);
      if (!error) channel.record.latency.add(this.#lastActiveMs - slot.takenMs);
      this.#answered(slot);
    });
    if (close) this.#drop();
  }

  /** By policy of the channel. Nothing behind it is answered: that could be taken for its reply. */
  #drop(): void {
    this.#reason = "closedByPolicy";
    this.#apply({ on: "dropped" });
  }

  /** Zero-window probes keep such a connection alive for ever; it would hold its place and its replies. */
  #notRead(): void {
    this.#reason = "repliesNotRead";
    this.#apply({ on: "refused" });
    this.#socket.destroy();
  }

  #stopWriteTimer(): void {
    this.#writeTimer?.[Symbol.dispose]();
    this.#writeTimer = undefined;
  }

  #answered({ bytes, last }: Slot): void {
    this.#apply({ on: "answered", bytes });
    if (!last) return;
    this.#reason = "tooLarge";
    this.#apply({ on: "ending" });
  }

  #undelivered(ids: readonly number[]): void {
    this.#parts.channel.record.counters.add("repliesUndelivered");
    this.#parts.doorway.replied(ids, false);
  }

  #apply(event: ConnectionEvent): void {
    const { state, effects } = step(this.#state, event, this.#pendingLimits);
    this.#state = state;
    for (const effect of effects) {
      if (effect === "pause") this.#pause();
      else if (effect === "resume") this.#resume();
      else if (effect === "end") this.#socket.destroySoon();
      else this.#socket.destroy();
    }
  }

  /** While we do not read, silence is ours and not the peer's: no timer runs (F3, F5). */
  #pause(): void {
    this.#socket.pause();
    this.#timers.stop();
  }

  #resume(): void {
    // Enough was answered here; whether the store and the channel have room is another question.
    if (!this.#mayRead) {
      this.#apply({ on: "saturated" });
      return;
    }
    this.#socket.resume();
    this.#armTimers();
  }

  #armTimers(): void {
    if (this.#state.at === "reading") this.#timers.arm();
  }

  #expired(what: Expired): void {
    if (what === "silence") {
      this.#silent();
      return;
    }
    if (what === "idle" && !this.#isIdle()) return;
    this.#reason = what;
    this.#handle(this.#reader.abort());
    this.#apply({ on: "ending" });
  }

  /** A reply that is owed is waited for, and silence begins behind it. */
  #isIdle(): boolean {
    const { idleTimeoutMs } = this.#parts.settings;
    const leftMs = idleTimeoutMs - (this.idleMs ?? 0);
    if (leftMs > 0) {
      this.#timers.armBetween(leftMs);
      return false;
    }
    this.#parts.channel.record.counters.add("idleClosed");
    return true;
  }

  #silent(): void {
    const events = this.#reader.silence();
    for (const event of events) {
      if (event.kind !== "block") continue;
      const reading = readMsh(event.bytes);
      const msh = reading.kind === "batch" ? undefined : reading.msh;
      this.#silencedControlId = new Uint8Array(msh?.field(CONTROL_ID_FIELD) ?? []);
    }
    this.#handle(events);
    this.#armTimers();
  }
}
