/** Files that another program holds: Windows says so often, Linux rarely. Here the system's answer is made up. @module */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Folder } from "#agent/folders/folder.ts";
import { Patience } from "#agent/folders/patience.ts";
import { systemClock } from "#agent/host/clock.ts";
import { FOLDER_BUSY_WAIT_MS } from "#agent/limits.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { DropFolder, namesOf } from "#test/support/drop-folder.ts";

const busy = (): Error => Object.assign(new Error("busy"), { code: "EBUSY" });

/** A file whose exclusive test says that it is held (P10). */
class Held implements Disposable {
  readonly #original = Folder.prototype.isHeld;

  constructor(held: (name: string) => boolean) {
    Folder.prototype.isHeld = held;
  }

  [Symbol.dispose](): void {
    Folder.prototype.isHeld = this.#original;
  }
}

describe("busy files", () => {
  test("[P62] an error of a moment is waited out; one that lasts is given back in time", () => {
    const patience = new Patience(systemClock);
    patience.begin();
    let tries = 0;
    const after = (count: number) => () => {
      tries += 1;
      if (tries <= count) throw busy();
      return tries;
    };
    assert.equal(patience.with(after(3)), 4);
    const startMs = systemClock.monotonicMs();
    assert.throws(() => patience.with(after(Number.POSITIVE_INFINITY)), busy());
    // All files of a call share its time, so that a worker is not silent for long.
    assert.throws(() => patience.with(after(Number.POSITIVE_INFINITY)), busy());
    assert.ok(systemClock.monotonicMs() - startMs < 3 * FOLDER_BUSY_WAIT_MS);
  });

  test("[P62] another error is not tried again", () => {
    const patience = new Patience(new ManualClock());
    patience.begin();
    let tries = 0;
    const act = (): never => {
      tries += 1;
      throw Object.assign(new Error(), { code: "ENOENT" });
    };
    assert.throws(() => patience.with(act));
    assert.equal(tries, 1);
  });

  test("[P10, P62] a file that is held is not claimed, tried ever more rarely, and told after five minutes", () => {
    using folder = new DropFolder();
    folder.drop("a.hl7");
    folder.drop("b.hl7");
    let isHeld = true;
    using _held = new Held((name) => isHeld && name === "a.hl7");
    assert.equal(folder.claim(folder.complete()).length, 1);
    assert.deepEqual(folder.list("drop"), ["a.hl7"]);
    let tries = 0;
    const told: number[] = [];
    for (let second = 0; second < 600; second += 5) {
      const { candidates, troubles } = folder.poll();
      tries += candidates.length;
      folder.claim(candidates);
      if (troubles.busy?.fresh === 1) told.push(second);
      folder.clock.advance(5_000);
    }
    assert.deepEqual(told, [300]);
    assert.ok(tries >= 4 && tries <= 10, `${tries} tries`);
    isHeld = false;
    folder.clock.advance(300_000);
    const { candidates, troubles } = folder.poll();
    assert.deepEqual(namesOf(candidates), ["a.hl7"]);
    assert.equal(folder.claim(candidates).length, 1);
    assert.deepEqual(troubles.busy?.fresh ?? 0, 0);
  });

  test("[P10] where there is no exclusive opening, nothing is ever held", (t) => {
    if (process.platform === "win32") return t.skip("not tested: other systems; this is Windows");
    using folder = new DropFolder();
    const path = folder.drop("a.hl7");
    using drop = Folder.open("drop", new Patience(systemClock), folder.at("drop"));
    assert.ok(path.length > 0);
    assert.equal(drop.isHeld("a.hl7"), false);
  });
});
