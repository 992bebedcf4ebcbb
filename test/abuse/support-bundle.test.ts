/** 08 9, D06 and D09: names of patients wherever they can be, and a bundle; what was read is what was sent, and only support can open it. */
import assert from "node:assert/strict";
import { generateKeyPairSync, hash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { agentStatus, until } from "#test/support/processes.ts";
import { ASKED_AGENT, QuestionedPair } from "#test/support/questioned-pair.ts";
import { hitsIn, needlesOf } from "./canaries.ts";

const WORDS = ["Ödipus Kanarienvogel", "KANARIE^GELB", "canary-77112", "Kanari Zeisig"];
const NEEDLES = WORDS.flatMap(needlesOf);
const PROBE = "CANARY-CONTROL-9";

/** Canaries in MSH, PID, NTE, OBX with an embedded document, a Z segment, and what is no message at all. */
const hostile = (): string =>
  [
    `MSH|^~\\&|${WORDS[2]}|${WORDS[2]}|LIS|${WORDS[2]}|20260101||ORU^R01^ORU_R01|${PROBE}|P|2.5.1`,
    `PID|1||${WORDS[2]}||${WORDS[1]}^${WORDS[0]}||19800101|F`,
    `NTE|1||${WORDS[3]}`,
    `OBX|1|ED|PDF||^application^pdf^Base64^${Buffer.from(WORDS[0] ?? "").toString("base64")}`,
    `ZKA|${WORDS[0]}`,
    `${WORDS[1]}|x`,
  ].join("\r");

test("[D06] [D09] [08 5] a bundle has no canary, is what the preview shows, opens with the support key alone, and waits where it must", async () => {
  const support = generateKeyPairSync("x25519");
  const x = support.publicKey.export({ format: "jwk" }).x ?? "";
  const policy = "policy:\n  support: { consentLevel: 1, releaseMode: hold }\n";
  const supportKey = Buffer.from(x, "base64url").toString("hex");
  process.env["HOLDFAST_CANARY"] = WORDS[0];
  await using pair = await QuestionedPair.open(policy, { supportKey }, { files: true });
  await using socket = await MllpSocket.open(pair.pair.mllp.port);
  await socket.send(framed(hostile()));
  await socket.acknowledged(1);
  await socket.send(framed(`${WORDS[0]}\r${WORDS[1]}`));
  await socket.acknowledged(1);
  const drop = pair.pair.folder ?? "";
  writeFileSync(join(drop, `${WORDS[3]}.hl7`), hostile().replace(PROBE, "FILE-1"));
  await until("the file is taken", async () => {
    const { channels } = await agentStatus(pair.pair.agentConfig);
    return channels.some(({ name, lastSeq }) => name === "files" && lastSeq > 0);
  });

  const shape = pair.answer<{ code: string; segments: { id: string | null }[] }>(
    "message.structure",
    { channel: "adt", epoch: 1, seq: 1 },
  );
  assert.equal(shape.code, "ORU");
  assert.deepEqual(
    shape.segments.map(({ id }) => id),
    ["MSH", "PID", "NTE", "OBX", "ZKA", null],
  );
  assert.deepEqual(hitsIn("the structure", Buffer.from(JSON.stringify(shape)), NEEDLES), []);
  const shown = JSON.stringify(pair.answer("config.show"));
  assert.doesNotMatch(shown, /127\.0\.0\.1|\/tmp|holdfast-questioned/);

  const out = join(pair.folder, "bundle.sealed");
  const file = pair.sign("bundle.create");
  const args = ["bundle", ASKED_AGENT, "--command", file, "--out", out];
  const early = pair.receiver(...args, "--wait", "2");
  assert.equal(early.status, 75, "nothing leaves before a person has said so");
  const { conditions } = await agentStatus(pair.pair.agentConfig);
  for (const name of ["bundleWaiting", "structureAsked"]) {
    assert.ok(
      conditions.some(({ condition }) => condition === name),
      name,
    );
  }
  const preview = pair.hospital("bundle", "preview", "3");
  assert.match(preview.stderr, /waits/);
  assert.equal(pair.hospital("bundle", "preview", "3", "--release").status, 0);
  assert.notEqual(pair.hospital("bundle", "preview", "3", "--release").status, 0, "once");
  const late = pair.receiver(...args.with(-1, `${out}.2`), "--wait", "30");
  assert.equal(late.status, 0, late.stderr);

  const sealed = readFileSync(`${out}.2`);
  assert.deepEqual(hitsIn("the sealed bundle", sealed, needlesOf("manifest")), []);
  const key = join(pair.folder, "support.key.pem");
  writeFileSync(key, support.privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
  const opened = join(pair.folder, "bundle.txt");
  const said = pair.vendor("unseal", `${out}.2`, "--key", key, "--out", opened);
  assert.equal(said.status, 0, said.stderr);
  const plain = readFileSync(opened);
  assert.equal(plain.toString("utf8"), preview.stdout, "the preview is what was sent");
  assert.deepEqual(hitsIn("the bundle", plain, NEEDLES), []);
  const own = [
    PROBE,
    "demo.test",
    pair.folder,
    "HOLDFAST_CANARY",
    process.env["USER"] ?? "no-user",
  ];
  assert.deepEqual(hitsIn("the bundle", plain, own.flatMap(needlesOf)), []);
  const [manifest = "", ...parts] = plain.toString("utf8").trimEnd().split("\n");
  const { parts: listed } = (JSON.parse(manifest) as { manifest: { parts: ManifestPart[] } })
    .manifest;
  assert.deepEqual(
    listed.map(({ name, bytes, sha256 }) => [name, bytes, sha256]),
    parts.map((line) => [
      ...[Object.keys(JSON.parse(line))[0], Buffer.byteLength(line), hash("sha256", line)],
    ]),
  );
  assert.equal(listed.length, 11);
  const released = pair.audit().find(({ action }) => action === "bundle.released");
  const digests = `sha256 ${hash("sha256", sealed)}, plain ${hash("sha256", plain)}`;
  assert.equal(released?.reason, digests, "both digests stand in the audit");
});

interface ManifestPart {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}
