import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent as Connections, get, type IncomingMessage } from "node:http";
import { createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import {
  STATUS_CONNECTIONS_MAX_COUNT,
  STATUS_REQUESTS_PER_SECOND,
  STATUS_WATCHERS_MAX_COUNT,
} from "#agent/limits.ts";
import { freePort } from "#scripts/free-port.ts";
import { agentStatus, alarmed, channelStatus } from "#test/support/agent-status.ts";
import { FastClock, ManualClock } from "#test/support/clocks.ts";
import { OpenedPage } from "#test/support/opened-page.ts";
import { until } from "#test/support/processes.ts";

describe("[PL8] the page's server", () => {
  test("lets nothing in from elsewhere: policy, frames, types, caches, cookies", async () => {
    await using page = await OpenedPage.open();
    for (const path of ["/", "/page.css", "/charts.js", "/metrics", "/nothing", "/events"]) {
      const { headers } = await page.ask(path, { method: "HEAD" });
      const policy = String(headers["content-security-policy"]);
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/, path);
      assert.doesNotMatch(policy, /unsafe|\*|http|data:/);
      assert.deepEqual(
        [headers["x-content-type-options"], headers["x-frame-options"], headers["cache-control"]],
        ["nosniff", "DENY", "no-store"],
      );
      assert.equal(headers["set-cookie"], undefined);
      assert.equal(headers["access-control-allow-origin"], undefined);
    }
  });

  test("names no place but its own: every script, style and picture is served here, and none is inline", async () => {
    await using page = await OpenedPage.open();
    const { body } = await page.ask("/");
    const named = [...body.matchAll(/\s(?:src|href)="([^"]*)"/g)].map(([, place = ""]) => place);
    assert.ok(named.length > 5);
    for (const place of named.filter((one) => !one.startsWith("#"))) {
      assert.match(place, /^\/[a-z]/);
      assert.equal((await page.ask(place)).status, 200, place);
    }
    assert.doesNotMatch(
      body,
      /<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=|<form|<input|<button/,
    );
  });

  test("only shows: whoever posts is refused, and what was sent is not read", async () => {
    await using page = await OpenedPage.open();
    const { status, headers } = await page.ask("/", { method: "POST" });
    assert.deepEqual([status, headers["allow"]], [405, "GET, HEAD"]);
    const socket = await page.connect();
    socket.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\nabc");
    const [answer] = await once(socket, "data");
    assert.match(String(answer), /^HTTP\/1\.1 200 .*\r\nConnection: close\r\n/s);
    await once(socket, "close");
  });

  test("refuses names and origins that are not its own, on the wire as in the table", async () => {
    await using page = await OpenedPage.open();
    const ask = (headers: Record<string, string>) => page.ask("/status.json", { headers });
    assert.equal((await ask({ Host: "evil.example" })).status, 421);
    assert.equal((await ask({ Origin: "https://evil.example" })).status, 403);
    assert.equal((await ask({ "Sec-Fetch-Site": "cross-site" })).status, 403);
    const { status, body } = await ask({ Host: `127.0.0.1:${page.port}` });
    assert.deepEqual([status, JSON.parse(body).version], [200, "1.2.3"]);
  });

  test("HEAD answers as GET does, without the body", async () => {
    await using page = await OpenedPage.open();
    const { status, headers, body } = await page.ask("/healthz", { method: "HEAD" });
    assert.deepEqual([status, headers["content-length"], body], [200, "3", ""]);
  });

  test("where others may look, a notice is open for good", async () => {
    await using page = await OpenedPage.open({ isLoopback: false });
    assert.deepEqual(
      page.conditions.list().map(({ condition }) => condition),
      ["statusPageExposed"],
    );
  });
});

