/** Attacks on renewal and recovery, and copies of a machine, at a real receiver (07 section 4). */
import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, webcrypto } from "node:crypto";
import { after, describe, test } from "node:test";
import { readProfile } from "#certs/agent-profile.ts";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { RENEW_NONCE_PATH, RENEW_PATH } from "#certs/exchange.ts";
import {
  createIssuer,
  type Issuer,
  importIssuer,
  issueLeaf,
  P256,
  pkcs8Of,
} from "#certs/issuing.ts";
import { makeRequest } from "#test/support/requests.ts";
import { Applicant, EnrollingFolder, post } from "../receiver/support/enrolling-folder.ts";
import { knock } from "../receiver/support/knock.ts";
import { PlayedAgent } from "../receiver/support/played-agent.ts";
import { DAY_MS, ShiftedClock } from "../receiver/support/shifted-clock.ts";

const folder = await EnrollingFolder.create();
const clock = new ShiftedClock();
const receiver = await folder.open({ clock });
const { port } = receiver.address;
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

let agentCount = 0;
async function enrolled(): Promise<{ readonly name: string; readonly agent: Applicant }> {
  agentCount += 1;
  const name = `north/ward-${agentCount}`;
  return { name, agent: await folder.enrol(port, name) };
}
const logged = (event: string): number =>
  folder.logged.filter((line) => line.event === event).length;

describe("renewal", () => {
  test("[N2] [N3] [N4] gives a certificate of the profile for a new key, and the next generation", async () => {
    const { name, agent } = await enrolled();
    const reply = await agent.renew();
    assert.deepEqual([reply.status, reply.json["generation"]], [200, 2]);
    const before = agent.serialHex;
    agent.adopt(reply);
    assert.notEqual(agent.serialHex, before);
    const profile = readProfile(agent.certificate);
    assert.ok(profile.kind === "fits" && `${profile.tenant}/${profile.agent}` === name);
    assert.ok(agent.certificate.checkPrivateKey(createPrivateKey(agent.request.privateKeyPem)));
    const again = await agent.renew();
    assert.deepEqual([again.status, again.json["generation"]], [200, 3]);
  });

  test("[N4] the same request with its generation is answered the same: a lost reply", async () => {
    const { agent } = await enrolled();
    const made = await makeRequest();
    const first = await agent.renew({ made });
    const second = await agent.renew({ made });
    assert.equal(second.status, 200);
    assert.deepEqual(
      [second.json["certificate"], second.json["generation"]],
      [first.json["certificate"], 2],
    );
  });

  test("[N7] [G6] the old certificate is good until the new one is seen, then it is superseded, with an alarm", async () => {
    const { agent } = await enrolled();
    const { renewed } = await agent.renew();
    assert.equal((await knock(port, agent.identity)).status, 101);
    assert.equal((await knock(port, renewed)).status, 101);
    const alarms = logged("agentSuperseded");
    const answer = await knock(port, agent.identity);
    assert.deepEqual([answer.status, answer.reason], [401, "CERT_SUPERSEDED"]);
    assert.equal(logged("agentSuperseded"), alarms + 1);
    assert.equal((await knock(port, renewed)).status, 101);
  });

  test("[G6] [N2] with a superseded certificate alone nobody keeps the machine from renewing", async () => {
    const { agent } = await enrolled();
    const copied = agent.identity;
    agent.adopt(await agent.renew());
    assert.equal((await knock(port, agent.identity)).status, 101);
    const statuses = new Set<number>();
    for (let times = 0; times < 12; times++) statuses.add((await agent.nonce(copied)).status);
    assert.deepEqual([...statuses], [200, 429]);
    assert.equal((await agent.renew()).status, 200);
  });

  test("[N2] a nonce is good once, for one agent, for five minutes, and the latest counts", async () => {
    const { agent } = await enrolled();
    const other = (await enrolled()).agent;
    const made = await makeRequest();
    const fetch = async (from: Applicant): Promise<string> =>
      String((await from.nonce()).json["nonce"]);
    const ask = async (nonce: string) => {
      const body = await agent.renewRequest(nonce, made);
      return (await post(port, RENEW_PATH, body, { identity: agent.identity })).reason;
    };
    assert.equal(await ask("0".repeat(64)), "NONCE");
    assert.equal(await ask(await fetch(other)), "NONCE");
    const earlier = await fetch(agent);
    const nonce = await fetch(agent);
    assert.equal(await ask(earlier), "NONCE");
    assert.equal(await ask(nonce), undefined);
    assert.equal(await ask(nonce), "NONCE");
    const late = await fetch(agent);
    clock.aheadMs += 300_000;
    assert.equal(await ask(late), "NONCE");
    clock.aheadMs = 0;
  });

  test("[N3] without the device key there is no renewal, and no lock", async () => {
    const { agent } = await enrolled();
    const thief = Object.assign(Object.create(Object.getPrototypeOf(agent)) as Applicant, agent);
    Object.assign(thief, { device: generateKeyPairSync("ed25519").privateKey });
    for (const generation of [1, 7]) {
      assert.equal((await thief.renew({ generation })).reason, "SIGNATURE");
    }
    // What was signed is what is asked.
    const changed = { generation: 0 };
    assert.equal((await agent.renew({ changed })).reason, "SIGNATURE");
    assert.equal((await knock(port, agent.identity)).status, 101);
    assert.equal((await agent.renew()).status, 200);
  });

  test("[I08] a request for another kind of key is refused, and may be asked anew", async () => {
    const { agent } = await enrolled();
    const made = await makeRequest({ algorithm: "P-384" });
    assert.equal((await agent.renew({ made })).reason, "CSR_REFUSED");
    assert.equal((await agent.renew()).status, 200);
  });

  test("[07 1.8] an agent asks the door ten times a minute at most, and POST alone", async () => {
    const { agent } = await enrolled();
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) statuses.push((await agent.nonce()).status);
    assert.deepEqual(statuses, [...Array(10).fill(200), 429]);
    const other = (await enrolled()).agent;
    assert.equal((await other.nonce()).status, 200);
    const { identity } = other;
    assert.equal((await post(port, RENEW_NONCE_PATH, "[]", { identity })).status, 400);
    assert.equal((await knock(port, identity, { path: RENEW_PATH, headers: {} })).status, 403);
  });
});

