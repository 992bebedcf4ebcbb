/**
 * One websocket between agent and receiver, without a network: frames arrive in order and late, and at any
 * frame the path may break. What is lost then is drawn by chance, for each direction.
 *
 * @module
 */
import { EventEmitter } from "node:events";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

const OPEN = 1;
const CLOSED = 3;
/** What the system takes of a writer before it has to wait. */
const KERNEL_BYTES = 131_072;

/** One end, as both the websocket and the socket under it. */
export class WireEnd extends EventEmitter {
  readonly OPEN = OPEN;
  readyState = OPEN;
  readonly #pipe: Pipe;
  readonly #wire: Wire;

  constructor(wire: Wire, pipe: Pipe) {
    super();
    this.#wire = wire;
    this.#pipe = pipe;
  }

  get bufferedAmount(): number {
    return Math.max(0, this.#pipe.queuedBytes - KERNEL_BYTES);
  }

  send(frame: Uint8Array): void {
    if (this.readyState === OPEN) this.#wire.carry(this.#pipe, frame);
  }

  close(): void {
    this.#leave();
  }

  terminate(): void {
    this.#leave();
  }

  destroySoon(): void {
    this.#leave();
  }

  destroy(): void {
    this.#leave();
  }

  /** The other side is gone, or the path. */
  lost(): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.emit("close");
  }

  cork(): void {}
  uncork(): void {}
  resume(): void {}

  #leave(): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.#wire.leave(this, this.#pipe);
  }
}

/** One direction. */
interface Pipe {
  readonly name: "up" | "down";
  /** Who reads. */
  readonly life: Life;
  readonly waiting: Uint8Array[][];
  queuedBytes: number;
  arrivesMs: number;
  /** Nothing comes through any more, and nobody is told. */
  isDead: boolean;
}

export class Wire {
  readonly agentEnd: WireEnd;
  readonly nodeEnd: WireEnd;
  readonly #world: World;
  readonly #up: Pipe;
  readonly #down: Pipe;
  readonly #delayMs: number;
  #frameCount = 0;
  /** The frame at which the path breaks. */
  #cutAt: number;

  constructor(world: World, agent: Life, node: Life) {
    const { chance, faults } = world;
    this.#world = world;
    const pipe = { queuedBytes: 0, arrivesMs: 0, isDead: false } as const;
    this.#up = { ...pipe, name: "up", life: node, waiting: [] };
    this.#down = { ...pipe, name: "down", life: agent, waiting: [] };
    this.agentEnd = new WireEnd(this, this.#up);
    this.nodeEnd = new WireEnd(this, this.#down);
    this.#delayMs = chance.between(1, chance.happens(0.2) ? 400 : 20);
    this.#cutAt = chance.happens(faults.cuts) ? 1 + chance.below(chance.pick([6, 20, 60])) : -1;
  }

  carry(pipe: Pipe, frame: Uint8Array): void {
    const { scheduler, chance } = this.#world;
    this.#frameCount += 1;
    if (pipe === this.#down) this.#world.judge.sent(frame);
    if (this.#frameCount === this.#cutAt) this.breakDown();
    if (pipe.isDead) return;
    pipe.queuedBytes += frame.length;
    const last = pipe.waiting.at(-1);
    // What is written together often arrives together.
    if (last !== undefined && pipe.arrivesMs > scheduler.nowMs && chance.happens(0.4)) {
      last.push(frame);
      return;
    }
    const batch = [frame];
    pipe.waiting.push(batch);
    const arrivesMs = scheduler.nowMs + this.#delayMs * chance.between(0.8, 1.5);
    pipe.arrivesMs = Math.max(pipe.arrivesMs, arrivesMs);
    scheduler.after(pipe.arrivesMs - scheduler.nowMs, pipe.life, pipe.name, () => {
      pipe.waiting.shift();
      this.#arrive(pipe, batch);
    });
  }

  /** One end has closed: what it sent before still arrives, then the other end hears of it. */
  leave(end: WireEnd, pipe: Pipe): void {
    const { scheduler, chance } = this.#world;
    const other = end === this.agentEnd ? this.nodeEnd : this.agentEnd;
    const own = end === this.agentEnd ? this.#down.life : this.#up.life;
    scheduler.after(0, own, "closed", () => end.emit("close"));
    if (pipe.isDead) return;
    const arrivesMs = Math.max(
      pipe.arrivesMs,
      scheduler.nowMs + this.#delayMs * chance.between(0.8, 1.5),
    );
    scheduler.after(arrivesMs - scheduler.nowMs, pipe.life, "hangup", () => other.lost());
  }

  /** The path breaks: both ends are told, or none is, or one; in each direction what is under way may be lost. */
  breakDown(): void {
    const { scheduler, chance } = this.#world;
    this.#cutAt = -1;
    const isSilent = chance.happens(this.#world.faults.silentCuts);
    for (const [pipe, end] of [
      [this.#up, this.nodeEnd],
      [this.#down, this.agentEnd],
    ] as const) {
      if (isSilent && chance.happens(0.7)) pipe.isDead = true;
      else if (!isSilent) {
        if (chance.happens(0.6)) pipe.isDead = true;
        const told = chance.between(0, 60);
        scheduler.after(told, pipe.life, `${pipe.name} cut`, () => {
          pipe.isDead = true;
          end.lost();
        });
      }
    }
    // Half a path is no path for long.
    if (this.#up.isDead !== this.#down.isDead && isSilent) {
      scheduler.after(chance.between(0, 5_000), undefined, "dead path", () => {
        this.#up.isDead = true;
        this.#down.isDead = true;
      });
    }
  }

  /** The process at one end has died: the system closes its sockets. */
  died(whose: "agent" | "node"): void {
    const { scheduler, chance } = this.#world;
    const [pipe, end] =
      whose === "agent" ? [this.#up, this.nodeEnd] : ([this.#down, this.agentEnd] as const);
    // The machine, and not only the process: nobody is told.
    if (chance.happens(0.2)) {
      this.#up.isDead = true;
      this.#down.isDead = true;
      return;
    }
    const arrivesMs = Math.max(pipe.arrivesMs, scheduler.nowMs + this.#delayMs);
    scheduler.after(arrivesMs - scheduler.nowMs, pipe.life, "reset", () => end.lost());
  }

  #arrive(pipe: Pipe, frames: readonly Uint8Array[]): void {
    const [end, sender] =
      pipe === this.#up ? [this.nodeEnd, this.agentEnd] : [this.agentEnd, this.nodeEnd];
    for (const frame of frames) {
      const wasFull = sender.bufferedAmount > 0;
      pipe.queuedBytes -= frame.length;
      if (!pipe.isDead && end.readyState === OPEN) {
        this.#world.noteFrame(pipe.name, frame);
        end.emit("message", frame, true);
      }
      if (wasFull && sender.bufferedAmount === 0) sender.emit("drain");
    }
  }
}
