/** Whatever a file is stopped in, it is written once (04 P57). @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { linkSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import type { OutletSettings } from "#agent/folders/outlet-messages.ts";
import {
  COLLIDED,
  faultOf,
  MESSAGE,
  outletProgram,
  TargetFolder,
  THERE,
  writeWhole,
} from "#test/support/target-folder.ts";

describe("after a crash", () => {
  test("[P57] the same message under its name is settled without writing, the control file made up for", () => {
    using target = new TargetFolder();
    writeWhole(target.open(), MESSAGE);
    const { ino } = lstatSync(target.path("order_3-7.hl7"));
    assert.deepEqual(writeWhole(target.open({ controlSuffix: ".ok" }), MESSAGE), THERE);
    assert.deepEqual(target.names, ["order_3-7.hl7", "order_3-7.hl7.ok"]);
    assert.equal(lstatSync(target.path("order_3-7.hl7")).ino, ino);
  });

  test("[P57] it is known again under the name that it got after a collision", () => {
    using target = new TargetFolder();
    writeFileSync(target.path("order_3-7.hl7"), "theirs");
    assert.deepEqual(writeWhole(target.open(), MESSAGE), COLLIDED);
    assert.deepEqual(writeWhole(target.open(), MESSAGE), THERE);
    assert.equal(target.names.length, 2);
  });

  for (const [what, make] of [
    [
      "another content of the same length",
      (path: string) => writeFileSync(path, MESSAGE.replace("A", "X")),
    ],
    ["another length", (path: string) => writeFileSync(path, `${MESSAGE}X`)],
    [
      "a link to the same content",
      (path: string) => {
        writeFileSync(`${path}.there`, MESSAGE, "latin1");
        symlinkSync(`${path}.there`, path);
      },
    ],
    ["a folder", (path: string) => mkdirSync(path)],
  ] as const) {
    test(`[P57] ${what} is not the message`, () => {
      using target = new TargetFolder();
      make(target.path("order_3-7.hl7"));
      assert.deepEqual(writeWhole(target.open(), MESSAGE), COLLIDED);
    });
  }

  test("[P57] the same content without the id of the message is another message's: both are kept", () => {
    using target = new TargetFolder();
    const outlet = target.open();
    writeWhole(outlet, MESSAGE, { key: 1, name: "x.hl7", id: undefined });
    assert.deepEqual(
      writeWhole(outlet, MESSAGE, { key: 2, name: "x.hl7", id: undefined }),
      COLLIDED,
    );
    assert.equal(target.names.length, 2);
  });

  test("[P57] a file without an id whose control file could not be made is not written twice", () => {
    using target = new TargetFolder();
    let fails = true;
    const outlet = target.open({ controlSuffix: ".ok" }, (step) => {
      // The step behind the name fails, as on a disk that has no room for one more name.
      if (step === "remove" && fails) throw new AgentError("FOLDER_FAILED", {});
    });
    const file = { name: "x.hl7", id: undefined };
    assert.equal(
      faultOf(() => writeWhole(outlet, MESSAGE, file)),
      "FOLDER_FAILED published=true",
    );
    fails = false;
    assert.deepEqual(writeWhole(outlet, MESSAGE, file), THERE);
    assert.deepEqual(target.names, ["x.hl7", "x.hl7.ok"]);
    assert.deepEqual(writeWhole(outlet, MESSAGE, { ...file, key: 43 }), COLLIDED);
  });

  test("[P57] what the agent left goes at the start; what is others', or another channel's, stays", () => {
    using target = new TargetFolder();
    const tempFolder = join(target.root, "temp");
    mkdirSync(tempFolder);
    const own = ["holdfast_orders_42.tmp", "holdfast_orders_9_2.tmp", "holdfast_orders_look.tmp"];
    const others = [
      ...["holdfast_orders-2_42.tmp", "holdfast_orders_42.hl7", "holdfast_orders_x.tmp", "x.tmp"],
      "holdfast_orders_42.tmp.bak",
    ];
    for (const folder of [target.folder, target.sent, tempFolder]) {
      mkdirSync(folder, { recursive: true });
      for (const name of [...own, ...others]) writeFileSync(join(folder, name), "part");
    }
    assert.equal(target.open({ sentFolder: target.sent }).standing.leftoverCount, 6);
    assert.deepEqual(target.names, others.toSorted());
    assert.deepEqual(readdirSync(target.sent).sort(), others.toSorted());
    assert.equal(target.open({ tempFolder }).standing.leftoverCount, 3);
    assert.deepEqual(readdirSync(tempFolder).sort(), others.toSorted());
  });

  test("[P57] a leftover that is a second name of the finished file goes, and the file stays", () => {
    using target = new TargetFolder();
    writeWhole(target.open(), MESSAGE);
    linkSync(target.path("order_3-7.hl7"), target.path("holdfast_orders_42.tmp"));
    assert.deepEqual(writeWhole(target.open(), MESSAGE), THERE);
    assert.deepEqual(target.files, [`order_3-7.hl7=${MESSAGE}`]);
  });

  /** Where a message may be when everything stops: after each of its steps. */
  const stepsOf = (changed: Partial<OutletSettings>): string[] => {
    using target = new TargetFolder();
    const steps: string[] = [];
    const outlet = target.open({ ...changed, sentFolder: target.sent }, (step) => steps.push(step));
    steps.length = 0;
    writeWhole(outlet, MESSAGE, {}, 8);
    return steps;
  };
  for (const onCollision of ["suffix", "overwrite"] as const) {
    const changed = { onCollision, controlSuffix: ".ok" } as const;
    for (const [index, name] of stepsOf(changed).entries()) {
      test(`[P57] ${onCollision}: killed after step ${index}, ${name}: the message is there once, and nothing else`, async () => {
        using target = new TargetFolder();
        const settings = target.settings({ ...changed, sentFolder: target.sent });
        const lines = `
          let count = 0;
          touched = () => count++ === ${index} && process.kill(process.pid, "SIGKILL");
          writeWhole(outlet, MESSAGE, {}, 8);`;
        const [program = "", ...args] = outletProgram(settings, lines);
        assert.equal(spawnSync(program, args).signal, "SIGKILL");
        const before = target.names;
        const isThere = before.includes("order_3-7.hl7");
        assert.equal(
          writeWhole(target.open(settings), MESSAGE, {}, 8).outcome,
          isThere ? "there" : "written",
        );
        assert.deepEqual(target.files, [`order_3-7.hl7=${MESSAGE}`, "order_3-7.hl7.ok="]);
        assert.deepEqual(readdirSync(target.sent), ["2026"]);
        assert.deepEqual(readdirSync(join(target.sent, "2026/11/26")), ["order_3-7.hl7"]);
        // Whoever believes the control file finds the data whole.
        if (before.includes("order_3-7.hl7.ok")) assert.ok(isThere);
      });
    }
  }
});
