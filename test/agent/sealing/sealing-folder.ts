/** Keys in a folder of their own, on the real file system. @module */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Kek, KeyRing, type KeyRingOptions } from "#agent/sealing/key-ring.ts";
import { Sealer } from "#agent/sealing/sealer.ts";
import { ManualClock } from "#test/support/clocks.ts";

export class SealingFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-sealing-"));
  /** `stateDir/keys` of an agent. */
  readonly keys = join(this.path, "state", "keys");
  readonly clock = new ManualClock();
  readonly storeId = new Uint8Array(randomBytes(16));
  readonly kek: Kek = { current: new Uint8Array(randomBytes(32)) };
  #opened = false;

  /** Opens the keys as an agent that starts; the store is new the first time. */
  ring(changed: Partial<KeyRingOptions> = {}): KeyRing {
    const { keys: folder, clock, storeId, kek } = this;
    const ring = KeyRing.open({
      folder,
      clock,
      storeId,
      kek,
      isNewStore: !this.#opened,
      ...changed,
    });
    this.#opened = true;
    return ring;
  }

  sealer(changed: Partial<KeyRingOptions> = {}): Sealer {
    return new Sealer(this.ring(changed), changed.storeId ?? this.storeId);
  }

  keyFile(name: string): string {
    return join(this.keys, name);
  }

  keyNames(): string[] {
    return readdirSync(this.keys).sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Does all steps of a piece of work. */
export function atOnce(steps: Iterable<void>): void {
  for (const _ of steps);
}
