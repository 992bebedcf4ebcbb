import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { secretsFrom, signatureOf, webhookId } from "#receiver/outlets/webhook-signature.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < text.length; from += size) {
    yield new Uint8Array(Buffer.from(text.slice(from, from + size)));
  }
}

const decoded = (secret: string) => secretsFrom(secret) ?? assert.fail();

test("[06 12] a signature is that of the example of Standard Webhooks, however the body is cut", async () => {
  const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  for (const size of [1, 7, 1_000]) {
    const body = inPieces('{"test": 2432232314}', size);
    assert.equal(
      await signatureOf(decoded(SECRET), id, 1_614_265_330, body),
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  }
});

test("[06 12] while a secret is replaced both sign", async () => {
  const other = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  const both = await signatureOf(decoded(`${SECRET}\r\n\n${other}\n`), "m", 1, inPieces("x", 1));
  const one = await signatureOf(decoded(SECRET), "m", 1, inPieces("x", 1));
  const two = await signatureOf(decoded(other), "m", 1, inPieces("x", 1));
  assert.equal(both, `${one} ${two}`);
});

test("[06 12] openssl computes the same signature", async (t) => {
  if (spawnSync("openssl", ["version"]).status !== 0) return t.skip("openssl is missing");
  const key = Buffer.from(SECRET.slice(6), "base64").toString("hex");
  const args = ["dgst", "-sha256", "-mac", "HMAC", "-macopt", `hexkey:${key}`, "-binary"];
  const { stdout } = spawnSync("openssl", args, { input: "msg_1.17.MSH|^~\\&|" });
  const ours = await signatureOf(decoded(SECRET), "msg_1", 17, inPieces("MSH|^~\\&|", 4));
  assert.equal(ours, `v1,${stdout.toString("base64")}`);
});

test("[06 12] what is no secret of 24 to 64 bytes is refused", () => {
  const ofBytes = (count: number) => `whsec_${Buffer.alloc(count, 1).toString("base64")}`;
  for (const text of ["", "\n", "secret", "whsec_", "whsec_!!!!", ofBytes(23), ofBytes(65)]) {
    assert.equal(secretsFrom(text), undefined, text);
  }
  assert.equal(secretsFrom(`${SECRET}\nsecret`), undefined);
  for (const count of [24, 64]) assert.equal(secretsFrom(ofBytes(count))?.[0]?.length, count);
});

test("[06 12] the id of an event is that of its identity, and of nothing else", () => {
  const event = {
    kind: "gap",
    agent: "north/ward-1",
    channel: "adt",
    epoch: 1n,
    end: { epoch: 1n, seq: 12n },
    firstSeq: 10n,
    lastSeq: 12n,
    reason: "damaged",
    recordedAtMs: 1,
  } as const;
  const id = webhookId(event);
  assert.match(id, /^msg_[0-9a-f]{64}$/);
  assert.equal(webhookId({ ...event, recordedAtMs: 2 }), id);
  const others = [
    { ...event, channel: "oru" },
    { ...event, agent: "north/ward-2" },
    { ...event, end: { epoch: 11n, seq: 2n } },
  ];
  for (const other of others) assert.notEqual(webhookId(other), id);
});
