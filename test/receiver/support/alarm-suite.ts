/** What every store has to do with alarms of agents (08 PL9): one suite, run by each. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openAlarms } from "#receiver/alarms.ts";
import { takeAlarms } from "#receiver/downstream/alarm-records.ts";
import type { WholeStore } from "#receiver/store/whole-store.ts";
import { listed } from "./head-suite.ts";

const AT = "2026-01-31T08:00:00.000Z";

export const alarmRecord = (codes: readonly string[], more: object = {}): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      ...{ record: "alarms", version: 1, at: AT },
      alarms: codes.map((code) => ({
        ...{ id: `${code}/adt/1`, code, channel: "adt", severity: "warning", since: AT },
        ...{ suppressed: 2, facts: { code: "TUNNEL_SILENT", count: 3 }, ...more },
      })),
    }),
  );

/** @param open opens an empty store, and disposes of all it leaves when it is disposed */
export function alarmSuite(name: string, open: () => Promise<WholeStore>): void {
  test(`[PL9] ${name}: what an agent says is open takes the place of what it said before`, async () => {
    await using store = await open();
    const ids: number[] = [];
    for (const agent of ["ward-1", "ward-2", "ward-3"]) {
      const added = await store.registry.registerAgent({ tenant: "north", name: agent, atMs: 4 });
      assert.ok("agent" in added);
      ids.push(added.agent.id);
    }
    const [one = 0, two = 0] = ids;
    const says = (agent: number, codes: readonly string[]) =>
      takeAlarms(store, { agent, bytes: alarmRecord(codes), atMs: 7 });
    assert.equal(await says(one, ["queueAge", "diskLow"]), true);
    await says(two, ["channelSilent"]);
    await says(one, ["diskLow"]);
    // Handed on once more, after a crash.
    await says(one, ["diskLow"]);
    await says(two, []);
    const all = await listed(openAlarms(store));
    assert.deepEqual(
      all.map((agent) => [agent.name, agent.alarms.map(({ code }) => code)]),
      [
        ["ward-1", ["diskLow"]],
        ["ward-2", []],
      ],
    );
    assert.deepEqual(all[0], {
      ...{ tenant: "north", name: "ward-1", reportedAt: AT },
      receivedAt: "1970-01-01T00:00:00.007Z",
      alarms: [
        {
          ...{ id: "diskLow/adt/1", code: "diskLow", channel: "adt", severity: "warning" },
          ...{ since: AT, suppressed: 2, facts: { code: "TUNNEL_SILENT", count: 3 } },
        },
      ],
    });
  });
}
