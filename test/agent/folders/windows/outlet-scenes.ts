/** Folders that are written to (04 section 11). Run by `windows.test.ts`. @module */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { Holder } from "#test/support/file-holder.ts";
import type { Scenes } from "#test/support/scenes.ts";
import {
  COLLIDED,
  faultOf,
  MESSAGE,
  TargetFolder,
  WRITTEN,
  writeWhole,
} from "#test/support/target-folder.ts";

export const OUTLET_SCENES: Scenes = {
  "[P53, P56, P57, P59] a message is written whole, beside a file whose name differs by case alone":
    () => {
      using target = new TargetFolder();
      const outlet = target.open({ controlSuffix: ".ok", sentFolder: target.sent });
      writeFileSync(target.path("ORDER_3-7.HL7"), "somebody's");
      assert.deepEqual(writeWhole(outlet, MESSAGE, {}, 5), COLLIDED);
      const [first, second, third] = target.files;
      assert.equal(first, "ORDER_3-7.HL7=somebody's");
      assert.match(second ?? "", /^order_3-7_20261126T090807_\w{8}\.hl7=MSH\|/);
      assert.match(third ?? "", /^order_3-7_20261126T090807_\w{8}\.hl7\.ok=$/);
      assert.equal(writeWhole(target.open({ controlSuffix: ".ok" }), MESSAGE).outcome, "there");
      assert.equal(target.names.length, 3);
      return undefined;
    },

  "[P56, P62] a file that its reader holds is replaced once it is free": async () => {
    await using holder = new Holder();
    using target = new TargetFolder();
    const outlet = target.open({ onCollision: "overwrite" });
    assert.deepEqual(writeWhole(outlet, "old"), WRITTEN);
    await holder.hold(target.path("order_3-7.hl7"), "nothing");
    const write = (): unknown => writeWhole(outlet, "new", { key: 43, id: "3-8" });
    assert.match(faultOf(write), /^FOLDER_FAILED .*sysCode=(?:EBUSY|EPERM)$/);
    await holder.release();
    assert.deepEqual(target.files, ["order_3-7.hl7=old"]);
    assert.deepEqual(write(), WRITTEN);
    assert.deepEqual(target.files, ["order_3-7.hl7=new"]);
    return undefined;
  },

  "[P60] a target on a drive that this account does not have is refused with the reason": () => {
    using target = new TargetFolder();
    mkdirSync(target.sent);
    const open = (): unknown => target.open({ folder: "Q:\\out" });
    assert.equal(faultOf(open), "FOLDER_DRIVE_LETTER folder=target drive=missing");
    return undefined;
  },
};
