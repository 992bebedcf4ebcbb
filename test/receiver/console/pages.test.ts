/** The console as a browser asks it, over real sockets: who gets in, who may what, and what nobody sees. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { after, before, describe, test } from "node:test";
import { type ACTIONS, may, ROLES, type Role } from "#receiver/console/roles.ts";
import { until } from "#test/support/processes.ts";
import {
  AGENT,
  type Answered,
  type Browser,
  CANARY,
  CONTROL_ID,
  ConsoleStage,
  FORM,
} from "../support/console-stage.ts";
import type { PlayedAgent } from "../support/played-agent.ts";

const PAGES = ["/", `/agents/${AGENT}`, `/hours/${AGENT}`, "/people"] as const;

describe("the console", () => {
  let stage: ConsoleStage;
  let agent: PlayedAgent;
  const browsers = new Map<Role, Browser>();
  const as = (role: Role): Browser => browsers.get(role) ?? assert.fail(role);
  before(async () => {
    stage = await ConsoleStage.open({ more: "questions: onePerson" });
    agent = await stage.populate();
    for (const role of ROLES) browsers.set(role, await stage.enter(role, `Of ${role}`));
    await stage.settled(as("viewer"));
  });
  after(() => stage?.[Symbol.asyncDispose]());

  const log = async (): Promise<string> => (await as("administrator").get("/log")).body;

  test("[01 Receive] without a session there is nothing but the way in", async () => {
    for (const path of [
      ...PAGES,
      "/log",
      "/look-up",
      "/questions",
      "/nothing",
      `/waits/${AGENT}`,
    ]) {
      for (const cookie of [
        "",
        "holdfast=",
        `holdfast=${"a".repeat(43)}`,
        "holdfast=a; holdfast=b",
      ]) {
        const { status, body } = await stage.ask(path, { headers: { Cookie: cookie } });
        assert.equal(status, 403, path);
        assert.doesNotMatch(body, /ward|clinic/);
      }
    }
  });

  test("[01 Receive] each role may what the table says, and nothing else", async () => {
    const key = "0".repeat(32);
    const asks: Record<keyof typeof ACTIONS, (browser: Browser) => Promise<Answered>> = {
      view: (browser) => browser.get("/"),
      lookUp: (browser) => browser.post("/look-up", { controlId: "X", agent: AGENT, hours: "1" }),
      readAnswer: (browser) => browser.get("/questions"),
      propose: (browser) => browser.post("/questions", { document: "no document" }),
      decide: (browser) => browser.post("/questions/decide", { key, decision: "send" }),
      readLog: (browser) => browser.get("/log"),
      endSession: (browser) => browser.post("/sessions/end", { key }),
    };
    for (const role of ROLES) {
      for (const [action, ask] of Object.entries(asks)) {
        const { status, body } = await ask(as(role));
        const isRefused = status === 403 && body.includes("Not for your role");
        assert.equal(isRefused, !may(role, action as keyof typeof ACTIONS), `${role} ${action}`);
      }
    }
    const found = await log();
    assert.match(
      found,
      /Of viewer \(by link\) <span class="small">viewer<\/span><\/td><td>refused/,
    );
  });

  test("[01 Receive] a form without its token, of another session or of another page changes nothing", async () => {
    const victim = await stage.enter("viewer", "Victim");
    const { body: people } = await as("administrator").get("/people");
    const [, key = ""] =
      /value="([0-9a-f]{64})"><button class="plain">Sign out Victim/.exec(people) ?? [];
    assert.notEqual(key, "");
    const end = (fields: object, headers: Record<string, string> = {}) =>
      as("administrator").post("/sessions/end", { key, ...fields }, headers);
    const other = await as("support").token();
    for (const token of ["", "x", other]) assert.equal((await end({ token })).status, 403);
    for (const Origin of ["https://evil.example", "null", "http://127.0.0.1:1"]) {
      assert.equal((await end({}, { Origin })).status, 403);
    }
    assert.equal((await end({}, { "Sec-Fetch-Site": "cross-site" })).status, 403);
    assert.equal((await end({}, { Host: "evil.example" })).status, 421);
    assert.equal((await end({}, { "Content-Type": "text/plain" })).status, 415);
    assert.equal((await victim.get("/people")).status, 200);
    assert.equal((await end({})).status, 303);
    assert.equal((await victim.get("/people")).status, 403);
  });

  test("[01 Receive] every answer forbids what a page of ours does not need", async () => {
    for (const path of [...PAGES, "/page.css", "/nothing"]) {
      const { headers } = await as("viewer").get(path);
      const policy = String(headers["content-security-policy"]);
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
      assert.match(policy, /form-action 'self'; frame-ancestors 'none'$/);
      assert.doesNotMatch(policy, /unsafe|\*|data:/);
      assert.deepEqual(
        [headers["cache-control"], headers["x-content-type-options"], headers["referrer-policy"]],
        ["no-store", "nosniff", "same-origin"],
      );
    }
    for (const path of PAGES) {
      const { body } = await as("administrator").get(path);
      assert.doesNotMatch(body, /\son\w+=|<style|style=|<script>|javascript:|https?:\/\//, path);
    }
  });

  test("[01 Receive] too much of a form is refused", async () => {
    const { cookie } = as("support");
    const headers = { Cookie: cookie, Origin: stage.origin, "Content-Type": FORM };
    const body = `document=${"a".repeat(200_000)}`;
    const large = await stage.ask("/questions", { method: "POST", headers, body });
    assert.equal(large.status, 413);
    const parts = { ...headers, "Content-Type": "multipart/form-data; boundary=b" };
    const other = await stage.ask("/questions", { method: "POST", headers: parts, body: "--b--" });
    assert.equal(other.status, 415);
    const own = { Origin: stage.origin, "Content-Type": FORM };
    const link = { method: "POST", headers: own, body: `link=${"a".repeat(1_024)}` };
    assert.equal((await stage.ask("/enter", link)).status, 413);
  });

  test("[01 Receive] of whom nobody knows no form is read", async () => {
    const headers = { Origin: stage.origin, "Content-Type": FORM, "Content-Length": 60_000 };
    const options = { host: "127.0.0.1", port: stage.port, path: "/questions", method: "POST" };
    const asked = request({ ...options, headers, agent: false });
    asked.on("error", () => undefined);
    asked.flushHeaders();
    // Answered before the form has come, which never comes.
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    assert.deepEqual([answer.statusCode, answer.headers["connection"]], [403, "close"]);
    asked.destroy();
  });

  test("[01 Receive] the fleet says what is wrong, since when, whose it is and what to do", async () => {
    const { body } = await as("viewer").get("/");
    assert.match(body, /<title>1 of 4 in trouble|<title>2 of 4 in trouble/);
    const headline = body.slice(body.indexOf('class="headline'), body.indexOf("</section>"));
    for (const word of [AGENT, "adt", "Since", "hospital IT", "docs/runbooks/queue-age.md", "Do"]) {
      assert.ok(headline.includes(word), word);
    }
    const names = [...body.matchAll(/<a href="\/agents\/([\w/-]+)">/g)].map(([, name]) => name);
    assert.equal(names[0], AGENT);
    assert.equal(names.length, 4);
    const { body: filtered } = await as("viewer").get("/?filter=south");
    assert.doesNotMatch(filtered.slice(filtered.indexOf('class="fleet"')), /ward/);
    const { body: hostile } = await as("viewer").get(
      `/?filter=${encodeURIComponent('"><script>')}`,
    );
    assert.doesNotMatch(hostile, /"><script>/);
  });

  test("[01 Receive] a message is found by its control id, which is kept nowhere", async () => {
    const ask = { agent: AGENT, hours: "24", controlId: CONTROL_ID };
    const { status, body } = await as("support").post("/look-up", ask);
    assert.equal(status, 200);
    assert.match(body, /2 found/);
    assert.match(body, /from the hospital, 1\/7/);
    assert.match(body, /to the hospital, 1\/1/);
    const missed = await as("support").post("/look-up", { ...ask, controlId: "<b>nobody" });
    assert.match(missed.body, /Not here/);
    assert.match(missed.body, /&lt;b&gt;nobody/);
    const found = await log();
    assert.match(found, /looked up/);
    assert.doesNotMatch(found, new RegExp(`${CONTROL_ID}|nobody`));
    assert.doesNotMatch(stage.logText, new RegExp(CONTROL_ID));
  });

  test("[01 Receive] a question is handed in and sent, and its answer read; with onePerson by one", async () => {
    const author = as("support");
    const handed = await author.post("/questions", { document: stage.question() });
    assert.match(handed.body, /status\.get for north\/ward-1 waits/);
    const { body } = await author.get("/questions");
    const key = /name="key" value="([0-9a-f]{32})"/.exec(body)?.[1] ?? "";
    const other = author;
    const answers = await Promise.all(
      [1, 2].map(() => other.post("/questions/decide", { key, decision: "send" })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 409]);
    const place = String(answers.find(({ status }) => status === 303)?.headers["location"]);
    const { id } = await agent.next("cmd");
    assert.match((await other.get(place)).body, /no answer yet/);
    const said = Buffer.from(JSON.stringify({ counters: { stored: 40 }, hint: "<i>x</i>" }));
    agent.send({ type: "cmdResult", stream: 0, id, result: 0, answer: new Uint8Array(said) });
    await until("the answer is here", async () =>
      (await other.get(place)).body.includes("Answered"),
    );
    const answered = (await other.get(place)).body;
    assert.match(answered, /\n {4}&quot;stored&quot;: 40/);
    const typed = "0123456789abcdef".repeat(2);
    for (const path of [`north/nobody/${typed}`, `${AGENT}/${typed}`]) {
      assert.equal((await other.get(`/answers/${path}`)).status, 400);
    }
    assert.doesNotMatch(await log(), new RegExp(`nobody|${typed}`));
    assert.doesNotMatch(answered, /<i>x/);
    assert.match((await other.get(`/agents/${AGENT}`)).body, /<b>status\.get<\/b> sent/);
    const rejected = await author.post("/questions", { document: stage.question("disk.check") });
    assert.equal(rejected.status, 200);
    const again = /name="key" value="([0-9a-f]{32})"/.exec((await author.get("/questions")).body);
    const back = await author.post("/questions/decide", { key: again?.[1] ?? "", decision: "no" });
    assert.equal(back.status, 303);
    const found = await log();
    for (const deed of [
      "question handed in",
      "question sent",
      "question rejected",
      "answer read",
    ]) {
      assert.ok(found.includes(deed), deed);
    }
    for (const document of ["", "MSH|", stage.question("status.get", { agent: "nobody" })]) {
      assert.equal((await author.post("/questions", { document })).status, 400);
    }
    const patient = { args: { channel: "DOE JANE", seq: 1 } };
    await author.post("/questions", { document: stage.question("channel.hold", patient) });
    const shown = (await author.get("/questions")).body;
    assert.match(shown, /channel \?, seq 1/);
    assert.doesNotMatch(shown, /DOE/);
  });

  test("[PL4, 01 Receive] no page shows a patient: no body, no control id", async () => {
    const pages: string[] = [];
    for (const role of ROLES) {
      const paths = [...PAGES, `/waits/${AGENT}?channel=adt`, "/questions", "/log", "/look-up"];
      for (const path of [...paths, `/hours/${AGENT}?hours=24`, "/agents/north/ward-2"]) {
        const { body, headers } = await as(role).get(path);
        pages.push(body, JSON.stringify(headers));
      }
    }
    assert.match(pages.join(), /"waited":\[/);
    assert.doesNotMatch(pages.join(), new RegExp(`${CANARY}|${CONTROL_ID}`));
    assert.doesNotMatch(stage.logText, new RegExp(CANARY));
  });

  test("[01 Receive] who is signed in and what each did is written down", async () => {
    const found = await log();
    assert.match(
      found,
      /Of support \(by link\) <span class="small">support<\/span><\/td><td>signed in<\/td>/,
    );
    assert.match(found, /viewed<\/td><td>north\/ward-1/);
    const before = (found.match(/<tr>/g) ?? []).length;
    for (let times = 0; times < 3; times++) await as("administrator").get("/people");
    const more = ((await log()).match(/<tr>/g) ?? []).length - before;
    assert.ok(more <= 1, "a page that is looked at all night is one line an hour");
  });
});
