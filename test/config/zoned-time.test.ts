/** The zone of the machine, where nobody named one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Zone } from "#config/zoned-time.ts";

test("the machine's own zone counts, and UTC where ICU does not know it", () => {
  const before = process.env["TZ"];
  const hourIn = (zone: string): number => {
    process.env["TZ"] = zone;
    return Zone.ofMachine().hourOfWeekAt(Date.UTC(2026, 0, 5));
  };
  try {
    assert.equal(hourIn("Asia/Tokyo"), 9);
    assert.equal(hourIn("Etc/Unknown"), 0);
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
});
