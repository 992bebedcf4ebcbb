/** Files that another program holds open (04 P10, P62, P63). Run by `windows.test.ts`. @module */
import assert from "node:assert/strict";
import { folderFault } from "#agent/folders/faults.ts";
import { Folder } from "#agent/folders/folder.ts";
import { DropFolder } from "#test/support/drop-folder.ts";
import { Holder } from "#test/support/file-holder.ts";
import type { Scenes } from "#test/support/scenes.ts";
import { archived, outcomeOf, textRead } from "./scene-folder.ts";

const MINUTE_MS = 60_000;
const HELD_FOR_MS = 150;

export const HELD_SCENES: Scenes = {
  "[P10] a file that another program has open is not claimed, however it shares it": async () => {
    await using holder = new Holder();
    for (const share of ["all", "nothing"] as const) {
      using folder = new DropFolder();
      folder.drop("a.hl7");
      await holder.hold(folder.at("drop", "a.hl7"), share);
      assert.equal(outcomeOf(folder), "busy", share);
      assert.deepEqual([folder.list("drop"), folder.list("work")], [["a.hl7"], []]);
      await holder.release();
      folder.clock.advance(MINUTE_MS);
      assert.equal(outcomeOf(folder), "claimed", share);
      assert.deepEqual(folder.list("drop"), []);
    }
    return undefined;
  },

  "[P10, P14] one that is held for long is told, and the others are taken meanwhile": async () => {
    await using holder = new Holder();
    using folder = new DropFolder({ busyAlarmMs: 10 * MINUTE_MS });
    folder.drop("held.hl7");
    await holder.hold(folder.at("drop", "held.hl7"), "all");
    assert.equal(outcomeOf(folder), "busy");
    assert.equal(folder.poll().troubles.busy, undefined);
    folder.drop("other.hl7");
    assert.equal(folder.claim(folder.complete()).length, 1);
    assert.deepEqual(folder.list("drop"), ["held.hl7"]);
    folder.clock.advance(10 * MINUTE_MS);
    assert.deepEqual(folder.poll().troubles.busy, { count: 1, fresh: 1 });
    return undefined;
  },

  "[P63, P7] a file is not opened before it is stable: its writer never finds it held":
    async () => {
      await using holder = new Holder();
      using folder = new DropFolder();
      folder.drop("a.hl7");
      const refused = holder.write(folder.at("drop", "a.hl7"), 1_000);
      let polls = 0;
      let answer: number | undefined;
      void refused.then((count) => {
        answer = count;
      });
      while (answer === undefined) {
        assert.deepEqual(folder.poll().candidates, []);
        polls += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(answer, 0);
      assert.ok(polls > 5);
      return undefined;
    },

  "[P62] what is held for a moment is read, and put back, all the same": async () => {
    await using holder = new Holder();
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7", "MSH|1");
    const [name = ""] = folder.list("work");
    await holder.hold(folder.at("work", name), "nothing", HELD_FOR_MS);
    assert.equal(textRead(folder, claimed), "MSH|1");
    await holder.hold(folder.at("work", name), "nothing", HELD_FOR_MS);
    folder.methods.putBack([claimed]);
    assert.deepEqual([folder.list("drop"), folder.list("work")], [["a.hl7"], []]);
    return undefined;
  },

  "[P62, P29] what is held for longer waits: not read, then not moved, and all of it later":
    async () => {
      await using holder = new Holder();
      using folder = new DropFolder();
      const claimed = folder.taken("a.hl7", "MSH|1");
      const [name = ""] = folder.list("work");
      await holder.hold(folder.at("work", name), "nothing");
      assert.equal(textRead(folder, claimed), "busy");
      await holder.release();
      assert.equal(textRead(folder, claimed), "MSH|1");
      await holder.hold(folder.at("work", name), "nothing");
      assert.equal(archived(folder, claimed), "delete EBUSY");
      await holder.release();
      assert.equal(archived(folder, claimed), "2025/01/02/a.hl7");
      assert.deepEqual([folder.list("work"), folder.list("archive")], [[], ["2025/01/02/a.hl7"]]);
      return undefined;
    },

  "[P62, P-A27] access that is denied counts as held at first, and as unreadable once it has lasted":
    () => {
      using folder = new DropFolder();
      folder.drop("a.hl7");
      folder.drop("b.hl7");
      const { isHeld } = Folder.prototype;
      try {
        // As of a file that is being deleted, or that this account may not read.
        Folder.prototype.isHeld = function denied(name) {
          if (name !== "a.hl7") return isHeld.call(this, name);
          throw folderFault(this.role, "holdTest", { code: "EPERM" });
        };
        assert.equal(outcomeOf(folder), "busy");
        assert.equal(folder.claim(folder.complete()).length, 1);
        assert.deepEqual(folder.poll().troubles, {});
        folder.clock.advance(5 * MINUTE_MS);
        const fault = { step: "holdTest", folder: "drop", sysCode: "EPERM" };
        assert.deepEqual(folder.poll().troubles, { unreadable: { count: 1, fresh: 1, fault } });
      } finally {
        Folder.prototype.isHeld = isHeld;
      }
      return undefined;
    },

  "[P62, P7] a file whose status is denied for a moment is no trouble; for long, it is unreadable":
    () => {
      using folder = new DropFolder();
      folder.drop("a.hl7");
      const { look } = Folder.prototype;
      try {
        Folder.prototype.look = function denied(name) {
          if (name !== "a.hl7") return look.call(this, name);
          throw folderFault(this.role, "look", { code: "EPERM" });
        };
        assert.deepEqual(folder.poll().troubles, {});
        folder.clock.advance(5 * MINUTE_MS);
        const fault = { step: "look", folder: "drop", sysCode: "EPERM" };
        assert.deepEqual(folder.poll().troubles, { unreadable: { count: 1, fresh: 1, fault } });
      } finally {
        Folder.prototype.look = look;
      }
      assert.equal(folder.claim(folder.complete()).length, 1);
      return undefined;
    },
};
