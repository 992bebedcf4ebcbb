import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import { TLSSocket } from "node:tls";
import { type Asked, type ConsolePlace, judge } from "#receiver/console/gate.ts";
import { Rate } from "#receiver/console/rate.ts";
import { Rooms } from "#receiver/console/rooms.ts";
import { systemClock } from "#receiver/host/clock.ts";
import {
  CONSOLE_CONNECTIONS_OF_ONE_MAX_COUNT,
  CONSOLE_REQUESTS_PER_SECOND,
  STRANGERS_CONNECTIONS_MAX_COUNT,
  STRANGERS_REQUESTS_PER_SECOND,
} from "#receiver/limits.ts";
import { createTestCa } from "#test/support/test-certificates.ts";

const PLACE: ConsolePlace = { isLoopback: true, hostNames: ["fleet.example"], scheme: "https" };
const OWN = "https://127.0.0.1:8516";

function statusOf(change: Partial<Asked>): number {
  const asked: Asked = {
    ...{ method: "GET", target: "/", hosts: ["127.0.0.1:8516"], origin: undefined },
    ...{ fetchSite: undefined, fetchMode: undefined, fetchDest: undefined, ...change },
  };
  const judged = judge(asked, PLACE);
  return judged.kind === "refused" ? judged.status : 200;
}

describe("[01 Receive] which requests the console looks at", () => {
  test("GET, HEAD and POST; a form only from a page of ours", () => {
    for (const method of ["GET", "HEAD"]) assert.equal(statusOf({ method }), 200);
    for (const method of ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]) {
      assert.equal(statusOf({ method, origin: OWN }), 405, method);
    }
    const method = "POST";
    assert.equal(statusOf({ method, origin: OWN }), 200);
    assert.equal(statusOf({ method, origin: OWN, fetchSite: "same-origin" }), 200);
    const foreign = ["https://evil.example", "null", "http://127.0.0.1:8516", `${OWN}1`, undefined];
    for (const origin of foreign) assert.equal(statusOf({ method, origin }), 403, origin);
    for (const fetchSite of ["cross-site", "same-site", "none"]) {
      const navigated = { fetchMode: "navigate", fetchDest: "document" };
      assert.equal(statusOf({ method, origin: OWN, fetchSite, ...navigated }), 403, fetchSite);
    }
  });

  test("a name that is not ours was made to point here", () => {
    for (const host of ["localhost:8516", "[::1]:8516", "fleet.example", "FLEET.example:1"]) {
      assert.equal(statusOf({ hosts: [host] }), 200, host);
    }
    for (const host of ["evil.example", "10.1.2.3:8516", "127.0.0.1:8516@evil", "", "a b"]) {
      assert.equal(statusOf({ hosts: [host] }), 421, host);
    }
    assert.equal(statusOf({ hosts: ["127.0.0.1", "127.0.0.1"] }), 421);
    assert.equal(statusOf({ hosts: [] }), 421);
  });

  test("pictures, scripts and frames of another page get nothing; a link is followed", () => {
    for (const fetchDest of ["image", "script", "iframe", "empty"]) {
      const asked = { fetchSite: "cross-site", fetchMode: "no-cors", fetchDest };
      assert.equal(statusOf(asked), 403, fetchDest);
    }
    const link = { fetchSite: "cross-site", fetchMode: "navigate", fetchDest: "document" };
    assert.equal(statusOf(link), 200);
    assert.equal(statusOf({ ...link, origin: "https://evil.example" }), 403);
  });

  test("a path is a path of ours", () => {
    for (const target of ["*", "https://127.0.0.1:8516/", "//evil.example/", "/\\evil.example/"]) {
      assert.equal(statusOf({ target }), 400, target);
    }
  });

  test("so many requests in a second, and no more", () => {
    let nowMs = 5_000;
    const rate = new Rate({ monotonicMs: () => nowMs }, CONSOLE_REQUESTS_PER_SECOND);
    const askedAtOnce = (count: number) =>
      Array.from({ length: count }, () => rate.isTooMany()).filter(Boolean).length;
    assert.equal(askedAtOnce(CONSOLE_REQUESTS_PER_SECOND), 0);
    assert.equal(askedAtOnce(3), 3);
    nowMs += 999;
    assert.equal(askedAtOnce(1), 1);
    nowMs += 1;
    assert.equal(askedAtOnce(CONSOLE_REQUESTS_PER_SECOND + 1), 1);
  });

  test("whoever is on call has connections and requests of their own", async () => {
    const pair = await (await createTestCa("People")).issueClient([{ CN: ["Sam"] }]);
    const shown = new X509Certificate(pair.certificatePem);
    const certificate = shown.fingerprint256.replaceAll(":", "").toLowerCase();
    const people = [{ certificate, name: "Sam", role: "support" } as const];
    const rooms = new Rooms({ host: "0.0.0.0", people }, systemClock);
    const come = (remotePort: number): Socket => {
      const place = { remoteAddress: { value: "10.0.0.1" }, remotePort: { value: remotePort } };
      const socket = Object.defineProperties(new Socket(), place);
      rooms.came(socket);
      return socket;
    };
    const secured = (remotePort: number): Socket =>
      Object.create(TLSSocket.prototype, {
        ...{ remoteAddress: { value: "10.0.0.1" }, remotePort: { value: remotePort } },
        ...{ authorized: { value: true }, getPeerX509Certificate: { value: () => shown } },
      }) as Socket;
    const own = come(1);
    const sam = secured(1);
    rooms.shook(sam);
    const first = come(2);
    const strangers = Array.from({ length: STRANGERS_CONNECTIONS_MAX_COUNT }, (_, at) =>
      come(at + 3),
    );
    assert.deepEqual([own.destroyed, first.destroyed], [false, true]);
    assert.equal(
      strangers.some(({ destroyed }) => destroyed),
      false,
    );
    const stranger = strangers[0] ?? assert.fail();
    let nowMs = systemClock.monotonicMs();
    const rate = new Rooms(
      { host: "0.0.0.0", people },
      { ...systemClock, monotonicMs: () => nowMs },
    );
    const refused = (socket: Socket) =>
      Array.from({ length: 50 }, () => rate.isTooMany(socket)).filter(Boolean).length;
    assert.deepEqual([refused(stranger), refused(sam)], [50 - STRANGERS_REQUESTS_PER_SECOND, 0]);
    nowMs += 1_000;
    assert.deepEqual([rooms.isStranger(stranger), rooms.isStranger(sam)], [true, false]);
    for (let port = 100; port < 100 + CONSOLE_CONNECTIONS_OF_ONE_MAX_COUNT; port++) {
      come(port);
      rooms.shook(secured(port));
    }
    assert.equal(own.destroyed, true, "one person holds so many, and no more");
    rooms.close();
    assert.equal(stranger.destroyed, true);
  });
});
