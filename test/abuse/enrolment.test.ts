/** Attacks on enrolment, at a real receiver (07 section 4). */
import "#certs/reflect-metadata.ts";
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { BasicConstraintsExtension, SubjectAlternativeNameExtension } from "@peculiar/x509";
import { readProfile } from "#certs/agent-profile.ts";
import { ed25519Raw } from "#certs/ed25519.ts";
import { base64Of, ENROLL_PATH, REQUEST_MAX_BYTES } from "#certs/exchange.ts";
import { parseToken, tokenKey } from "#certs/token.ts";
import { enrolmentTranscript } from "#certs/transcripts.ts";
import { Applicant, EnrollingFolder, post } from "../receiver/support/enrolling-folder.ts";
import { knock } from "../receiver/support/knock.ts";
import { DAY_MS, ShiftedClock } from "../receiver/support/shifted-clock.ts";

const folder = await EnrollingFolder.create();
const receiver = await folder.open();
const { port } = receiver.address;
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

let agentCount = 0;
const newName = (): string => {
  agentCount += 1;
  return `north/ward-${agentCount}`;
};
const applicantOf = async (name: string): Promise<Applicant> =>
  Applicant.create(port, await folder.token(name));

describe("a token", () => {
  test("[EN6] [EN7] [EN8] is claimed, confirmed by a person, and gives a certificate of the profile", async () => {
    const name = newName();
    const applicant = await applicantOf(name);
    for (let i = 0; i < 3; i++) {
      const waiting = await applicant.enrol();
      assert.deepEqual([waiting.status, waiting.json["state"]], [202, "waiting"]);
    }
    await folder.confirm(name, applicant.code);
    const { status, json } = await applicant.enrol();
    assert.equal(status, 200);
    assert.deepEqual(json["trustChain"], []);
    assert.ok(Math.abs(Date.parse(String(json["serverTime"])) - Date.now()) < 60_000);
    const named = { trustDomain: "holdfast.local", tenant: "north", agent: name.slice(6) };
    assert.deepEqual(readProfile(applicant.certificate), { kind: "fits", ...named });
    assert.equal((await knock(port, applicant.identity)).status, 101);
    // A lost reply: the same again, and nobody else.
    const certificatePem = applicant.certificatePem;
    assert.equal((await applicant.enrol()).json["certificate"], certificatePem);
  });

  test("[I06] fifty machines claim one token at once: one waits, 49 hear TOKEN_USED", async () => {
    const name = newName();
    const token = await folder.token(name);
    const machines = await Promise.all(
      Array.from({ length: 50 }, () => Applicant.create(port, token)),
    );
    const replies = await Promise.all(machines.map((machine) => outcomeOf(machine)));
    const waiting = machines.filter((_, index) => replies[index] === "waiting");
    assert.equal(waiting.length, 1);
    assert.equal(replies.filter((reply) => reply === "TOKEN_USED").length, 49);
    await folder.confirm(name, waiting[0]?.code ?? "");
    // Each of fifty polls of the one is answered with the one certificate.
    const polls = Array.from({ length: 50 }, () => outcomeOf(waiting[0]));
    assert.equal(new Set(await Promise.all(polls)).size, 1);
    assert.match(String(await polls[0]), /^-----BEGIN CERTIFICATE/);
  });

  test("[I06] the sixth try after five bad signatures is locked, for whoever has the token, too", async () => {
    const name = newName();
    const applicant = await applicantOf(name);
    const { privateKey } = generateKeyPairSync("ed25519");
    const foreign = base64Of(sign(null, Buffer.from("something else"), privateKey));
    for (let tries = 0; tries < 5; tries++) {
      const part = tries % 2 === 0 ? "tokenSignature" : "deviceSignature";
      assert.equal(await outcomeOf(applicant, { [part]: foreign }), "SIGNATURE", `try ${tries}`);
    }
    assert.equal(await outcomeOf(applicant, { tokenSignature: foreign }), "TOKEN_LOCKED");
    assert.equal(await outcomeOf(applicant), "TOKEN_LOCKED");
    // A new token is a new beginning.
    assert.equal(await outcomeOf(await applicantOf(name)), "waiting");
  });

  test("[I06] four bad signatures do not lock, and a typing error costs none", async () => {
    const applicant = await applicantOf(newName());
    const wrong = { tokenSignature: base64Of(new Uint8Array(64)) };
    for (let tries = 0; tries < 4; tries++) await outcomeOf(applicant, wrong);
    // A letter of a token that was typed wrong is found where it is typed, and asks nobody.
    assert.deepEqual(parseToken("holdfast1.abc.00000000"), { kind: "refused", why: "mistyped" });
    assert.equal(await outcomeOf(applicant, { tokenId: "0".repeat(32) }), "TOKEN_UNKNOWN");
    assert.equal((await post(port, ENROLL_PATH, "{")).status, 400);
    assert.equal(await outcomeOf(applicant), "waiting");
  });

  test("[I06] an expired token is refused, and not confirmed; one confirmed in time is enrolled", async () => {
    using own = await EnrollingFolder.create();
    const clock = new ShiftedClock();
    await using served = await own.open({ clock });
    const at = served.address.port;
    const late = await Applicant.create(at, await own.token("north/late"));
    assert.equal(await outcomeOf(late), "waiting");
    const inTime = await Applicant.create(at, await own.token("north/in-time"));
    await outcomeOf(inTime);
    await own.confirm("north/in-time", inTime.code);
    clock.aheadMs = DAY_MS + 1_000;
    assert.equal(await outcomeOf(late), "TOKEN_EXPIRED");
    assert.match(await outcomeOf(inTime), /^-----BEGIN/);
  });

  test("[I06] a stranger cannot spend the tries of a token that is claimed", async () => {
    const name = newName();
    const token = await folder.token(name);
    const applicant = await Applicant.create(port, token);
    assert.equal(await outcomeOf(applicant), "waiting");
    const stranger = await Applicant.create(port, token);
    const wrong = { tokenSignature: base64Of(new Uint8Array(64)) };
    for (let tries = 0; tries < 6; tries++) {
      assert.equal(await outcomeOf(stranger, wrong), "TOKEN_USED");
    }
    assert.equal(await outcomeOf(applicant), "waiting");
  });

  test("[I06] a token of another tenant, or of another name, is the token of its own name", async () => {
    const [one, other] = [newName(), newName()];
    const applicant = await applicantOf(one);
    const elsewhere = await applicantOf(other);
    // Signed with the one token, under the id of the other.
    const mixed = { tokenId: elsewhere.token.tokenId };
    assert.equal(await outcomeOf(applicant, mixed), "SIGNATURE");
    assert.equal(await outcomeOf(elsewhere), "waiting");
    await folder.confirm(other, elsewhere.code);
    await outcomeOf(elsewhere);
    assert.equal(elsewhere.certificate.subject, `CN=${other.slice(6)}`);
  });

  test("[EN7] another code confirms nothing, and is told apart from nobody who waits", async () => {
    const name = newName();
    await assert.rejects(folder.confirm(name, "000000"), { code: "AGENT_UNKNOWN" });
    const applicant = await applicantOf(name);
    await assert.rejects(folder.confirm(name, applicant.code), { code: "CONFIRM_NOTHING" });
    await outcomeOf(applicant);
    const wrong = String((Number(applicant.code) + 1) % 1_000_000).padStart(6, "0");
    await assert.rejects(folder.confirm(name, wrong), { code: "CONFIRM_CODE" });
    assert.equal(await outcomeOf(applicant), "waiting");
    await folder.confirm(name, applicant.code);
    await folder.confirm(name, applicant.code);
    assert.match(String(await outcomeOf(applicant)), /^-----BEGIN/);
    await assert.rejects(folder.confirm(name, applicant.code), { code: "CONFIRM_NOTHING" });
  });

  test("[I21] the receiver's state folder holds nothing with which one could enrol", async () => {
    const name = newName();
    const token = await folder.token(name);
    const secrets = [Buffer.from(token.seed), Buffer.from(token.seed).toString("base64url")];
    const texts = [Buffer.from(token.seed).toString("hex"), ...secrets];
    for (const file of readdirSync(folder.stateDir)) {
      if (file === "control.sock") continue;
      const bytes = readFileSync(join(folder.stateDir, file));
      for (const secret of texts) assert.ok(!bytes.includes(secret), file);
    }
    // What is there, the public key of the token, signs nothing.
    const stolen = await Applicant.create(port, { ...token, seed: ed25519Raw(tokenKey(token)) });
    assert.equal(await outcomeOf(stolen), "SIGNATURE");
  });

  test("[I08] a device key of small order, and one that did not sign, are refused", async () => {
    const applicant = await applicantOf(newName());
    const { tokenId } = applicant.token;
    const small = new Uint8Array(32).fill(0, 1);
    small[0] = 1;
    const claim = { tokenId, csr: applicant.request.der, devicePublicKey: small };
    const transcript = enrolmentTranscript(claim);
    // R = the neutral element, S = 0 verifies for any message under a lax verifier.
    const forged = base64Of(Buffer.concat([small, new Uint8Array(32)]));
    const tokenSignature = base64Of(sign(null, transcript, tokenKey(applicant.token)));
    const asked = { deviceKey: base64Of(small), tokenSignature, deviceSignature: forged };
    assert.equal(await outcomeOf(applicant, asked), "SIGNATURE");
    const other = ed25519Raw(generateKeyPairSync("ed25519").publicKey);
    assert.equal(await outcomeOf(applicant, { deviceKey: base64Of(other) }), "SIGNATURE");
  });

  test("[I08] a request that is refused claims nothing, and one with other names gets the profile", async () => {
    const name = newName();
    const token = await folder.token(name);
    for (const options of [
      { algorithm: "RSA-1024" as const },
      { algorithm: "P-384" as const },
      { extensions: [new BasicConstraintsExtension(true, 0, true)] },
    ]) {
      const machine = await Applicant.create(port, token, options);
      assert.equal(await outcomeOf(machine), "CSR_REFUSED");
    }
    const machine = await Applicant.create(port, token, {
      subject: "CN=ward-99, O=Elsewhere",
      extensions: [
        new SubjectAlternativeNameExtension([
          { type: "url", value: "spiffe://holdfast.local/tenant/south/agent/ward-99" },
        ]),
      ],
    });
    assert.equal(await outcomeOf(machine), "waiting");
    await folder.confirm(name, machine.code);
    await outcomeOf(machine);
    const profile = readProfile(machine.certificate);
    assert.ok(profile.kind === "fits");
    assert.deepEqual([profile.tenant, profile.agent], ["north", name.slice(6)]);
  });

  test("[G7] a device key, or an agent, that was denied does not come back by a new token", async () => {
    const name = newName();
    const applicant = await folder.enrol(port, name);
    await folder.deny(name, { deviceKey: true });
    const again = await applicantOf(name);
    Object.assign(again, { device: applicant.device });
    assert.equal(await outcomeOf(again), "TOKEN_LOCKED");
    const fresh = await applicantOf(name);
    await folder.deny(name);
    assert.equal(await outcomeOf(fresh), "TOKEN_LOCKED");
    await assert.rejects(folder.token(name), { code: "AGENT_DENIED" });
    await folder.deny(name, { undo: true });
    assert.equal(await outcomeOf(fresh), "waiting");
  });
});

