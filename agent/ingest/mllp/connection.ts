/** Drives one MLLP connection: bytes to the reader, blocks to the doorway, replies back in order. @module */
import type { Socket } from "node:net";
import { codeOf, identifierFrom } from "../../errors.ts";
import type { Timer } from "../../host/clock.ts";
import { KEEP_ALIVE_MS, REPLY_WRITE_TIMEOUT_MS } from "../../limits.ts";
import type { Arrival, Verdict } from "../accept.ts";
import type { LargeBody } from "../large-body.ts";
import { type BlockEvent, BlockReader, type Unit } from "./block-reader.ts";
import {
  CONNECTION_START,
  type ConnectionEvent,
  type ConnectionState,
  step,
} from "./connection-state.ts";
import { framed } from "./framed.ts";
import type { ListenerParts } from "./listener-options.ts";

/** A block that was taken, and what is to be done once it reaches the head of the line. */
interface Slot {
  readonly bytes: number;
  verdict: Verdict | undefined;
  /** 03 F7: close once this one is answered. */
  readonly last: boolean;
}

export class MllpConnection {
  readonly peer: string;
  readonly #socket: Socket;
  readonly #parts: ListenerParts;
  readonly #reader: BlockReader;
  readonly #onClosed: () => void;
  readonly #slots: Slot[] = [];
  #state: ConnectionState = CONNECTION_START;
  #large: LargeBody | undefined;
  #receivedAny = false;
  /** Why the connection ended, for the log line. */
  #reason = "peerClosed";
  #untakenReplies = 0;
  #writeTimer: Timer | undefined;
  #silenceTimer: Timer | undefined;
  #idleTimer: Timer | undefined;
  #blockTimer: Timer | undefined;
  /** Which block of the reader the block timer is for. */
  #timedBlock = 0;

  /** Takes over `socket`, which must not have been read from. */
  constructor(socket: Socket, peer: string, parts: ListenerParts, onClosed: () => void) {
    this.peer = peer;
    this.#socket = socket;
    this.#parts = parts;
    this.#onClosed = onClosed;
    this.#reader = new BlockReader(parts.settings);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("end", () => this.#peerEnded());
    socket.on("error", (error) => this.#lost(codeOf(error)));
    socket.on("close", () => this.#closed());
    if (parts.doorway.saturated) this.#apply({ on: "saturated" });
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
  }

  /** Where it is we who end, a partial block is left to the sender's resend (03 E8): no fragment to keep. */
  #discardPartial(): void {
    this.#reader.abort();
    this.#large?.discard();
    this.#large = undefined;
    this.#stopTimers();
  }

  room(): void {
    this.#apply({ on: "room" });
  }

  #received(chunk: Buffer): void {
    this.#receivedAny = true;
    this.#handle(this.#reader.push(chunk));
    if (this.#parts.doorway.saturated) this.#apply({ on: "saturated" });
    this.#armTimers();
  }

  #peerEnded(): void {
    this.#countProbe();
    this.#handle(this.#reader.end());
    this.#stopTimers();
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
    if (!this.#receivedAny) this.#parts.channel.counters.add("probes");
    this.#receivedAny = true;
  }

  #closed(): void {
    this.#stopTimers();
    this.#stopWriteTimer();
    this.#handle(this.#reader.abort());
    this.#apply({ on: "lost" });
    this.#flushReplies();
    this.#onClosed();
    this.#parts.log.write("connectionClosed", {
      channel: identifierFrom(this.#parts.channel.name),
      peer: identifierFrom(this.peer),
      reason: identifierFrom(this.#reason),
    });
  }

