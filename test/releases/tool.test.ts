/** People make releases with `holdfast-sign release`; what they publish is believed, and nothing else is published. */
import assert from "node:assert/strict";
import { createPrivateKey, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { FolderSource } from "#releases/folder-source.ts";
import { Looker, sha256, KEYS as YARD } from "#test/support/release-yard.ts";
import { SigningDesk } from "#test/support/signing-desk.ts";

const ROLES = ["root", "targets", "snapshot", "timestamp", "foreign"] as const;

/** A desk with the keys of `release-yard.ts` as `root1.key.pem` and so on. */
async function releaseDesk(): Promise<SigningDesk> {
  const desk = await SigningDesk.open();
  for (const role of ROLES) {
    for (const [index, { key }] of YARD[role].entries()) {
      const pem = key.export({ format: "pem", type: "pkcs8" });
      desk.writeSecret(`${role}${index + 1}.rel.pem`, pem);
    }
  }
  desk.write("root.yaml", rootYaml("root"));
  desk.write("holdfast_1.2.0_amd64.deb", "a package");
  desk.write("sbom.cdx.json", "{}");
  desk.write("release.yaml", releaseYaml(1));
  return desk;
}

const hexes = (role: (typeof ROLES)[number]): string =>
  YARD[role].map(({ hex }) => `'${hex}'`).join(", ");
const rootYaml = (root: (typeof ROLES)[number]): string => `roles:
  root: { threshold: 2, keys: [${hexes(root)}] }
  targets: { threshold: 2, keys: [${hexes("targets")}] }
  snapshot: { threshold: 1, keys: [${hexes("snapshot")}] }
  timestamp: { threshold: 1, keys: [${hexes("timestamp")}] }
`;
const releaseYaml = (counter: number): string => `version: 1.2.${counter}
releaseCounter: ${counter}
minFrom: 0.1.0
packages:
  linux-x64-deb: { file: holdfast_1.2.0_amd64.deb, sbom: sbom.cdx.json }
`;

const PUBLISH = ["release", "publish", "--repo", "r"];
const ONLINE = ["--key", "snapshot1.rel.pem", "--key", "timestamp1.rel.pem"];
const by = (...names: readonly string[]): string[] =>
  names.flatMap((name) => ["--key", `${name}.rel.pem`]);

async function firstRelease(): Promise<SigningDesk> {
  const desk = await releaseDesk();
  await desk.sign("release", "root", "root.yaml", "--repo", "r", ...by("root1"));
  await desk.sign("release", "targets", "release.yaml", "--repo", "r", ...by("targets1"));
  await desk.sign("release", "add", "r/drafts/1.root.json", ...by("root3"));
  const shown = await desk.sign("release", "add", "r/drafts/1.targets.json", ...by("targets2"));
  assert.match(shown, /^linux-x64\/holdfast\.deb 1\.2\.1 \(release 1, from 0\.1\.0 on\)$/m);
  assert.match(shown, new RegExp(`^ {2}9 bytes, SHA-256 ${sha256("a package")}$`, "m"));
  await desk.sign(...PUBLISH, ...ONLINE);
  return desk;
}

async function believed(desk: SigningDesk, looker: Looker) {
  const answer = await looker.look(new FolderSource(desk.path("r/metadata")));
  assert.ok(answer.kind === "refreshed", JSON.stringify(answer));
  return answer;
}

test("[W1, W5] two of three sign a root and a release in turn; what is published is believed", async () => {
  using desk = await firstRelease();
  using looker = new Looker();
  looker.root = desk.read("r/metadata/1.root.json");
  const answer = await believed(desk, looker);
  const target = await answer.target("linux-x64-deb");
  assert.ok(target.kind === "target");
  assert.equal(target.sha256, sha256("a package"));
  assert.equal(target.custom.sbomSha256, sha256("{}"));
  const said = await desk.sign("release", "verify", "--repo", "r", "--json");
  const facts = JSON.parse(said) as { versions: object; packages: Record<string, unknown> };
  assert.deepEqual(facts.versions, answer.versions);
  assert.deepEqual(Object.keys(facts.packages), ["linux-x64-deb"]);
});

test("[B01, B02] what not enough of the right people have signed is not published", async () => {
  using desk = await releaseDesk();
  await desk.sign("release", "root", "root.yaml", "--repo", "r", ...by("root1", "foreign1"));
  await desk.sign(
    "release",
    "targets",
    "release.yaml",
    "--repo",
    "r",
    ...by("targets1", "targets3"),
  );
  const early = await desk.run(...PUBLISH, ...ONLINE);
  assert.equal(early.status, 65);
  assert.match(early.stderr, /root 1 needs 2 of root 1 \[SIGNATURES_MISSING\]/);
  await desk.sign("release", "add", "r/drafts/1.root.json", ...by("root2"));
  const offline = await desk.run(...PUBLISH, ...by("snapshot1"));
  assert.match(offline.stderr, /timestamp 1 needs 1 of root 1 \[SIGNATURES_MISSING\]/);
  assert.ok(!existsSync(desk.path("r/metadata/1.root.json")), "nothing is half published");
  await desk.sign(...PUBLISH, ...ONLINE);
});

test("[B04] all root keys are replaced: old and new ones sign, and who knows the first root follows", async () => {
  using desk = await firstRelease();
  using looker = new Looker();
  looker.root = desk.read("r/metadata/1.root.json");
  await believed(desk, looker);
  desk.write("next.yaml", rootYaml("foreign"));
  await desk.sign(
    "release",
    "root",
    "next.yaml",
    "--repo",
    "r",
    ...by("foreign1", "foreign2", "root1"),
  );
  const early = await desk.run(...PUBLISH, ...ONLINE);
  assert.match(early.stderr, /root 2 needs 2 of root 1 \[SIGNATURES_MISSING\]/);
  await desk.sign("release", "add", "r/drafts/2.root.json", ...by("root2"));
  await desk.sign(...PUBLISH, ...ONLINE);
  assert.deepEqual((await believed(desk, looker)).versions, {
    ...{ root: 2, targets: 1, snapshot: 2, timestamp: 2 },
  });
  assert.deepEqual(looker.marks.marks.versions.root, 2);
});

test("[W4] a counter that was used is not signed twice; a renewal raises snapshot and timestamp alone", async () => {
  using desk = await firstRelease();
  const again = await desk.run("release", "targets", "release.yaml", "--repo", "r");
  assert.match(again.stderr, /releaseCounter must be above 1 \[DOCUMENT_UNFIT\]/);
  await desk.sign(...PUBLISH, ...ONLINE);
  desk.write("release.yaml", releaseYaml(2));
  await desk.sign(
    "release",
    "targets",
    "release.yaml",
    "--repo",
    "r",
    ...by("targets1", "targets2"),
  );
  await desk.sign(...PUBLISH, ...ONLINE, "--days", "7");
  using looker = new Looker();
  looker.root = desk.read("r/metadata/1.root.json");
  const { versions } = await believed(desk, looker);
  assert.deepEqual(versions, { root: 1, targets: 2, snapshot: 3, timestamp: 3 });
});

test("[W6] hardware signs the bytes of a draft; a signature of another key or file is not attached", async () => {
  using desk = await releaseDesk();
  await desk.sign("release", "root", "root.yaml", "--repo", "r", ...by("root1"));
  const draft = "r/drafts/1.root.json";
  await desk.sign("release", "bytes", draft, "--out", "bytes.bin");
  const key = createPrivateKey(Buffer.from(desk.read("root2.rel.pem")));
  desk.write("sig.bin", sign(undefined, desk.read("bytes.bin"), key));
  const hex = YARD.root[1]?.hex ?? "";
  const other = YARD.root[2]?.hex ?? "";
  const attach = ["release", "attach", draft, "--signature", "sig.bin", "--public-key"];
  assert.match((await desk.run(...attach, other)).stderr, /SIGNATURE_FOREIGN/);
  assert.match(await desk.sign(...attach, hex), /root 1, 2 signatures/);
  await desk.sign(
    "release",
    "targets",
    "release.yaml",
    "--repo",
    "r",
    ...by("targets1", "targets2"),
  );
  await desk.sign(...PUBLISH, ...ONLINE);
});

test("[W5] descriptions are refused by line and column", async () => {
  using desk = await releaseDesk();
  desk.write("one.yaml", rootYaml("root").replace("threshold: 2", "threshold: 1"));
  const one = await desk.run("release", "root", "one.yaml", "--repo", "r");
  assert.equal(one.status, 65);
  assert.match(one.stderr, /one\.yaml:2:\d+: .*must be at least 2/);
  desk.write("two.yaml", releaseYaml(1).replace("linux-x64-deb", "linux-x64-snap"));
  await desk.sign("release", "root", "root.yaml", "--repo", "r");
  const two = await desk.run("release", "targets", "two.yaml", "--repo", "r");
  assert.match(two.stderr, /two\.yaml:5:\d+: /);
});
