import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Asked, judge } from "#agent/status-page/gate.ts";
import type { Place } from "#pages/own-host.ts";

const LOCAL: Place = { isLoopback: true, hostNames: ["127.0.0.1"] };
const SHARED: Place = { isLoopback: false, hostNames: ["10.1.2.3", "gw.hospital.local"] };

function asked(change: Partial<Asked> = {}): Asked {
  return {
    ...{ method: "GET", target: "/", hosts: ["127.0.0.1:8515"], origin: undefined },
    ...{ fetchSite: undefined, fetchMode: undefined, fetchDest: undefined },
    ...change,
  };
}

function statusOf(change: Partial<Asked>, place = LOCAL): number {
  const judged = judge(asked(change), place);
  return judged.kind === "path" ? 200 : judged.status;
}

describe("[PL8] who is answered", () => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get"]) {
    test(`${method} is refused: the page only shows`, () =>
      assert.equal(statusOf({ method }), 405));
  }
  test("GET and HEAD are answered", () => {
    assert.deepEqual([statusOf({}), statusOf({ method: "HEAD" })], [200, 200]);
  });

  for (const host of ["127.0.0.1", "127.0.0.1:8515", "localhost:1", "LocalHost", "[::1]:8515"]) {
    test(`Host: ${host} is this machine`, () => assert.equal(statusOf({ hosts: [host] }), 200));
  }
  for (const host of [
    ...["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8515", "10.1.2.3:8515"],
    ...["", "[::2]", "[::ffff:7f00:1]", "127.0.0.1@evil.example", "evil.example:8515:1", "127.1"],
  ]) {
    test(`Host: ${host} is somebody else's name (DNS rebinding)`, () => {
      assert.equal(statusOf({ hosts: [host] }), 421);
    });
  }
  test("two Hosts, or none, are no name", () => {
    assert.equal(statusOf({ hosts: ["127.0.0.1", "127.0.0.1"] }), 421);
    assert.equal(statusOf({ hosts: [] }), 421);
  });
  test("where others may look, addresses are taken, and the names that the file lists", () => {
    for (const host of ["10.1.2.3:8515", "[fe80::1]", "GW.hospital.local:8515"]) {
      assert.equal(statusOf({ hosts: [host] }, SHARED), 200, host);
    }
    assert.equal(statusOf({ hosts: ["hospital.local"] }, SHARED), 421);
  });

  test("a page of somebody else's is told by its origin", () => {
    assert.equal(statusOf({ origin: "http://127.0.0.1:8515" }), 200);
    for (const origin of [
      "https://evil.example",
      "null",
      "http://127.0.0.1:9",
      "http://localhost",
    ]) {
      assert.equal(statusOf({ origin }), 403, origin);
    }
  });
  test("and by what the browser says of it: scripts, pictures, frames and forms of it get nothing", () => {
    assert.equal(statusOf({ fetchSite: "same-origin", fetchMode: "cors" }), 200);
    assert.equal(statusOf({ fetchSite: "none", fetchMode: "navigate" }), 200);
    for (const fetchSite of ["cross-site", "same-site", "anything"]) {
      assert.equal(statusOf({ fetchSite }), 403);
      for (const [fetchMode, fetchDest] of [
        ...[["no-cors", "script"] as const, ["no-cors", "image"] as const],
        ...[["cors", "empty"] as const, ["navigate", "iframe"] as const],
      ]) {
        assert.equal(statusOf({ fetchSite, fetchMode, fetchDest }), 403, fetchDest);
      }
    }
  });
  test("a person who follows a link sees the page", () => {
    const link = { fetchSite: "cross-site", fetchMode: "navigate", fetchDest: "document" };
    assert.equal(statusOf(link), 200);
    assert.equal(statusOf({ ...link, origin: "https://evil.example" }), 403);
  });

  test("the path is what stands before a question mark; a whole address is none", () => {
    assert.deepEqual(judge(asked({ target: "/metrics?x=1" }), LOCAL), {
      ...{ kind: "path", path: "/metrics" },
    });
    assert.equal(statusOf({ target: "http://127.0.0.1:8515/" }), 400);
    assert.equal(statusOf({ target: "*" }), 400);
  });
});