  #handle(events: readonly BlockEvent[]): void {
    for (const event of events) this.#handleOne(event);
  }

  #handleOne(event: BlockEvent): void {
    const { counters } = this.#parts.channel;
    switch (event.kind) {
      case "slice":
        this.#large ??= this.#parts.doorway.newLargeBody();
        this.#large.add(event.bytes);
        return;
      case "block":
      case "malformed":
        if (event.lenientEnd) counters.add("lenientEnd");
        this.#take(event.kind, event, true, false);
        return;
      case "fragment":
        counters.add("fragments");
        this.#take(event.reason, event, false, false);
        return;
      case "tooLarge":
        counters.add("tooLarge");
        this.#parts.onTooLarge(this.peer, event.totalBytes);
        this.#take("tooLarge", event, event.ended, true);
        return;
      case "junk":
        counters.add("junkBytes", event.count);
        if (event.sample !== undefined) {
          const unit = { bytes: event.sample, totalBytes: event.sample.length };
          this.#take("junk", unit, false, false);
        }
        return;
      case "bytesAfterLenientEnd":
        counters.add("bytesAfterLenientEnd");
        return;
      case "notMllp":
        counters.add("notMllp");
        this.#parts.log.write("peerNotMllp", { peer: identifierFrom(this.peer) });
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
    const slot: Slot = { bytes: waitingBytes, verdict: undefined, last };
    this.#slots.push(slot);
    this.#apply({ on: "taken", bytes: slot.bytes });
    const arrival = { channel, peer: this.peer, kind, bytes, totalBytes, large, answerable };
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
      this.#reason = "cannotStore";
      this.#apply({ on: "refused" });
      return;
    }
    const { reply, id } = verdict;
    if (reply === undefined) {
      this.#answered(slot);
      return;
    }
    if (this.#state.at === "closed" || !this.#socket.writable) {
      this.#undelivered(id);
      this.#answered(slot);
      return;
    }
    const { doorway } = this.#parts;
    // Answered only once TCP took it: a peer that does not read its replies is not read from (C5).
    this.#untakenReplies += 1;
    this.#writeTimer ??= this.#parts.clock.after(REPLY_WRITE_TIMEOUT_MS, () => this.#notRead());
    this.#socket.write(framed(reply), (error) => {
      this.#untakenReplies -= 1;
      if (this.#untakenReplies === 0) this.#stopWriteTimer();
      else this.#writeTimer?.refresh();
      if (error) this.#undelivered(id);
      else doorway.replied(id, true);
      this.#answered(slot);
    });
  }

  /** Zero-window probes keep such a connection alive for ever; it would hold its place and its replies. */
  #notRead(): void {
    this.#reason = "repliesNotRead";
    this.#apply({ on: "refused" });
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

  #undelivered(id: number): void {
    this.#parts.channel.counters.add("repliesUndelivered");
    this.#parts.doorway.replied(id, false);
  }

  #apply(event: ConnectionEvent): void {
    const { state, effects } = step(this.#state, event);
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
    this.#stopTimers();
  }

  #resume(): void {
    this.#socket.resume();
    this.#armTimers();
  }

  /** The three waits inside a block: for the CR, for the next byte, for the whole (03 F3, F5). */
  #armTimers(): void {
    if (this.#state.at !== "reading") return;
    const { clock, settings } = this.#parts;
    const { awaitsEnd, insideBlock, begunCount } = this.#reader;
    this.#silenceTimer?.[Symbol.dispose]();
    this.#silenceTimer = awaitsEnd
      ? clock.after(settings.endOfBlockWaitMs, () => this.#silent())
      : undefined;
    // Another block has its own time, although no chunk ended between the two.
    if (!insideBlock || begunCount !== this.#timedBlock) this.#stopBlockTimers();
    if (!insideBlock) return;
    if (this.#idleTimer === undefined) {
      this.#timedBlock = begunCount;
      this.#idleTimer = clock.after(settings.blockIdleTimeoutMs, () => this.#expired("blockIdle"));
      this.#blockTimer = clock.after(settings.blockMaxMs, () => this.#expired("blockTooSlow"));
    } else {
      this.#idleTimer.refresh();
    }
  }

  #silent(): void {
    this.#handle(this.#reader.silence());
    this.#armTimers();
  }

  #expired(reason: string): void {
    this.#reason = reason;
    this.#handle(this.#reader.abort());
    this.#apply({ on: "ending" });
  }

  #stopBlockTimers(): void {
    this.#idleTimer?.[Symbol.dispose]();
    this.#blockTimer?.[Symbol.dispose]();
    this.#idleTimer = undefined;
    this.#blockTimer = undefined;
  }

  #stopTimers(): void {
    this.#silenceTimer?.[Symbol.dispose]();
    this.#silenceTimer = undefined;
    this.#stopBlockTimers();
  }
}
