/** Renewal and recovery as the running agent does them, with time in the hand. @module */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { remedyFor } from "#agent/tunnel/refusal-reasons.ts";
import { DAY_MS, HOUR_MS, KeptIdentity } from "#test/support/kept-identity.ts";

/** A folder where a file would be written: for who runs as root, the nearest thing to a full disk. */
class InTheWay implements Disposable {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(path);
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

const RENEWAL = ["POST /v1/renew/nonce", "POST /v1/renew"];

describe("renewal", () => {
  test("[N2, N3, N5, N6, N7] with a third left it renews; welcomed, the new one is in use, the old one goes a day later", async () => {
    await using kept = await KeptIdentity.open();
    const before = kept.shown;
    assert.equal(kept.dial(), "");
    kept.clock.advance(19 * DAY_MS);
    await kept.settled();
    assert.deepEqual(kept.doors.requests, []);
    kept.clock.advance(1.1 * DAY_MS);
    await kept.settled();
    assert.deepEqual(kept.doors.requests, RENEWAL);
    assert.ok(kept.reconnects > 0);
    assert.notEqual(kept.shown, before);
    assert.equal(
      kept.store.current?.load().serialHex,
      before,
      "nothing is in use before a welcome",
    );
    assert.equal(kept.dial(), "");
    assert.equal(kept.store.current?.load().serialHex, kept.shown);
    assert.equal(kept.store.current?.load().generation, 2);
    const prev = kept.store.prev?.name ?? "";
    assert.equal(kept.store.prev?.load().serialHex, before);
    kept.clock.advance(0.9 * DAY_MS);
    assert.ok(existsSync(join(kept.state.identity, prev)));
    kept.clock.advance(0.2 * DAY_MS);
    assert.equal(existsSync(join(kept.state.identity, prev)), false);
    assert.equal(kept.store.prev, undefined);
    assert.deepEqual(kept.conditions.list(), []);
  });

  test("[07 1.6] up to twelve hours later by chance", async () => {
    await using kept = await KeptIdentity.open();
    kept.chance = 0.999;
    kept.restart();
    kept.clock.advance(20.2 * DAY_MS);
    await kept.settled();
    assert.deepEqual(kept.doors.requests, []);
    kept.clock.advance(0.4 * DAY_MS);
    await kept.settled();
    assert.deepEqual(kept.doors.requests, RENEWAL);
  });

  test("[I17] [07 1.10] a clock that is set while it runs changes nothing; the receiver's is what counts", async () => {
    await using kept = await KeptIdentity.open();
    kept.dial();
    kept.clock.wrongMs = 25 * DAY_MS;
    kept.clock.advance(2 * HOUR_MS);
    await kept.settled();
    assert.deepEqual(kept.doors.requests, [], "a jump of 25 days is no reason to renew");
    assert.equal(kept.isOpen("renewalOverdue"), false);
    kept.clock.wrongMs = -400 * DAY_MS;
    kept.clock.advance(21 * DAY_MS);
    await kept.settled();
    assert.deepEqual(kept.doors.requests, RENEWAL);
  });

  test("[I17] [07 1.10] an agent whose clock is years behind renews by the receiver's time", async () => {
    await using kept = await KeptIdentity.open();
    kept.clock.wrongMs = -700 * DAY_MS;
    kept.restart();
    kept.aheadMs = 21 * DAY_MS;
    assert.equal(kept.dial(), "");
    kept.clock.advance(HOUR_MS);
    await kept.settled();
    assert.deepEqual(kept.doors.requests, RENEWAL);
  });

  test("[I09, N4] the reply is lost: the next try has the same request, and the same certificate comes", async () => {
    await using kept = await KeptIdentity.open();
    kept.doors.alter = (path, answer) => (path === "/v1/renew" ? "lost" : answer);
    await assert.rejects(kept.keeper.renewNow(), { code: "TUNNEL_UNREACHABLE" });
    assert.equal(kept.codeOf("renewalFailing"), "TUNNEL_UNREACHABLE");
    const issued = kept.doors.agents.get("ward-1")?.next;
    assert.equal(kept.dial(), "", "the old one goes on working");
    kept.restart();
    kept.doors.alter = (_path, answer) => answer;
    await kept.keeper.renewNow();
    assert.equal(kept.shown, issued);
    assert.equal(kept.dial(), "");
    assert.equal(kept.doors.agents.get("ward-1")?.generation, 2);
    assert.deepEqual(kept.conditions.list(), []);
  });

  test("[N7] a whole next is shown first at the start; refused, what is current is, at once", async () => {
    await using kept = await KeptIdentity.open();
    const before = kept.shown;
    await kept.keeper.renewNow();
    kept.restart();
    const after = kept.shown;
    assert.notEqual(after, before);
    kept.doors.refusals.push("AGENT_LOCKED");
    assert.equal(kept.dial(), "AGENT_LOCKED");
    assert.equal(kept.shown, before);
    kept.doors.refusals.push("AGENT_LOCKED");
    assert.equal(kept.dial(), "AGENT_LOCKED");
    assert.equal(kept.shown, after, "both were refused: from the beginning");
  });

  test("[N7] CERT_SUPERSEDED while the old one is shown: the new one at once", async () => {
    await using kept = await KeptIdentity.open();
    const before = kept.keeper.identity();
    await kept.keeper.renewNow();
    // The receiver has seen the new one already, and this process does not know: it crashed before N6.
    assert.equal(kept.keeper.refused(before, "CERT_SUPERSEDED", undefined), true);
    assert.notEqual(kept.shown, before.serialHex);
    assert.equal(kept.dial(), "");
  });

  test("[N6] a receiver that was restored does not know what it issued: it is asked for again with the same key", async () => {
    await using kept = await KeptIdentity.open();
    const known = kept.doors.agents.get("ward-1");
    assert.ok(known !== undefined);
    await kept.keeper.renewNow();
    const lost = kept.shown;
    Object.assign(known, { next: undefined, generation: 1, last: undefined });
    assert.equal(kept.dial(), "CERT_SUPERSEDED");
    assert.equal(kept.dial(), "");
    assert.ok(kept.logged.includes("identityDropped"));
    kept.clock.advance(2 * HOUR_MS);
    await kept.settled();
    assert.notEqual(kept.shown, lost);
    assert.equal(kept.dial(), "");
    assert.equal(known.generation, 2);
  });

  test("[I09] a disk that is full at N1: the old one goes on, an alarm opens, and it is tried again", async () => {
    await using kept = await KeptIdentity.open();
    const before = kept.shown;
    using _full = new InTheWay(join(kept.state.identity, "slots.json.new"));
    kept.clock.advance(20.5 * DAY_MS);
    await kept.settled();
    assert.deepEqual(kept.doors.requests, [], "no key that may be lost is certified");
    assert.equal(kept.codeOf("renewalFailing"), "IDENTITY_NOT_WRITABLE");
    assert.equal(kept.shown, before);
    assert.equal(kept.dial(), "");
    _full[Symbol.dispose]();
    kept.clock.advance(2 * HOUR_MS);
    await kept.settled();
    assert.equal(kept.dial(), "");
    assert.notEqual(kept.shown, before);
    assert.deepEqual(kept.conditions.list(), []);
  });

  test("[I09] a disk that is full at N5: the certificate comes again", async () => {
    await using kept = await KeptIdentity.open();
    const before = kept.shown;
    kept.doors.alter = (path, answer) => (path === "/v1/renew" ? "lost" : answer);
    await assert.rejects(kept.keeper.renewNow());
    kept.doors.alter = (_path, answer) => answer;
    const next = kept.store.next?.name ?? "";
    for (const file of ["chain.pem", "receiver-ca.pem", "trust.json", "meta.json"]) {
      using _full = new InTheWay(join(kept.state.identity, next, `${file}.new`));
      await assert.rejects(kept.keeper.renewNow(), { code: "IDENTITY_NOT_WRITABLE" });
      kept.restart();
      assert.equal(kept.shown, before);
      assert.equal(kept.dial(), "");
    }
    await kept.keeper.renewNow();
    assert.equal(kept.dial(), "");
    assert.equal(
      kept.doors.agents.get("ward-1")?.generation,
      2,
      "one certificate, again and again",
    );
  });

  test("[I09] a disk that is full at N6: the new one is in use all the same, here and after a restart", async () => {
    await using kept = await KeptIdentity.open();
    await kept.keeper.renewNow();
    const after = kept.shown;
    const full = new InTheWay(join(kept.state.identity, "slots.json.new"));
    const { reconnects } = kept;
    assert.equal(kept.dial(), "");
    assert.equal(kept.codeOf("renewalFailing"), "IDENTITY_NOT_WRITABLE");
    kept.clock.advance(3 * HOUR_MS);
    assert.equal(
      kept.reconnects,
      reconnects,
      "it is connected with the new one: nothing to dial for",
    );
    assert.equal(kept.shown, after);
    kept.restart();
    assert.equal(kept.shown, after);
    assert.equal(kept.dial(), "");
    full[Symbol.dispose]();
    kept.clock.advance(2 * HOUR_MS);
    assert.equal(kept.store.current?.load().serialHex, after);
    assert.deepEqual(kept.conditions.list(), []);
  });

  test("[N5] an answer that does not fit is not taken, and the old one goes on", async () => {
    await using kept = await KeptIdentity.open();
    for (const [change, flaw] of [
      [{ generation: 7 }, "generation"],
      [{ certificate: kept.doors.caPem }, "otherKey"],
    ] as const) {
      kept.doors.alter = (path, answer) =>
        path === "/v1/renew" ? { ...answer, body: { ...answer.body, ...change } } : answer;
      const error = await kept.keeper.renewNow().catch((cause: unknown) => cause);
      assert.deepEqual(
        [(error as { code: string }).code, (error as { facts: { flaw: string } }).facts.flaw],
        ["IDENTITY_ANSWER", flaw],
      );
      assert.equal(kept.dial(), "");
    }
  });

  test("[07 1.6] several who ask at once get one renewal", async () => {
    await using kept = await KeptIdentity.open();
    await Promise.all([kept.keeper.renewNow(), kept.keeper.renewNow(), kept.keeper.renewNow()]);
    assert.deepEqual(kept.doors.requests, RENEWAL);
  });

  test("[08 PL10] not renewed, seven days before the end an alarm opens, and closes when it is", async () => {
    await using kept = await KeptIdentity.open();
    kept.dial();
    for (let n = 0; n < 500; n++) kept.doors.refusals.push("AGENT_LOCKED");
    kept.clock.advance(20.1 * DAY_MS);
    await kept.settled();
    assert.equal(kept.codeOf("renewalFailing"), "AGENT_LOCKED");
    assert.equal(kept.isOpen("renewalOverdue"), false);
    for (let day = 0; day < 4; day++) {
      kept.clock.advance(DAY_MS);
      await kept.settled();
    }
    assert.equal(kept.isOpen("renewalOverdue"), true);
    kept.doors.refusals.length = 0;
    await kept.keeper.renewNow();
    kept.dial();
    assert.deepEqual(kept.conditions.list(), []);
  });

  test("[07 1.6] a renewal that fails is tried again after a minute, then ever later, up to an hour", async () => {
    await using kept = await KeptIdentity.open();
    kept.doors.alter = () => ({ status: 500, body: {} });
    kept.clock.advance(20.1 * DAY_MS);
    await kept.settled();
    const atMs: number[] = [];
    const startMs = kept.clock.monotonicMs();
    let seen = kept.doors.requests.length;
    while (kept.clock.monotonicMs() - startMs < 4 * HOUR_MS) {
      kept.clock.advance(15_000);
      await kept.settled();
      if (kept.doors.requests.length > seen) atMs.push(kept.clock.monotonicMs() - startMs);
      seen = kept.doors.requests.length;
    }
    const waits = atMs.map((at, index) => at - (atMs[index - 1] ?? 0));
    assert.ok((waits[0] ?? 0) <= 60_000, String(waits));
    for (const wait of waits) assert.ok(wait <= HOUR_MS + 15_000, String(waits));
    assert.ok(waits.length >= 6 && waits.length <= 20, String(waits));
  });
});

describe("recovery", () => {
  const ENDED = {
    notBefore: new Date(Date.now() - 31 * DAY_MS),
    notAfter: new Date(Date.now() - DAY_MS),
  };

  test("[I11] [07 1.6] expired while it was off: refused, it renews by itself at the same door", async () => {
    await using kept = await KeptIdentity.open(ENDED);
    await kept.settled();
    // Its own clock says so already.
    kept.dial();
    await kept.settled();
    assert.equal(kept.doors.requests.filter((one) => one === "POST /v1/renew").length, 1);
    assert.equal(kept.dial(), "");
    assert.equal(kept.store.current?.load().generation, 2);
    const isRecovery = (event: string): boolean => /^identityRe/.test(event);
    assert.deepEqual(kept.logged.filter(isRecovery), ["identityRecovered"]);
    await kept.keeper.renewNow();
    const names = ["identityRecovered", "identityRenewed"];
    assert.deepEqual(kept.logged.filter(isRecovery), names, "before its end it is none");
  });

  test("[I11] [07 1.6] RECOVERY_REFUSED says that a new token is needed; reset by a person, it recovers", async () => {
    await using kept = await KeptIdentity.open(ENDED);
    kept.doors.refusals.push(...Array<string>(200).fill("RECOVERY_REFUSED"));
    kept.restart();
    kept.clock.advance(1);
    await kept.settled();
    assert.equal(kept.codeOf("renewalFailing"), "RECOVERY_REFUSED");
    const { lastError } = kept.keeper.standing;
    assert.ok(lastError !== undefined);
    assert.match(remedyFor(lastError), /new enrolment token, then: holdfast enroll/);
    const asked = kept.doors.requests.length;
    for (let hour = 0; hour < 24; hour++) {
      kept.clock.advance(HOUR_MS);
      await kept.settled();
    }
    const tries = kept.doors.requests.length - asked;
    assert.ok(tries >= 12 && tries <= 48, `${tries} tries in a day`);
    kept.doors.refusals.length = 0;
    kept.clock.advance(HOUR_MS);
    await kept.settled();
    assert.equal(kept.dial(), "");
    assert.equal(kept.isOpen("renewalFailing"), false);
  });

  test("[N6] the newest one ended before it was ever welcomed: recovery goes on from it", async () => {
    await using kept = await KeptIdentity.open();
    kept.doors.issue = ENDED;
    await kept.keeper.renewNow();
    kept.doors.issue = {};
    assert.equal(kept.dial(), "CERT_HAS_EXPIRED");
    assert.equal(kept.store.current?.load().generation, 2);
    await kept.settled();
    assert.equal(kept.dial(), "");
    assert.equal(kept.store.current?.load().generation, 3);
  });
});

describe("starting", () => {
  test("[07 1.2] a next that is damaged does not matter while current works, and the other way round", async () => {
    await using kept = await KeptIdentity.open();
    const before = kept.shown;
    await kept.keeper.renewNow();
    const [current, next] = [kept.store.current?.name ?? "", kept.store.next?.name ?? ""];
    const file = (slot: string): string => join(kept.state.identity, slot, "chain.pem");
    writeFileSync(file(next), "nonsense");
    kept.restart();
    assert.equal(kept.shown, before);
    assert.ok(kept.logged.includes("identityDamaged IDENTITY_DAMAGED"));
    rmSync(file(current));
    assert.throws(() => kept.restart(), { code: "IDENTITY_DAMAGED", exit: 78 });
  });

  test("[EN9] what was enrolled since, and not taken over, is shown first", async () => {
    await using kept = await KeptIdentity.open();
    const before = kept.shown;
    const other = kept.store.beginEnrolment("cd".repeat(16));
    const chainPem = await kept.doors.authority.issue(other.keys.tls, {
      ...{ trustDomain: "holdfast.local", tenant: "north", agent: "ward-1" },
    });
    const content = kept.store.current?.load();
    assert.ok(content !== undefined);
    const { serialOf, firstOf } = await import("#certs/profile.ts");
    const certificate = firstOf(chainPem);
    assert.ok(certificate !== undefined);
    const serialHex = serialOf(certificate);
    other.slot.complete({ ...content, chainPem, serialHex, generation: 1 });
    kept.restart();
    assert.equal(kept.shown, serialHex);
    assert.equal(kept.store.next?.name, other.slot.name);
    assert.equal(kept.store.current?.load().serialHex, before);
  });
});
