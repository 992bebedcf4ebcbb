/** Enrolment against a small receiver that was written from the specification. @module */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import type { AgentError } from "#agent/errors.ts";
import { systemClock } from "#agent/host/clock.ts";
import { type Enrolled, type EnrolmentStep, enroll } from "#agent/identity/enrolment.ts";
import { openProxy } from "#agent/tunnel/proxy.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { POLL_MS } from "#certs/exchange.ts";
import { parseToken } from "#certs/token.ts";
import { signDocument } from "#documents/sign.ts";
import { connectProxy } from "#test/support/connect-proxy.ts";
import { DoorReceiver } from "#test/support/door-receiver.ts";
import { StateFolder } from "#test/support/identity-folder.ts";
import { until } from "#test/support/processes.ts";
import { ANCHOR, KEYS, role, trust } from "#test/support/signed-documents.ts";
import { StubPort, tls } from "#test/support/stub-port.ts";
import { createTestCa } from "#test/support/test-certificates.ts";

/** Asks again at once, in place of after five seconds. */
const QUICK_POLLS: typeof systemClock = {
  ...systemClock,
  after: (delayMs, act) => systemClock.after(delayMs === POLL_MS ? 10 : delayMs, act),
};

interface Asked {
  readonly token: string;
  readonly url: URL;
  readonly state: StateFolder;
  readonly anchor?: typeof ANCHOR;
  readonly hospitalKeys?: readonly Uint8Array[];
  readonly proxyUrl?: string;
  readonly clock?: typeof systemClock;
  readonly steps?: EnrolmentStep[];
  readonly signal?: AbortSignal;
}

function enrolled({
  token: text,
  url,
  state,
  anchor = ANCHOR,
  hospitalKeys = [],
  steps = [],
  ...more
}: Asked): Promise<Enrolled> {
  const parsed = parseToken(text);
  assert.ok(parsed.kind === "token");
  const { clock = systemClock, signal = new AbortController().signal, proxyUrl } = more;
  const proxy = proxyUrl === undefined ? undefined : openProxy({ url: proxyUrl });
  const way = { receiverUrl: url, proxy, clock, signal };
  const onStep = (step: EnrolmentStep): void => void steps.push(step);
  const parts = { token: parsed.token, way, store: state.store(), anchor, hospitalKeys, onStep };
  return enroll(parts);
}

async function refusal(asked: Asked): Promise<AgentError> {
  const error = await enrolled(asked).then(
    () => undefined,
    (cause: AgentError) => cause,
  );
  assert.ok(error !== undefined, "it was not refused");
  return error;
}

