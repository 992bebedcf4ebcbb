/** What is written down of people, and how much of it. */
import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import { CONSOLE } from "#receiver/console/configuration.ts";
import { Journal, LINES_PER_MINUTE } from "#receiver/console/journal.ts";
import { Recent } from "#receiver/console/recent.ts";
import { Sessions } from "#receiver/console/sessions.ts";
import { Visitors } from "#receiver/console/visitors.ts";
import { systemClock } from "#receiver/host/clock.ts";
import type { Log } from "#receiver/host/log.ts";
import type { ConsoleRecords } from "#receiver/store/console.ts";
import { openTemporaryStore } from "../support/temporary-store.ts";

const ANA = { name: "Ana", role: "support", certificate: "a".repeat(64) } as const;
const newest = { before: Number.MAX_SAFE_INTEGER, limit: 500 };

class Lines implements Log {
  readonly all: unknown[] = [];
  write(event: string, facts: object): void {
    this.all.push({ event, ...facts });
  }
  fault(): void {}
}

describe("the journal of the console", () => {
  test("[01 Receive] nobody floods it: what is more is one line, and what changes something is refused", async () => {
    await using store = await openTemporaryStore();
    const journal = new Journal(store.console, systemClock, new Lines());
    for (let count = 0; count < LINES_PER_MINUTE + 5; count++) await journal.write(ANA, "refused");
    for (let count = 0; count < LINES_PER_MINUTE; count++) await journal.write(ANA, "questionSent");
    await assert.rejects(journal.write(ANA, "questionSent"), { code: "CONSOLE_TOO_MUCH" });
    await journal.write({ ...ANA, name: "Bea" }, "refused");
    const before = await store.console.entries(newest);
    assert.equal(before.length, 2 * LINES_PER_MINUTE + 1);
    await journal[Symbol.asyncDispose]();
    const details = (await store.console.entries(newest)).map(({ detail }) => detail);
    assert.equal(details.filter((detail) => detail === "and 5 more in this minute").length, 1);
  });

  test("[01 Receive] on a full disk people still look, and the process's log has it", async () => {
    await using store = await openTemporaryStore();
    const lines = new Lines();
    const busy = () => Promise.resolve({ kind: "busy" } as const);
    const records: ConsoleRecords = Object.assign(Object.create(store.console), {
      ...{ items: store.console.items, keepItem: busy, takeItem: busy, addEntry: busy },
    });
    const journal = new Journal(records, systemClock, lines);
    const configuration = CONSOLE.parse({}) ?? assert.fail();
    const sessions = new Sessions(records);
    const visitors = new Visitors({ configuration, sessions, journal, clock: systemClock });
    const request = new IncomingMessage(new Socket());
    assert.equal(await visitors.find(request), undefined);
    const visitor = (await visitors.begin(ANA, "certificate")) ?? assert.fail();
    assert.equal(visitor.cookie, undefined);
    await journal.viewed(visitor.session, "fleet");
    await assert.rejects(journal.write(ANA, "lookedUp"), { code: "STORE_FULL" });
    const by = "a".repeat(16);
    assert.deepEqual(lines.all, [
      { event: "consoleUnwritten", action: "signedIn", by },
      { event: "consoleUnwritten", action: "viewed", by },
    ]);
    await journal[Symbol.asyncDispose]();
  });

  test("[01 Receive] who looks at the same within seconds asks the store once", async () => {
    let nowMs = 0;
    let count = 0;
    const recent = new Recent<number>({ monotonicMs: () => nowMs });
    const read = () => recent.read("north/ward-1", async () => ++count);
    assert.deepEqual(await Promise.all([read(), read()]), [1, 1]);
    nowMs += 3_000;
    assert.equal(await read(), 2);
    const broken = () => recent.read("north/ward-2", () => Promise.reject(new Error("away")));
    await assert.rejects(broken());
    assert.equal(await recent.read("north/ward-2", async () => 7), 7);
  });
});
