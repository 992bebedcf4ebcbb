/** Links and sessions of the console, over real sockets, with a clock that a test moves. */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { CONSOLE } from "#receiver/console/configuration.ts";
import { Journal } from "#receiver/console/journal.ts";
import { IDLE_MS, SESSION_MS, Sessions } from "#receiver/console/sessions.ts";
import { Visitors } from "#receiver/console/visitors.ts";
import { systemClock } from "#receiver/host/clock.ts";
import { CONSOLE_ITEMS_MAX_COUNT } from "#receiver/store/console.ts";
import { type Answered, ConsoleStage, cookieOf, FORM } from "../support/console-stage.ts";
import { openTemporaryStore } from "../support/temporary-store.ts";

const MINUTE_MS = 60_000;

const SILENT = { write: () => undefined, fault: () => undefined };

test("[01 Receive] a session of a link is worth nothing where others than this machine come", async () => {
  await using store = await openTemporaryStore();
  const sessions = new Sessions(store.console);
  const journal = new Journal(store.console, systemClock, SILENT);
  const person = { name: "Ana", role: "viewer", certificate: "" } as const;
  const secret = await sessions.begin(person, systemClock.nowMs());
  const request = { headers: { cookie: `holdfast=${secret}` }, socket: new Socket() };
  for (const host of ["127.0.0.1", "0.0.0.0"]) {
    const configuration = CONSOLE.parse({}) ?? assert.fail();
    const parts = { configuration: { ...configuration, host }, sessions, journal };
    const visitors = new Visitors({ ...parts, clock: systemClock });
    const found = await visitors.find(request as IncomingMessage);
    assert.equal(found !== undefined, host === "127.0.0.1");
  }
});

test("[01 Receive] one certificate takes the room of nobody, also not with all at once", async () => {
  await using store = await openTemporaryStore();
  const sessions = new Sessions(store.console);
  const person = { name: "Ana", role: "viewer", certificate: "a1" } as const;
  const begin = (nowMs: number) => sessions.begin(person, nowMs);
  const secrets = await Promise.all(Array.from({ length: 20 }, (_, at) => begin(at + 1)));
  const own = (await sessions.all(20)).map(({ createdMs }) => createdMs);
  assert.deepEqual(own, [20, 19, 18, 17, 16, 15, 14, 13]);
  assert.notEqual(await sessions.find(secrets.at(-1) ?? "", 20), undefined);
  for (let at = own.length; at < CONSOLE_ITEMS_MAX_COUNT; at++) {
    const times = { createdMs: 30, seenMs: 30 + at };
    // Twice as many of links as anybody has.
    const rest = { name: "Eve", role: "viewer", certificate: at < 30 ? "" : `c${at}`, ...times };
    const item = { kind: "session", key: `k${at}`, body: JSON.stringify(rest), isNew: true };
    await store.console.keepItem({ ...item, expiresMs: 99_999, atMs: 30 });
  }
  const other = await sessions.begin({ ...person, certificate: "b2" }, 300);
  assert.notEqual(other, undefined);
  const keys = (await sessions.all(300)).map(({ key }) => key);
  assert.deepEqual([keys.length, keys.includes("k8")], [CONSOLE_ITEMS_MAX_COUNT, false]);
});

describe("sessions of the console", () => {
  let stage: ConsoleStage;
  before(async () => {
    stage = await ConsoleStage.open();
  });
  after(() => stage?.[Symbol.asyncDispose]());

  const enter = (link: string): Promise<Answered> =>
    stage.ask("/enter", {
      method: "POST",
      ...{ headers: { Origin: stage.origin, "Content-Type": FORM }, body: `link=${link}` },
    });

  test("[01 Receive] a link lets one person in, once, within five minutes; looking at it does not use it up", async () => {
    const link = await stage.link("viewer");
    for (let times = 0; times < 2; times++) {
      assert.equal((await stage.ask(`/enter/${link}`)).status, 200);
    }
    const first = await enter(link);
    assert.equal(first.status, 303);
    const cookie = String([first.headers["set-cookie"]].flat()[0]);
    assert.match(cookie, /^holdfast=[\w-]{43}; Max-Age=28800; Path=\/; HttpOnly; SameSite=Strict$/);
    const second = await enter(link);
    assert.deepEqual([second.status, cookieOf(second)], [403, undefined]);
    const late = await stage.link("viewer");
    stage.clock.aheadMs += 5 * MINUTE_MS;
    assert.equal((await enter(late)).status, 403);
    assert.equal((await enter("x".repeat(43))).status, 403);
    assert.equal((await enter("")).status, 403);
  });

  test("[01 Receive] a session ends after half an hour without its person, after eight hours, and when they sign out", async () => {
    const idle = await stage.enter("viewer", "Idle");
    const busy = await stage.enter("viewer", "Busy");
    stage.clock.aheadMs += IDLE_MS - 5_000;
    // A page that looks by itself says nothing of its person.
    assert.equal((await idle.get("/people", { "Sec-Fetch-Dest": "empty" })).status, 200);
    assert.equal((await busy.get("/people")).status, 200);
    stage.clock.aheadMs += 6_000;
    assert.equal((await idle.get("/people")).status, 403);
    for (let ms = IDLE_MS; ms < SESSION_MS; ms += IDLE_MS / 2) {
      assert.equal((await busy.get("/people")).status, 200);
      stage.clock.aheadMs += IDLE_MS / 2;
    }
    assert.equal((await busy.get("/people")).status, 403);
    const leaving = await stage.enter("viewer", "Leaving");
    const gone = await leaving.post("/sign-out", {});
    assert.match(String(gone.headers["set-cookie"]), /^holdfast=; Max-Age=0;/);
    assert.equal((await leaving.get("/people")).status, 403);
  });
});
