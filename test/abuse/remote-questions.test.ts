/** 08 9, D01 to D03, D05 and more: who tries to ask what he may not. Each refusal has its code, is recorded, and runs nothing. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Answered } from "#agent/control/answer.ts";
import { NONCES_MAX_COUNT } from "#agent/outbox/trust/trust-messages.ts";
import { formatTime } from "#documents/time.ts";
import { ControlBench } from "#test/support/control-bench.ts";
import { until } from "#test/support/processes.ts";
import { changed, KEYS } from "#test/support/signed-documents.ts";

const MINUTE_MS = 60_000;
const refused = (code: string, result = "refused"): string =>
  `${result} ${JSON.stringify({ refused: code })}`;

describe("a question that must not be answered", () => {
  test("[D01] [VM1, VM2] unsigned, by another key, expired, a day long, for another agent, post-dated: each its code", async () => {
    await using bench = await ControlBench.open({ rate: 1_000 });
    const nowMs = bench.clock.nowMs();
    const at = (minutes: number): string => formatTime(nowMs + minutes * MINUTE_MS);
    const question = bench.question();
    const unsigned = changed(bench.signed(question), (json) => {
      json.signatures = [];
    });
    assert.equal(await bench.ask(question, unsigned), refused("MALFORMED"), "unsigned");
    const byConfig = bench.signed(question, KEYS.config.slice(0, 2));
    assert.equal(await bench.ask(question, byConfig), refused("SIGNATURES"), "config keys");
    const asConfig = changed(bench.signed(question), (json) => {
      json.payloadType = "application/vnd.holdfast.config.v1+json";
    });
    assert.equal(await bench.ask(question, asConfig), refused("WRONG_TYPE"), "relabelled");
    const cases = {
      expired: [{ issuedAt: at(-10), expires: at(0) }, refused("EXPIRED", "expired")],
      "a day long": [{ expires: at(24 * 60) }, refused("LIFETIME")],
      "another agent": [{ agent: "ward-2" }, refused("WRONG_RECIPIENT")],
      "another tenant": [{ tenant: "south" }, refused("WRONG_RECIPIENT")],
      "post-dated": [{ issuedAt: at(11), expires: at(20) }, refused("FUTURE")],
    } as const;
    for (const [name, [change, answer]] of Object.entries(cases)) {
      assert.equal(await bench.ask(bench.question(change)), answer, name);
    }
    const replayed = bench.question();
    assert.match(await bench.ask(replayed), /^done /);
    await bench.control.done(Buffer.from(replayed.nonce, "hex"));
    assert.equal(await bench.ask(replayed), refused("REPLAY"), "replayed");
    assert.deepEqual(bench.ran, ["status.get"], "nothing but that one was run");
    const refusals = (await bench.recorded()).filter((one) => one.includes("question.refused"));
    assert.equal(refusals.length, 9);
    assert.ok(
      refusals.includes("receiver question.refused SIGNATURES"),
      "nobody's name is believed",
    );
    assert.ok(refusals.includes("engineer question.refused LIFETIME"));
  });

  test("[D01] [TP36] a frame that calls one question by the id of another is refused", async () => {
    await using bench = await ControlBench.open();
    const envelope = bench.signed(bench.question());
    assert.equal(await bench.askAs(new Uint8Array(16), envelope), refused("MALFORMED"));
    assert.deepEqual(bench.ran, []);
  });

  test("[D02] [VM4] what is not in the compiled list, or has other arguments, is refused, whatever it is called", async () => {
    await using bench = await ControlBench.open({ rate: 1_000 });
    const names = ["shell.exec", "constructor", "toString", "__proto__", "status", "STATUS.GET"];
    for (const op of names) {
      assert.equal(await bench.ask(bench.question({ op })), refused("OP_NOT_ALLOWED"), op);
    }
    for (const args of [{ path: "/etc/passwd" }, { sql: "SELECT 1" }, { constructor: {} }]) {
      const question = bench.question({ args });
      assert.equal(await bench.ask(question), refused("OP_NOT_ALLOWED"), Object.keys(args)[0]);
    }
    assert.deepEqual(bench.ran, []);
  });

  test("[D03] [VM3] a full store of nonces refuses and forgets none; a crash between two uses changes nothing", async () => {
    await using bench = await ControlBench.open({ rate: 1_000 });
    const first = bench.question();
    assert.match(await bench.ask(first), /^done /);
    await bench.control.done(Buffer.from(first.nonce, "hex"));
    await bench.crash();
    assert.equal(await bench.ask(first), refused("REPLAY"));
    const otherBytes = { ...first, ticket: "T-9" };
    assert.equal(await bench.ask(otherBytes), refused("REPLAY"), "the nonce counts, not the bytes");
    const expiresMs = bench.clock.nowMs() + 60 * MINUTE_MS;
    const nonces = Array.from({ length: NONCES_MAX_COUNT - 1 }, (_, index) => {
      const nonce = new Uint8Array(16);
      new DataView(nonce.buffer).setUint32(0, index + 1);
      return { nonce, expiresMs };
    });
    await fill(bench, nonces);
    assert.equal(await bench.ask(bench.question()), refused("BUSY", "busy"));
    const { trust } = bench.made.outbox;
    assert.equal(await trust.hasNonce(Buffer.from(first.nonce, "hex")), true);
    assert.deepEqual(bench.ran, ["status.get"]);
  });

  test("[D05] [VM5] above the consent, and with support off, nothing is answered, counters included", async () => {
    await using bench = await ControlBench.open({ rate: 1_000 });
    bench.consent.turnOff();
    assert.equal(await bench.ask(bench.question()), refused("SUPPORT_OFF"));
    await bench.crash();
    assert.equal(await bench.ask(bench.question()), refused("SUPPORT_OFF"), "after a restart, too");
    bench.consent.turnOn();
    assert.match(await bench.ask(bench.question()), /^done /);
    assert.deepEqual(bench.ran, ["status.get"]);
  });

  test("[D05] policy.support.enabled: false is off for good, and no switch at the machine is above it", async () => {
    await using bench = await ControlBench.open({ support: { enabled: false } });
    bench.consent.turnOn();
    assert.equal(await bench.ask(bench.question()), refused("SUPPORT_OFF"));
  });

  test("[D05] [08 4.3] support off ends what is being answered at once, and nothing of it leaves", async () => {
    const begun = Promise.withResolvers<void>();
    const hung = (): Promise<Answered> => {
      begun.resolve();
      return new Promise(() => {});
    };
    await using bench = await ControlBench.open({ run: hung });
    const asked = bench.ask(bench.question());
    await begun.promise;
    bench.consent.turnOff();
    bench.control.recheck();
    assert.equal(await asked, refused("SUPPORT_OFF"));
    assert.ok((await bench.recorded()).includes("engineer question.failed status.get"));
  });

  test("[D08] [08 4.4] one at a time, ten a minute, thirty seconds each", async () => {
    let release: (() => void) | undefined;
    const slow = async (): Promise<Answered> => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return { kind: "facts", answer: { well: true } };
    };
    await using bench = await ControlBench.open({ run: slow });
    const first = bench.ask(bench.question());
    await until("it runs", () => release !== undefined);
    assert.equal(await bench.ask(bench.question()), refused("RATE", "busy"), "one at a time");
    release?.();
    assert.match(await first, /^done /);
    for (let count = 2; count < 10; count++) {
      const asked = bench.ask(bench.question());
      await until("it runs", () => bench.ran.length === count);
      release?.();
      assert.match(await asked, /^done /);
    }
    assert.equal(await bench.ask(bench.question()), refused("RATE", "busy"), "ten a minute");
    bench.clock.advance(MINUTE_MS);
    const late = bench.ask(bench.question());
    await until("it runs", () => bench.ran.length === 10);
    bench.clock.advance(30_000);
    assert.equal(await late, `failed ${JSON.stringify({ failed: "QUESTION_TIMEOUT" })}`);
  });

  test("[A04] [X9] where the audit takes no entry nothing is run and nothing leaves", async () => {
    await using bench = await ControlBench.open();
    const { trust } = bench.made.outbox;
    const commit = trust.commit.bind(trust);
    Object.assign(trust, { commit: () => Promise.reject(new Error("the disk is full")) });
    const question = bench.question();
    assert.equal(await bench.ask(question), refused("AUDIT"));
    Object.assign(trust, { commit });
    assert.deepEqual(bench.ran, []);
    assert.match(await bench.ask(question), /^done /, "it was not used up");
  });
});

describe("an answer on its way", () => {
  test("[TP36] the same bytes again are told the same answer, also after a crash, until the receiver has it", async () => {
    await using bench = await ControlBench.open();
    const question = bench.question();
    const answer = await bench.ask(question);
    assert.equal(await bench.ask(question), answer);
    await bench.crash();
    await bench.control.connected();
    assert.deepEqual(bench.told.at(-1)?.id, question.nonce);
    assert.equal(await bench.ask(question), answer);
    assert.deepEqual(bench.ran, ["status.get"], "once");
    await bench.control.done(Buffer.from(question.nonce, "hex"));
    const { length } = bench.told;
    await bench.control.connected();
    assert.equal(bench.told.length, length);
  });

  test("[TP36] a question that a crash cut off is told as such, and never run again", async () => {
    const hung = (): Promise<Answered> => new Promise(() => {});
    await using bench = await ControlBench.open({ run: hung });
    const question = bench.question();
    const id = Buffer.from(question.nonce, "hex");
    await bench.control.asked({ id, document: bench.signed(question) });
    assert.deepEqual(bench.ran, ["status.get"]);
    await bench.crash();
    await bench.control.connected();
    const { result, said } = bench.told.at(-1) ?? {};
    assert.deepEqual([result, said], ["failed", '{"failed":"QUESTION_INTERRUPTED"}']);
    assert.deepEqual(bench.ran, ["status.get"]);
  });

  test("[08 4.4] what leaves is stored and recorded by its digest before it leaves", async () => {
    const large = { kind: "facts", answer: new Array(9_000).fill(7) } as const;
    const atSending: string[] = [];
    let bench: ControlBench | undefined;
    const sendLarge = async () => {
      const copies = (await bench?.made.outbox.support.owed(9)) ?? [];
      atSending.push(...copies.map(({ bytes }) => String(bytes > 16_384)));
      atSending.push(...((await bench?.recorded()) ?? []));
      return { epoch: 1n, seq: 7n };
    };
    await using open = await ControlBench.open({ run: async () => large, sendLarge });
    bench = open;
    assert.match(await open.ask(open.question()), /^done \{"bytes":\d+,"sha256":"[0-9a-f]{64}"\}$/);
    assert.deepEqual(atSending, [
      "true",
      "engineer question.accepted status.get",
      "engineer question.answered status.get",
    ]);
  });
});

/** As that many commands would. */
async function fill(
  bench: ControlBench,
  nonces: readonly { readonly nonce: Uint8Array; readonly expiresMs: number }[],
): Promise<void> {
  const actor = { kind: "system", id: "test" } as const;
  await bench.audit.record([{ actor, action: "test.filled" }], { nonces: { add: nonces } });
}
