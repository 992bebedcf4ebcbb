/**
 * Watches the free space of the store's disk: below a floor no message is taken, for what is stored must
 * still be able to leave (03 E1, 05 S13).
 *
 * Room that the ballast is going to take, or gave up, does not count as free: else its release alone would
 * open the ports again, and messages would eat what the drain needs.
 *
 * @module
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { AgentError } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock, Timer } from "../host/clock.ts";
import { diskSpaceOf } from "../host/disk-space.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import { FREE_SPACE_CHECK_MS, freeSpaceFloor } from "../limits.ts";
import { translated } from "../outbox/format/fault.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { StoreGate } from "./store-gate.ts";

export interface FreeSpaceParts {
  readonly stateDir: string;
  /** 0: nothing is watched. */
  readonly ballastBytes: number;
  readonly outbox: Pick<Outbox, "diskIs">;
  readonly gate: StoreGate;
  readonly clock: Clock;
  readonly log: Log;
  readonly conditions: Conditions;
  readonly tasks: Tasks;
}

export class FreeSpace implements Disposable {
  readonly #parts: FreeSpaceParts;
  readonly #floorBytes: number;
  #low: boolean | undefined;
  #freeBytes: number | undefined;
  #timer: Timer | undefined;
  #ended = false;

  private constructor(parts: FreeSpaceParts) {
    this.#parts = parts;
    this.#floorBytes = freeSpaceFloor(parts.ballastBytes);
  }

  /**
   * Looks, and then each second: on a disk that is full already, no port is opened.
   *
   * @throws {AgentError} one of `STORE_*`: the folder of the store cannot be looked at
   */
  static async open(parts: FreeSpaceParts): Promise<FreeSpace> {
    const watch = new FreeSpace(parts);
    try {
      await watch.#measure();
    } catch (error) {
      throw translated(error);
    }
    watch.#arm();
    return watch;
  }

  /** Of the disk, as of the last look; the ballast's room does not count. */
  get freeBytes(): number | undefined {
    return this.#freeBytes;
  }

  /** @throws {AgentError} `DISK_LOW`: messages must not be taken yet */
  refuseIfLow(): void {
    if (this.#low === true) throw this.#fault();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
  }

  #arm(): void {
    if (this.#ended) return;
    const { clock, tasks } = this.#parts;
    this.#timer = clock.after(FREE_SPACE_CHECK_MS, () => {
      tasks.run("freeSpace", () => this.#measure().finally(() => this.#arm()));
    });
  }

  async #measure(): Promise<void> {
    const { stateDir, ballastBytes, outbox } = this.#parts;
    const folder = join(stateDir, "outbox");
    const { freeBytes } = await diskSpaceOf(folder);
    this.#freeBytes = freeBytes;
    if (ballastBytes === 0 || this.#ended) return;
    const held = await sizeOf(join(folder, "ballast"));
    const room = freeBytes - Math.max(0, ballastBytes - held);
    // Once it was low, it is enough when the ballast fits in again and as much besides.
    const needed = this.#floorBytes + (this.#low === true ? ballastBytes : 0);
    const low = room < needed;
    if (low === this.#low || this.#ended) return;
    const first = this.#low === undefined;
    this.#low = low;
    if (low) this.#close();
    else if (!first) this.#recovered();
    await outbox.diskIs(low);
  }

  #close(): void {
    const { gate, conditions, clock } = this.#parts;
    const fault = this.#fault();
    conditions.open("diskLow", "", fault.facts, clock.nowMs());
    this.#parts.log.write("diskLow", fault.facts);
    gate.close(fault);
  }

  #recovered(): void {
    this.#parts.conditions.close("diskLow", "");
    this.#parts.log.write("diskRoom", { freeBytes: this.#freeBytes ?? 0 });
  }

  #fault(): AgentError {
    const facts = { freeBytes: this.#freeBytes ?? 0, floorBytes: this.#floorBytes };
    return new AgentError("DISK_LOW", facts);
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    // None: it was released, or never made.
    return 0;
  }
}