describe("the enrolment door", () => {
  test("[07 1.8] takes POST alone, 64 KiB, and ten requests a minute from an address", async () => {
    using own = await EnrollingFolder.create();
    await using served = await own.open();
    const at = served.address.port;
    assert.equal((await knock(at, undefined, { path: ENROLL_PATH, headers: {} })).status, 403);
    assert.equal((await post(at, `${ENROLL_PATH}/x`, {})).status, 403);
    assert.equal((await post(at, ENROLL_PATH, "x".repeat(REQUEST_MAX_BYTES + 1))).status, 413);
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) statuses.push((await post(at, ENROLL_PATH, "{}")).status);
    assert.deepEqual(statuses, [...Array(9).fill(400), 429, 429]);
    const { reason, headers } = await post(at, ENROLL_PATH, "{}");
    assert.equal(reason, "RATE");
    assert.match(headers["holdfast-time"]?.toString() ?? "", /^\d{4}-\d\d-\d\dT/);
  });

  test("[EN7] an agent that waits, and asks every 5 s, is not limited", async () => {
    using own = await EnrollingFolder.create();
    await using served = await own.open();
    const machine = await Applicant.create(served.address.port, await own.token("north/w"));
    machine.from = "127.0.0.1";
    for (let i = 0; i < 30; i++) assert.equal((await machine.enrol()).status, 202);
  });

  test("[07 1.8] a receiver without enrolment has no such doors", async () => {
    using own = await EnrollingFolder.create();
    own.write("receiver.yaml", readFileSync(own.config, "utf8").replace(/^enrolment: .*$/m, ""));
    await using served = await own.open();
    assert.equal((await post(served.address.port, ENROLL_PATH, "{}")).status, 403);
    await assert.rejects(own.token("north/w"), { code: "ENROLMENT_OFF" });
  });
});

/** `waiting`, the reason of a refusal, or a certificate. */
async function outcomeOf(
  applicant: Applicant | undefined,
  changed: Parameters<Applicant["enrol"]>[0] = {},
): Promise<string> {
  assert.ok(applicant !== undefined);
  const { status, json, reason } = await applicant.enrol(changed);
  if (status === 200) return String(json["certificate"]);
  return status === 202 ? "waiting" : (reason ?? `${status}`);
}
