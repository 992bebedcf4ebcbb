/** People who show certificates, over real TLS. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import type { PemPair } from "#test/support/test-certificates.ts";
import { ConsoleStage, cookieOf, type People } from "../support/console-stage.ts";

describe("the console with certificates", () => {
  let stage: ConsoleStage;
  let people: People;
  before(async () => {
    stage = await ConsoleStage.open({ tls: true });
    people = stage.people ?? assert.fail();
  });
  after(() => stage?.[Symbol.asyncDispose]());

  test("[01 Receive] a certificate that the configuration knows lets its person in, with their role", async () => {
    for (const [identity, name, role] of [
      [people.viewer, "Vera", "viewer"] as const,
      [people.support, "Sam", "support"] as const,
      [people.administrator, "Ada", "administrator"] as const,
    ]) {
      const answer = await stage.ask("/people", { identity });
      assert.equal(answer.status, 200);
      const said = `<span><b>${name}</b> <span class="small">${role}</span></span>`;
      assert.ok(answer.body.includes(said), name);
      const cookie = String([answer.headers["set-cookie"]].flat()[0]);
      assert.match(cookie, /^__Host-holdfast=[\w-]{43}; .*HttpOnly; SameSite=Strict; Secure$/);
      const browser = await stage.show(identity);
      const again = await browser.get("/people");
      assert.deepEqual([again.status, again.headers["set-cookie"]], [200, undefined]);
    }
  });

  test("[01 Receive] a foreign page that leads a browser here does nothing in its person's name", async () => {
    const deedsOfVera = async (): Promise<number> => {
      const { body } = await stage.ask("/log", { identity: people.administrator });
      return body.split("Vera").length;
    };
    const path = '/hours/a/b?hours=24&x="><b>';
    const before = await deedsOfVera();
    for (const site of ["cross-site", "same-site"]) {
      const navigated = { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };
      const headers = { "Sec-Fetch-Site": site, ...navigated };
      const { status, body, ...rest } = await stage.ask(path, { identity: people.viewer, headers });
      assert.deepEqual([status, rest.headers["set-cookie"]], [200, undefined]);
      assert.match(body, /<a href="\/hours\/a\/b\?hours=24&amp;x=%22%3E%3Cb%3E">Go on<\/a>/);
    }
    assert.equal(await deedsOfVera(), before);
  });

  test("[01 Receive] no certificate, one that is not known, and one that nobody of ours has issued let nobody in", async () => {
    const unknown = people.other;
    for (const identity of [undefined, people.stranger]) {
      const { status, body, headers } = await stage.ask("/", identity && { identity });
      assert.deepEqual([status, headers["set-cookie"]], [403, undefined]);
      assert.match(body, /You are not signed in/);
    }
    assert.equal((await stage.ask("/", { identity: unknown })).status, 200);
  });

  test("[01 Receive] a session that was begun with a certificate is worth nothing without it", async () => {
    const Cookie = cookieOf(await stage.ask("/", { identity: people.administrator })) ?? "";
    const as = async (identity: PemPair | undefined) =>
      await stage.ask("/log", { headers: { Cookie }, ...(identity && { identity }) });
    assert.equal((await as(people.administrator)).status, 200);
    assert.equal((await as(undefined)).status, 403);
    assert.equal((await as(people.stranger)).status, 403);
    // Somebody else's certificate is somebody else.
    assert.match((await as(people.viewer)).body, /Not for your role/);
  });

  test("[01 Receive] whoever comes without a cookie again and again fills no table", async () => {
    for (let times = 0; times < 12; times++) await stage.ask("/", { identity: people.viewer });
    const { body } = await stage.ask("/people", { identity: people.viewer });
    const section = body.slice(body.indexOf('id="sessions"'));
    assert.equal(section.match(/<b>Vera<\/b>/g)?.length, 8);
  });

  test("[01 Receive] two people ask an agent: the one who handed it in does not send it", async () => {
    const { sam, olga } = {
      sam: await stage.show(people.support),
      olga: await stage.show(people.other),
    };
    await stage.populate();
    await sam.post("/questions", { document: stage.question() });
    const key = /name="key" value="([0-9a-f]{32})"/.exec((await sam.get("/questions")).body)?.[1];
    const decision = { key: key ?? "", decision: "send" };
    const own = await sam.post("/questions/decide", decision);
    assert.deepEqual([own.status, own.body.includes("somebody else sends it")], [403, true]);
    // Both of one name are one person.
    const named = await stage.enter("support", "Sam");
    assert.equal((await named.post("/questions/decide", decision)).status, 403);
    assert.equal((await olga.post("/questions/decide", decision)).status, 303);
    // Whoever comes with links may come with two.
    await named.post("/questions", { document: stage.question("clock.check") });
    const { body } = await olga.get("/questions");
    assert.match(body, /Handed in by Sam \(by link\)/);
    const next = /name="key" value="([0-9a-f]{32})"/.exec(body)?.[1] ?? "";
    const again = { key: next, decision: "send" };
    const other = await stage.enter("support", "Bea");
    assert.equal((await other.post("/questions/decide", again)).status, 403);
    assert.equal((await olga.post("/questions/decide", again)).status, 303);
  });

  test("[01 Receive] a certificate that is over lets nobody in, also on a connection that was there before", async () => {
    const browser = await stage.show(people.viewer);
    stage.clock.aheadMs += 200 * 365 * 86_400_000;
    assert.equal((await browser.get("/people")).status, 403);
    assert.equal((await stage.ask("/people", { identity: people.viewer })).status, 403);
  });
});

test("[01 Receive] strangers are answered once a connection, and do not end that of whoever is on call", async () => {
  await using stage = await ConsoleStage.open({ tls: true, more: "host: 0.0.0.0" });
  const { support } = stage.people ?? assert.fail();
  assert.equal((await stage.ask("/")).headers["connection"], "close");
  const keys = { cert: support.certificatePem, key: support.privateKeyPem, ca: stage.caPem };
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...keys });
  const look = async (): Promise<boolean> => {
    const asked = request(`${stage.origin}/people`, { agent }).end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    assert.equal(answer.statusCode, 200);
    await once(answer.resume(), "close");
    return asked.reusedSocket;
  };
  assert.equal(await look(), false);
  const many = Array.from({ length: 40 }, () => connect(stage.port, "127.0.0.1"));
  for (const socket of many) socket.on("error", () => undefined);
  await Promise.all(many.map((socket) => once(socket, "connect")));
  await stage.ask("/");
  assert.equal(await look(), true);
  for (const socket of many) socket.destroy();
  agent.destroy();
});
