/** Handing out what one listing found, a poll's number at a time (04 P12 to P14). */
import assert from "node:assert/strict";
import { appendFileSync, rmSync, utimesSync } from "node:fs";
import { describe, test } from "node:test";
import type { Candidate } from "#agent/folders/messages.ts";
import { DropFolder, namesOf } from "#test/support/drop-folder.ts";

const NAMES = ["a.hl7", "b.hl7", "c.hl7", "d.hl7", "e.hl7"];

function filled(options: ConstructorParameters<typeof DropFolder>[0] = {}): DropFolder {
  const folder = new DropFolder({ order: "name", maxFilesPerPoll: 2, ...options });
  for (const name of NAMES) folder.drop(name);
  return folder;
}

const more = (folder: DropFolder): readonly Candidate[] => folder.methods.more(undefined);

describe("more of one listing", () => {
  test("[P13] [P14] comes in the same order, at most a poll's number at a time, each once", () => {
    using folder = filled();
    assert.deepEqual(namesOf(folder.complete()), ["a.hl7", "b.hl7"]);
    assert.deepEqual(namesOf(more(folder)), ["c.hl7", "d.hl7"]);
    assert.deepEqual(namesOf(more(folder)), ["e.hl7"]);
    assert.deepEqual(namesOf(more(folder)), []);
  });

  test("[P12] is of that listing: what has come since waits for the next one", () => {
    using folder = filled();
    const first = folder.complete();
    folder.drop("aa.hl7");
    assert.deepEqual(namesOf(more(folder)), ["c.hl7", "d.hl7"]);
    folder.claim(first);
    folder.clock.advance(30_000);
    folder.poll();
    folder.clock.advance(30_000);
    assert.deepEqual(namesOf(folder.poll().candidates), ["aa.hl7", "c.hl7"]);
  });

  test("[P17] leaves what was handed out before valid", () => {
    using folder = filled();
    const first = folder.complete();
    const second = more(folder);
    assert.equal(folder.claim([...second, ...first]).length, 4);
    assert.deepEqual(folder.list("drop"), ["e.hl7"]);
  });

  test("[P23] [P16] is looked at again when it is claimed", () => {
    using folder = filled();
    folder.complete();
    const second = more(folder);
    appendFileSync(folder.at("drop", "c.hl7"), "MSH|2\r");
    rmSync(folder.at("drop", "d.hl7"));
    assert.deepEqual(folder.claim(second), []);
    assert.deepEqual(folder.list("drop"), ["a.hl7", "b.hl7", "c.hl7", "e.hl7"]);
  });

  test("[P9] passes the same gate", () => {
    using folder = filled({ contentGate: "hl7" });
    folder.drop("c.hl7", "no header\r");
    assert.deepEqual(namesOf(folder.complete()), ["a.hl7", "b.hl7"]);
    assert.deepEqual(namesOf(more(folder)), ["d.hl7", "e.hl7"]);
  });

  test("[P14] is nothing with strictOrder: what comes meanwhile may have to go first", () => {
    using folder = filled({ strictOrder: true });
    assert.deepEqual(namesOf(folder.complete()), ["a.hl7", "b.hl7"]);
    assert.deepEqual(namesOf(more(folder)), []);
  });

  test("[P13] ends where the next poll begins", () => {
    using folder = filled({ order: "mtimeThenName" });
    for (const [index, name] of NAMES.entries()) {
      utimesSync(folder.at("drop", name), 1_700_000_000 - index, 1_700_000_000 - index);
    }
    assert.deepEqual(namesOf(folder.complete()), ["e.hl7", "d.hl7"]);
    assert.deepEqual(namesOf(more(folder)), ["c.hl7", "b.hl7"]);
    assert.deepEqual(namesOf(folder.poll().candidates), ["e.hl7", "d.hl7"]);
    assert.deepEqual(namesOf(more(folder)), ["c.hl7", "b.hl7"]);
    assert.deepEqual(namesOf(more(folder)), ["a.hl7"]);
  });
});