describe("enrolment", () => {
  test("[EN1, EN3, EN4, EN5, EN8] a token becomes a whole slot, and nothing is named current yet", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    const steps: EnrolmentStep[] = [];
    const result = await enrolled({ token: doors.token(), url: doors.url, state, steps });
    assert.deepEqual(doors.requests, ["POST /v1/enroll"]);
    assert.deepEqual(
      steps.map(({ step }) => step),
      ["found"],
    );
    const store = state.store();
    assert.equal(store.enrolled?.name, result.slot.name);
    assert.equal(store.current, undefined);
    const identity = result.slot.load();
    assert.equal(identity.receiverCaPem, doors.caPem);
    assert.deepEqual(
      [identity.tenant, identity.agent, identity.generation],
      ["north", "ward-1", 1],
    );
    assert.equal(identity.serialHex, doors.agents.get("ward-1")?.current);
    assert.deepEqual([result.trust.version, result.trust.issuedAt], [1, "2026-01-01T00:00:00Z"]);
    assert.match(result.trust.digest, /^[0-9a-f]{64}$/);
  });

  test("[EN6, EN7] until a person confirms it asks again with the same request, and shows the vendor's code", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    doors.isConfirmed = false;
    const steps: EnrolmentStep[] = [];
    const pending = enrolled({
      token: doors.token(),
      url: doors.url,
      state,
      steps,
      clock: QUICK_POLLS,
    });
    await until("the code is shown", () => steps.some(({ step }) => step === "waiting"));
    const waiting = steps.find((step) => step.step === "waiting");
    assert.deepEqual([...doors.codes], [waiting?.code]);
    doors.isConfirmed = true;
    await pending;
    assert.equal(doors.codes.size, 1, "every request was the same claim");
    assert.ok(doors.requests.length > 1);
  });

  test("[EN6] a reply that was lost: the next try has the same keys, and the same certificate comes", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    const token = doors.token();
    doors.alter = () => "lost";
    assert.equal((await refusal({ token, url: doors.url, state })).code, "TUNNEL_UNREACHABLE");
    doors.alter = (_path, answer) => answer;
    const { slot } = await enrolled({ token, url: doors.url, state });
    assert.equal(slot.load().serialHex, doors.agents.get("ward-1")?.current);
    // Another machine with the same token.
    using other = new StateFolder();
    const { code, facts } = await refusal({ token, url: doors.url, state: other });
    assert.deepEqual([code, facts["code"]], ["ENROLL_REFUSED", "TOKEN_USED"]);
  });

  test("[EN5] the token's seed is in no request", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    await using port = await StubPort.open(
      tls(doors.shown, (socket) => void socket.once("data", () => socket.end())),
    );
    const token = doors.token("ward-1", { url: `https://127.0.0.1:${port.url.port}` });
    await refusal({ token, url: port.url, state });
    const sent = Buffer.concat(port.decrypted).toString("latin1");
    assert.match(sent, /^POST \/v1\/enroll HTTP/);
    const parsed = parseToken(token);
    assert.ok(parsed.kind === "token");
    const seed = Buffer.from(parsed.token.seed);
    for (const form of ["hex", "base64", "base64url"] as const) {
      assert.equal(sent.includes(seed.toString(form)), false);
    }
  });

  test("[EN1] a token for another host than receiver.url is refused before a connection", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    const { code } = await refusal({
      ...{ token: doors.token(), state },
      url: new URL("wss://gateway.example.org"),
    });
    assert.equal(code, "TOKEN_OTHER_HOST");
    assert.equal(doors.tunnels.socketCount, 0);
  });

  test("[EN1] a clock past the token's end is a warning: the receiver decides", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    const steps: EnrolmentStep[] = [];
    const token = doors.token("ward-1", { expires: "2026-01-01T00:00:00Z" });
    await enrolled({ token, url: doors.url, state, steps });
    assert.deepEqual(steps[0], { step: "late", expires: "2026-01-01T00:00:00Z" });
  });

  test("[EN2, I07] through an interceptor it stops at the look: no application byte, no key was made", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    const inspector = await createDevelopmentCa("Ward Firewall");
    const shown = await inspector.issueServer(["127.0.0.1"]);
    const certificatePem = `${shown.certificatePem}${inspector.certificatePem}`;
    await using port = await StubPort.open(tls({ ...shown, certificatePem }));
    const token = doors.token("ward-1", { url: `https://127.0.0.1:${port.url.port}` });
    const { code, facts } = await refusal({ token, url: port.url, state });
    assert.deepEqual([code, facts["issuer"]], ["TUNNEL_INTERCEPTED", "Ward_Firewall"]);
    assert.deepEqual(port.decrypted, []);
    assert.equal(port.count, 1);
    assert.deepEqual(readdirSync(state.path), []);
  });

  test("[EN3, I07] an interceptor with a CA of the same name, which sends the receiver's along, passes the look and hears nothing", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    // OpenSSL links by name: the leaf seems to be issued by the certificate behind it.
    const { subject } = new X509Certificate(doors.caPem);
    const namesake = await createTestCa(subject.replace(/^CN=/, ""));
    const leaf = await namesake.issueClient([{ CN: ["127.0.0.1"] }], { dns: ["127.0.0.1"] });
    const shown = { ...leaf, serialHex: "", certificatePem: leaf.certificatePem + doors.caPem };
    await using port = await StubPort.open(
      tls(shown, (socket) => void socket.once("data", () => socket.end())),
    );
    const token = doors.token("ward-1", { url: `https://127.0.0.1:${port.url.port}` });
    const steps: EnrolmentStep[] = [];
    const { code } = await refusal({ token, url: port.url, state, steps });
    assert.deepEqual(
      steps.map(({ step }) => step),
      ["found"],
    );
    assert.equal(code, "TUNNEL_INTERCEPTED");
    assert.deepEqual(port.decrypted, []);
  });

  test("[EN2] [07 1.10] it goes through the hospital's proxy", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    const requests: string[] = [];
    await using proxy = await StubPort.open(connectProxy({ requests }));
    const proxyUrl = `http://127.0.0.1:${proxy.url.port}`;
    await enrolled({ token: doors.token(), url: doors.url, state, proxyUrl });
    assert.equal(requests.length, 2);
    for (const one of requests) assert.match(one, new RegExp(`^CONNECT ${doors.url.host} `));
  });

  for (const reason of [
    "TOKEN_UNKNOWN",
    "TOKEN_EXPIRED",
    "TOKEN_LOCKED",
    "SIGNATURE",
    "CSR_REFUSED",
  ]) {
    test(`[EN6] the receiver's ${reason} is said as it is`, async () => {
      await using doors = await DoorReceiver.open();
      using state = new StateFolder();
      doors.alter = () => ({ status: reason === "CSR_REFUSED" ? 400 : 401, body: { reason } });
      const { code, facts } = await refusal({ token: doors.token(), url: doors.url, state });
      assert.deepEqual([code, facts["code"]], ["ENROLL_REFUSED", reason]);
    });
  }

  test("[EN6] a reason that is not known, and an answer that is none, are not repeated", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    const url = doors.url;
    doors.alter = () => ({ status: 401, body: { reason: "Müller" } });
    const { facts } = await refusal({ token: doors.token(), url, state });
    assert.equal(facts["code"], "REFUSED");
    for (const answer of [
      { status: 200, body: {} },
      { status: 202, body: { state: "done" } },
      { status: 302, body: {} },
      { status: 200, body: { certificate: "x", trustChain: [], serverTime: "now" } },
    ]) {
      doors.alter = () => answer;
      assert.equal(
        (await refusal({ token: doors.token(), url, state })).code,
        "TUNNEL_NOT_A_RECEIVER",
      );
    }
  });

  test("[EN8] a certificate that is not this agent's, or not by the profile, is refused", async () => {
    await using doors = await DoorReceiver.open();
    for (const [issue, flaw] of [
      [{ tenant: "south" }, "otherName"],
      [{ notAfter: new Date(Date.now() + 40 * 86_400_000) }, "validity"],
    ] as const) {
      using state = new StateFolder();
      doors.issue = issue;
      const { code, facts } = await refusal({ token: doors.token(), url: doors.url, state });
      assert.deepEqual([code, facts["flaw"]], ["IDENTITY_ANSWER", flaw]);
      assert.equal(state.store().enrolled, undefined);
    }
  });

  test("[EN8] [07 2.6] a trust chain that does not begin at the anchor is refused, with why", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    const strangers = role(KEYS.hospital, 2);
    const signed = (document: object, keys = KEYS.trust.slice(0, 2)) => [
      JSON.parse(
        Buffer.from(
          signDocument(
            "trust",
            document,
            keys.map((one) => one.privateKey),
          ),
        ).toString(),
      ),
    ];
    const codeWith = async (chain: readonly object[], anchor = ANCHOR) => {
      doors.trustChain = chain;
      const { code, facts } = await refusal({
        token: doors.token(),
        url: doors.url,
        state,
        anchor,
      });
      assert.equal(code, "ENROLL_TRUST");
      return facts["code"];
    };
    const good = doors.trustChain;
    assert.equal(await codeWith(good, strangers), "SIGNATURES");
    assert.equal(await codeWith([]), "EMPTY");
    assert.equal(await codeWith(signed(trust({ tenant: "south" }))), "WRONG_RECIPIENT");
    assert.equal(await codeWith(signed(trust(), KEYS.trust.slice(0, 1))), "SIGNATURES");
    assert.equal(await codeWith(signed(trust())), "CA_NOT_LISTED");
    assert.equal(state.store().enrolled, undefined);
  });

  test("[EN8] [VT3] [U32] a trust document that names a hospital key is refused at enrolment, too", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    const asked = { url: doors.url, state, hospitalKeys: [KEYS.hospital[0].raw, KEYS.head[0].raw] };
    const { code, facts } = await refusal({ ...asked, token: doors.token() });
    assert.deepEqual([code, facts["code"]], ["ENROLL_TRUST", "BAD_TRUST"]);
    assert.equal(state.store().enrolled, undefined);
    const others = { ...asked, hospitalKeys: KEYS.hospital.map(({ raw }) => raw) };
    assert.equal((await enrolled({ ...others, token: doors.token() })).trust.version, 1);
  });

  test("[EN7] whoever waits for a person is not sent away by a short outage, and can give up", async () => {
    await using doors = await DoorReceiver.open();
    using state = new StateFolder();
    doors.isConfirmed = false;
    const steps: EnrolmentStep[] = [];
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const pending = enrolled({
      token: doors.token(),
      url: doors.url,
      state,
      steps,
      clock: QUICK_POLLS,
      signal,
    });
    await until("the code is shown", () => steps.some(({ step }) => step === "waiting"));
    doors.alter = () => "lost";
    await until("an outage is told", () => steps.some(({ step }) => step === "interrupted"));
    giveUp.abort();
    await assert.rejects(pending);
  });
});
