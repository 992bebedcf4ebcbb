/** People make documents and sign them one after another; the kernel believes what they made. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyApproval } from "#documents/approval-rules.ts";
import { readBundle } from "#documents/bundle.ts";
import { whatCommandTimesForbid } from "#documents/command-rules.ts";
import type { DocumentType } from "#documents/document-types.ts";
import { whatHeadForbids } from "#documents/head-rules.ts";
import type { Role } from "#documents/role.ts";
import { acceptTrust, acceptTrustChain } from "#documents/trust-chain.ts";
import { roleOf } from "#documents/trust-rules.ts";
import { verifyDocument } from "#documents/verify.ts";
import { ANCHOR, CONFIG_ROLE, KEYS, RECIPIENT, role } from "#test/support/signed-documents.ts";
import {
  ANCHOR_YAML,
  configYaml,
  HOSPITAL_YAML,
  SigningDesk,
  trustYaml,
} from "#test/support/signing-desk.ts";

const NOW = { clockMs: Date.now(), floorMs: 0 };

function acceptFirst(envelope: Uint8Array) {
  const start = { stored: undefined, anchor: ANCHOR, tenant: "north", forbiddenKeys: [] };
  return acceptTrust({ ...start, envelope });
}
function believed<T extends DocumentType>(envelope: Uint8Array, type: T, by: Role) {
  const answer = verifyDocument({ envelope, type, role: by, recipient: RECIPIENT });
  assert.ok(answer.kind === "verified");
  return answer;
}

test("[U19] two of three sign a trust document in turn; the next one is signed by old and new keys", async () => {
  using desk = await SigningDesk.open();
  desk.write("trust.yaml", trustYaml());
  desk.write("anchor.yaml", ANCHOR_YAML);
  const unsigned = await desk.sign("trust", "trust.yaml", "--out", "t1.json");
  assert.match(unsigned, /must sign: 2 of the 3 trust keys of this document/);
  const verify = ["verify", "t1.json", "--keys", "anchor.yaml"];
  await desk.sign("add", "t1.json", "--key", "trust1.key.pem");
  const early = await desk.run(...verify);
  assert.equal(early.status, 65);
  assert.match(early.stdout, /^signatures +1 of 2 that are needed$/m);
  assert.match(early.stderr, /SIGNATURES_MISSING/);
  await desk.sign("add", "t1.json", "--key", "trust3.key.pem");
  assert.match(await desk.sign(...verify), /^signatures +2 of 2 that are needed$/m);
  const first = acceptFirst(desk.read("t1.json"));
  assert.ok(first.kind === "accepted");
  assert.equal(first.document.version, 1);

  const next = trustYaml()
    .replace(KEYS.trust[0].hex, KEYS.device[0].hex)
    .replace("configEpoch: 1", "configEpoch: 2");
  desk.write("next.yaml", next);
  const said = await desk.sign(
    ...["trust", "next.yaml", "--previous", "t1.json", "--out", "t2.json"],
    ...["--key", "trust1.key.pem", "--key", "trust2.key.pem"],
  );
  for (const line of [
    `- trust key ${KEYS.trust[0].id}`,
    `+ trust key ${KEYS.device[0].id}`,
    "configEpoch 1 to 2",
    "2 of the 3 trust keys of version 1",
  ]) {
    assert.ok(said.includes(line), line);
  }
  assert.match(
    (await desk.run("verify", "t2.json", "--trust", "t1.json")).stdout,
    /^its own +1 of 2/m,
  );
  await desk.sign("add", "t2.json", "--key", "device1.key.pem");
  await desk.sign("verify", "t2.json", "--trust", "t1.json");
  const step = { anchor: ANCHOR, tenant: "north", forbiddenKeys: [], stored: first.document };
  assert.equal(acceptTrust({ ...step, envelope: desk.read("t2.json") }).kind, "accepted");
});

test("a trust document that no agent could follow is not made", async () => {
  using desk = await SigningDesk.open();
  desk.write("trust.yaml", trustYaml());
  await desk.sign("trust", "trust.yaml", "--out", "t1.json");
  for (const [what, yaml, about] of [
    ["an older version", trustYaml("version: 1\n"), /version 2 follows 1/],
    ["a version skipped", trustYaml("version: 3\n"), /version 2 follows 1/],
    ["another tenant", trustYaml().replace("north", "south"), /for tenant north/],
    ["a lower epoch", trustYaml().replace("configEpoch: 1", "configEpoch: 0"), /must not fall/],
    ["a threshold of one", trustYaml().replace("threshold: 2", "threshold: 1"), /BAD_TRUST at VT4/],
    [
      "a private key",
      trustYaml().replace("ca.pem]", "ca.pem]\n").replace(`'${KEYS.head[0].hex}'`, "head1.key.pem"),
      /is a private key/,
    ],
  ] as const) {
    desk.write("next.yaml", yaml);
    const ran = await desk.run("trust", "next.yaml", "--previous", "t1.json", "--out", "t2.json");
    assert.equal(ran.status, 65, what);
    assert.match(ran.stderr, about, what);
  }
  assert.equal(
    (await desk.run("verify", "t2.json", "--keys", "x")).status,
    65,
    "nothing was written",
  );
});

test("a configuration is written in YAML; what is wrong is said with line and column", async () => {
  using desk = await SigningDesk.open();
  desk.write("config.yaml", configYaml().replace("ticket: CHG-1", "ticket: 7\ntiket: x"));
  const ran = await desk.run("config", "config.yaml", "--out", "c1.json");
  assert.equal(ran.status, 65);
  assert.match(ran.stderr, /config\.yaml:9:1: 'ticket'/);
  assert.match(ran.stderr, /config\.yaml:10:1: unknown key 'tiket', did you mean 'ticket'\?/);
  desk.write(
    "config.yaml",
    configYaml().replace("port: 2575", "port: 70000").concat("  receiver: {}\n"),
  );
  const body = (await desk.run("config", "config.yaml", "--out", "c1.json")).stderr;
  assert.match(body, /config\.yaml:14:7: 'body\.channels\.0\.port'/);
  assert.match(body, /config\.yaml:15:3: .*belongs to local\.yaml/);
  desk.write("config.yaml", configYaml(""));
  assert.match(
    (await desk.run("config", "config.yaml", "--out", "c1.json")).stderr,
    /'epoch' is missing/,
  );
});

test("[VC1, VA1, VH1, VM1] config, approval, head, command: made, signed, believed", async () => {
  using desk = await SigningDesk.open();
  desk.write("config.yaml", configYaml());
  const both = ["--key", "config1.key.pem", "--key", "config2.key.pem"];
  await desk.sign("config", "config.yaml", "--out", "c1.json", ...both);
  const first = believed(desk.read("c1.json"), "config", CONFIG_ROLE);
  // As it was written: defaults are those of the agent that reads it.
  const channels = [{ name: "adt", kind: "mllp-listener", port: 2575 }];
  assert.deepEqual(first.document.body, { channels });
  assert.equal(
    Date.parse(first.document.offerExpires) - Date.parse(first.document.issuedAt),
    14 * 86_400_000,
  );

  desk.write("next.yaml", configYaml(""));
  await desk.sign("config", "next.yaml", "--previous", "c1.json", "--out", "c2.json", ...both);
  const { document } = believed(desk.read("c2.json"), "config", CONFIG_ROLE);
  assert.deepEqual([document.epoch, document.seq, document.base], [1, 2, first.digest]);

  desk.write("hospital.yaml", HOSPITAL_YAML);
  const shown = await desk.sign(
    ...["approval", "c1.json", "--approver", "Erika Mustermann", "--out", "a1.json"],
    ...["--key", "hospital1.key.pem", "--not-before", "2026-02-03T00:00:00Z"],
  );
  assert.match(shown, /approve: configuration 1\.1 of north\/ward-1, ticket CHG-1/);
  const approval = verifyApproval(desk.read("a1.json"), role(KEYS.hospital, 2), RECIPIENT);
  assert.ok(approval.kind === "verified" && approval.document.subject === first.digest);
  assert.equal(
    (await desk.run("verify", "a1.json", "--keys", "hospital.yaml")).status,
    65,
    "1 of 2",
  );

  await desk.sign(
    "head",
    "c2.json",
    "--trust-version",
    "1",
    "--out",
    "h.json",
    "--key",
    "head1.key.pem",
  );
  const head = believed(desk.read("h.json"), "head", role(KEYS.head, 1));
  assert.equal(whatHeadForbids(head.document, undefined, NOW), undefined);

  await desk.sign(
    ...["command", "status.get", "--tenant", "north", "--agent", "ward-1", "--engineer", "e.e"],
    ...["--ticket", "T-9", "--args", '{"channel":"adt"}', "--out", "q.json"],
    ...["--key", "command1.key.pem"],
  );
  const command = believed(desk.read("q.json"), "command", role(KEYS.command, 1));
  assert.equal(whatCommandTimesForbid(command.document, NOW), undefined);
  assert.deepEqual(command.document.args, { channel: "adt" });
});

test("a stick carries what was signed; what is not signed is not put on it", async () => {
  using desk = await SigningDesk.open();
  desk.write("trust.yaml", trustYaml());
  desk.write("config.yaml", configYaml());
  const two = ["--key", "trust1.key.pem", "--key", "trust2.key.pem"];
  await desk.sign("trust", "trust.yaml", "--out", "t1.json", ...two);
  await desk.sign("config", "config.yaml", "--out", "c1.json");
  const bundle = ["bundle", "--trust", "t1.json", "--config", "c1.json", "--out"];
  assert.match((await desk.run(...bundle, "b.json")).stderr, /SIGNATURES_MISSING/);
  await desk.sign("add", "c1.json", "--key", "config3.key.pem", "--key", "config1.key.pem");
  await desk.sign(...bundle, "b.json");
  const carried = readBundle(desk.read("b.json"));
  assert.ok(!("kind" in carried) && carried.config);
  const start = { stored: undefined, anchor: ANCHOR, tenant: "north", forbiddenKeys: [] };
  const chain = acceptTrustChain(start, carried.trustChain);
  assert.ok(chain.kind === "whole" && chain.accepted[0]);
  believed(carried.config, "config", roleOf(chain.accepted[0].document, "config"));
  assert.match((await desk.run(...bundle, "b.json")).stderr, /FILE_EXISTS/);
  const wrong = await desk.run("bundle", "--trust", "c1.json", "--out", "x.json");
  assert.match(wrong.stderr, /is a config document, not trust/);
});