describe("[PL8] the page is never in the way of a message", () => {
  test("a port that is taken is told, and tried until it is free", async () => {
    const port = await freePort();
    const other = createServer().listen(port, "127.0.0.1");
    await once(other, "listening");
    await using page = await OpenedPage.open({ port, clock: new FastClock(1_000) });
    const [only] = page.conditions.list();
    assert.equal(only?.condition, "statusPageClosed");
    assert.partialDeepStrictEqual(only?.facts, { port, sysCode: "EADDRINUSE" });
    other.close();
    await until("it is open", () => page.logged.includes("statusPageOpened"));
    assert.deepEqual(page.conditions.list(), []);
    assert.equal((await page.ask("/healthz")).status, 200);
    assert.equal(page.logged.filter((event) => event === "statusPageClosed").length, 1);
  });

  test("above a rate requests are refused without work, and a second later answered again", async () => {
    const clock = new ManualClock();
    await using page = await OpenedPage.open({ clock });
    const answers = [];
    for (let count = 0; count < STATUS_REQUESTS_PER_SECOND + 5; count++) {
      answers.push((await page.ask("/page.css")).status);
    }
    assert.deepEqual(answers.slice(-6), [200, 429, 429, 429, 429, 429]);
    clock.advance(1_000);
    assert.equal((await page.ask("/page.css")).status, 200);
  });

  test("connections are bounded: one too many is hung up on, and a place that is free is given again", async () => {
    await using page = await OpenedPage.open();
    const sockets: Socket[] = [];
    for (let count = 0; count < STATUS_CONNECTIONS_MAX_COUNT; count++) {
      sockets.push(await page.connect());
    }
    const oneMore = await page.connect();
    await once(oneMore, "close");
    for (const socket of sockets) socket.destroy();
    await until("there is room", async () => {
      return await page.ask("/healthz").then(
        ({ status }) => status === 200,
        () => false,
      );
    });
  });

  test("whoever opens a connection and does not finish a question is hung up on after 10 s", async () => {
    await using page = await OpenedPage.open();
    const [silent, slow] = [await page.connect(), await page.connect()];
    slow.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    silent.resume();
    slow.resume();
    await Promise.all([once(silent, "close"), once(slow, "close")]);
  });

  test("a browser too many is not told when to look, and reloads instead", async () => {
    await using page = await OpenedPage.open();
    using watching = new Watching(page.port);
    for (let count = 0; count < STATUS_WATCHERS_MAX_COUNT; count++) await watching.add();
    assert.match(watching.heard, /^retry: 5000\ndata: look\n\n/);
    assert.equal((await page.ask("/events")).status, 503);
    assert.equal((await page.ask("/")).status, 200);
    watching.dropOne();
    await until("a place is free", async () => (await watching.add()) === 200);
  });

  test("a store that hangs leaves the page and its health in 2 s, and says so", async () => {
    const clock = new FastClock(50);
    await using page = await OpenedPage.open({ clock });
    assert.equal((await page.ask("/healthz")).status, 200);
    const hung = Promise.withResolvers<ReturnType<typeof agentStatus>>();
    page.status = () => hung.promise;
    await until("it is noticed", async () => (await page.ask("/healthz")).status === 503);
    assert.equal((await page.ask("/healthz")).body, "storeSilent\n");
    assert.match((await page.ask("/")).body, /what you see is old/);
    hung.resolve(agentStatus());
    await until("it is well", async () => (await page.ask("/healthz")).status === 200);
  });

  test("a page that cannot be made is a 500 of its own, is logged, and ends nothing", async () => {
    const broken = channelStatus({ counters: { received: -1 } });
    await using page = await OpenedPage.open({ status: { channels: [broken] } });
    const { status, body } = await page.ask("/metrics");
    assert.equal(status, 500);
    assert.match(body, /holdfast status/);
    assert.ok(page.logged.includes("statusPageFailed"));
    assert.equal((await page.ask("/healthz")).status, 200);
  });
});

describe("/healthz", () => {
  for (const [what, change, expected] of [
    ["all is well", {}, "200 ok"],
    [
      "the receiver is away: messages are accepted all the same",
      alarmed("tunnelDown", ""),
      "200 ok",
    ],
    ["a folder is away", alarmed("folderUnreachable", "files"), "200 ok"],
    ["the store cannot store", alarmed("storeFailing", ""), "503 storeFailing"],
    ["the disk is full", alarmed("diskLow", ""), "503 diskLow"],
    ["a port is closed", { channels: [channelStatus({ listening: false })] }, "503 listenerClosed"],
    [
      "a channel that was taken out is none of it",
      { channels: [channelStatus({ listening: false, configured: false })] },
      "200 ok",
    ],
  ] as const) {
    test(`[PL7] ${expected} where ${what}`, async () => {
      await using page = await OpenedPage.open({ status: change });
      const { status, body } = await page.ask("/healthz");
      assert.equal(`${status} ${body.trim()}`, expected);
    });
  }
});

/** Browsers that listen to `/events`. */
class Watching implements Disposable {
  readonly #port: number;
  readonly #open: IncomingMessage[] = [];
  heard = "";

  constructor(port: number) {
    this.#port = port;
  }

  async add(): Promise<number | undefined> {
    const agent = new Connections({ keepAlive: false });
    const asked = get({ host: "127.0.0.1", port: this.#port, path: "/events", agent });
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    response.on("error", () => {});
    if (response.statusCode === 200) {
      this.#open.push(response);
      const [first] = await once(response, "data");
      this.heard += String(first);
    } else response.resume();
    return response.statusCode;
  }

  dropOne(): void {
    this.#open.pop()?.destroy();
  }

  [Symbol.dispose](): void {
    for (const response of this.#open) response.destroy();
  }
}