describe("two machines with one identity", () => {
  test("[I10] of two copies that renew, the second locks both, closes what is open, and raises an alarm", async () => {
    const { name, agent } = await enrolled();
    const copy = Object.assign(Object.create(Object.getPrototypeOf(agent)) as Applicant, agent);
    const first = await agent.renew();
    agent.adopt(first);
    await using live = await PlayedAgent.greet(port, agent.identity);
    const alarms = logged("identityLocked");
    // Its certificate was superseded by the first one's: that alone says it.
    const second = await copy.renew();
    assert.deepEqual([second.status, second.reason], [401, "AGENT_LOCKED"]);
    assert.equal(logged("identityLocked"), alarms + 1);
    assert.equal(await live.closed, 1006);
    for (const { identity } of [agent, copy]) {
      const { reason } = await knock(port, identity);
      assert.ok(reason === "AGENT_LOCKED" || reason === "CERT_SUPERSEDED", reason);
    }
    assert.equal((await knock(port, agent.identity)).reason, "AGENT_LOCKED");
    assert.equal((await agent.renew()).reason, "AGENT_LOCKED");
    await folder.unlock(name);
    assert.equal((await knock(port, agent.identity)).status, 101);
  });

  for (const [what, generation] of [
    ["a used generation with another request", 1],
    ["a generation that was never given", 9],
  ] as const) {
    test(`[I10] [07 1.7] ${what} locks, while the first certificate is still the current one`, async () => {
      const { agent } = await enrolled();
      await agent.renew();
      assert.equal((await agent.renew({ generation })).reason, "AGENT_LOCKED");
      assert.equal((await knock(port, agent.identity)).reason, "AGENT_LOCKED");
    });
  }

  test("[07 1.7] a person lets one machine enrol again: it goes on, and the other is kept out", async () => {
    const { name, agent } = await enrolled();
    await agent.renew();
    await agent.renew({ generation: 9 });
    const fresh = await Applicant.create(port, await folder.token(name));
    await fresh.enrol();
    await using live = await PlayedAgent.connect(port, agent.identity).catch(() => null);
    assert.equal(live, null);
    await folder.confirm(name, fresh.code);
    await fresh.enrol();
    assert.equal((await knock(port, fresh.identity)).status, 101);
    assert.equal((await knock(port, agent.identity)).reason, "CERT_SUPERSEDED");
    // Nor does it lock the new one.
    assert.equal((await agent.renew()).reason, "SIGNATURE");
    assert.equal((await fresh.renew()).status, 200);
  });
});

