/** What `doctor` says of the machine. */
import assert from "node:assert/strict";
import { hostname } from "node:os";
import { describe, test } from "node:test";
import * as systeminformation from "systeminformation";
import { type Inventory, lookAtMachine } from "#agent/cli/doctor-machine.ts";
import { systemClock } from "#agent/host/clock.ts";

const never = new Promise<never>(() => {});
const failing = (): Promise<never> => Promise.reject(new Error("no such program"));

describe("the machine", () => {
  test("[08 7] it is described, without a name or a serial number of it", async () => {
    const found = await lookAtMachine(systeminformation, systemClock);
    assert.match(found["operating system"] ?? "", /\d/);
    assert.match(found["processor"] ?? "", /, \d+ cores$/);
    assert.match(found["memory"] ?? "", /available/);
    const { serial, hostname: name } = await systeminformation.osInfo();
    const said = JSON.stringify(found);
    for (const secret of [serial, name, hostname()].filter((one) => one.length > 3)) {
      assert.ok(!said.includes(secret), secret);
    }
  });

  test("[08 7] what does not answer, or cannot be asked, is not known, and nothing else is missed", async () => {
    const silent: Inventory = {
      ...{ osInfo: () => never, system: failing, cpu: () => never, mem: failing },
      ...{ blockDevices: failing, time: () => ({ timezoneName: "Etc/\u001b[31mUTC" }) as never },
    };
    const found = await lookAtMachine(silent, systemClock, 20);
    const texts = Object.values(found);
    assert.deepEqual(
      texts.slice(0, -1),
      Array.from({ length: 5 }, () => "not known"),
    );
    assert.ok(!texts.at(-1)?.includes("\u001b"));
  });
});