/** An agent whose certificate ended so many days ago, at a receiver of its own. */
async function expiredFor(days: number, enrolment = "") {
  const own = await EnrollingFolder.create({ enrolment });
  const past = new ShiftedClock(-(30 + days) * DAY_MS);
  const name = "north/ward-1";
  const then = await own.open({ clock: past });
  const agent = await own.enrol(then.address.port, name);
  await then[Symbol.asyncDispose]();
  const now = await own.open();
  Object.assign(agent, { port: now.address.port });
  return {
    ...{ own, name, agent, port: now.address.port },
    async [Symbol.asyncDispose]() {
      await now[Symbol.asyncDispose]();
      own[Symbol.dispose]();
    },
  };
}

describe("an agent that was off for long", () => {
  test("[I11] 89 days after its end a certificate is good for a renewal, and for nothing else", async () => {
    await using place = await expiredFor(89);
    const { agent } = place;
    assert.equal((await knock(place.port, agent.identity)).reason, "CERT_HAS_EXPIRED");
    const reply = await agent.renew();
    assert.equal(reply.status, 200);
    assert.equal((await knock(place.port, reply.renewed)).status, 101);
  });

  test("[I11] 91 days after its end it is refused, with the code that asks for a token", async () => {
    await using place = await expiredFor(91);
    assert.equal((await place.agent.renew()).reason, "RECOVERY_REFUSED");
  });

  test("[I11] recoveries are counted, and a person resets the count", async () => {
    await using place = await expiredFor(10, "recoveryMaxCount: 1");
    const { agent, own, name } = place;
    const made = await makeRequest();
    assert.equal((await agent.renew({ made })).status, 200);
    // The same again is no second one.
    assert.equal((await agent.renew({ made })).status, 200);
    assert.equal((await agent.renew({ generation: 2 })).reason, "RECOVERY_REFUSED");
    await own.resetRecovery(name);
    assert.equal((await agent.renew({ generation: 2 })).status, 200);
  });

  test("[I12] the renewal door is no tunnel", async () => {
    await using place = await expiredFor(10);
    const { identity } = place.agent;
    assert.equal((await knock(place.port, identity, { path: RENEW_PATH })).status, 403);
    assert.equal((await knock(place.port, identity, { path: RENEW_NONCE_PATH })).status, 403);
  });

  test("[I20] an expired certificate is judged in full: purpose, issuer, deny list", async () => {
    await using place = await expiredFor(10);
    const { own, name, agent } = place;
    const ca = own.caFiles;
    const issuer = await importIssuer(ca.certificatePem, createPrivateKey(ca.privateKeyPem));
    const askWith = (identity: IssuedIdentity) => agent.nonce(identity);
    const purpose = await issuedBy(issuer, name, "serverAuth");
    assert.equal((await askWith(purpose)).reason, "CERT_PROFILE");
    const foreign = (await createIssuer("Agents of the test", Date.now())).issuer;
    assert.equal((await askWith(await issuedBy(foreign, name, "clientAuth"))).status, 401);
    assert.equal(
      (await askWith(await issuedBy(foreign, name, "clientAuth"))).reason,
      "CERT_UNKNOWN_CA",
    );
    // In the name of our CA, with its key identifier, and signed by nobody we know.
    const forger: Issuer = { certificate: issuer.certificate, signingKey: foreign.signingKey };
    const forged = await askWith(await issuedBy(forger, name, "clientAuth"));
    assert.deepEqual([forged.status, forged.reason], [401, "CERT_UNKNOWN_CA"]);
    await own.deny(name, { serial: agent.serialHex });
    assert.equal((await askWith(agent.identity)).reason, "CERT_DENIED");
  });
});

/** A certificate that ended ten days ago. */
async function issuedBy(
  issuer: Issuer,
  name: string,
  usage: "clientAuth" | "serverAuth",
): Promise<IssuedIdentity> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  const [tenant = "", agent = ""] = name.split("/");
  const issued = await issueLeaf(issuer, {
    ...{ commonName: agent, usage, publicKey: keys.publicKey },
    names: [{ type: "url", value: `spiffe://holdfast.local/tenant/${tenant}/agent/${agent}` }],
    notBefore: new Date(Date.now() - 40 * DAY_MS),
    notAfter: new Date(Date.now() - 10 * DAY_MS),
  });
  return { ...issued, privateKeyPem: await pkcs8Of(keys.privateKey) };
}
