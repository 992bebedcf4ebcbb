/** Attackers of staged packages, and of the order of releases (07 section 4, B18, B19, B21). */
import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { marksAfterInstall, NO_MARKS } from "#releases/marks.ts";
import { chunksOfFile, stagedPath, takeChunks, whatContentForbids } from "#releases/take.ts";
import { whatOrderForbids } from "#releases/target.ts";
import {
  canonical,
  customJson,
  type Json,
  KEYS,
  Looker,
  refusalOf,
  repository,
  sha256,
  signed,
  targetsJson,
  type YardKey,
} from "#test/support/release-yard.ts";

const [T1, T2] = KEYS.targets as [YardKey, YardKey];

test("[B18, W13] a staged file that is swapped or grows while it is taken: the verified bytes or nothing", async () => {
  using looker = new Looker();
  const staged = join(looker.folder, "staged.deb");
  const good = new Uint8Array(3 << 20).fill(1);
  const expected = { length: good.length, sha256: sha256(good) };
  writeFileSync(staged, good);
  const into = { folder: looker.folder, maxBytes: good.length };
  async function* swapping(): AsyncGenerator<Uint8Array> {
    let count = 0;
    for await (const chunk of chunksOfFile(staged)) {
      yield chunk;
      count += 1;
      if (count === 1) writeFileSync(staged, new Uint8Array(3 << 20).fill(2));
    }
  }
  const torn = await takeChunks(swapping(), into);
  assert.ok(torn.kind === "taken");
  assert.deepEqual(refusalOf(whatContentForbids(torn, expected) ?? torn), "CONTENT at W13");
  await torn[Symbol.asyncDispose]();
  writeFileSync(staged, good);
  {
    await using taken = await takenOrFail(chunksOfFile(staged), into);
    assert.equal(whatContentForbids(taken, expected), undefined);
    writeFileSync(staged, "evil");
    assert.equal(sha256(readFileSync(taken.path)), expected.sha256);
    const shorter = { ...expected, length: expected.length - 1 };
    assert.equal(refusalOf(whatContentForbids(taken, shorter) ?? taken), "CONTENT at W13");
    // Nobody can have it open already, or be waiting under its name.
    await assert.rejects(takeChunks(chunksOfFile(staged), into), { code: "EEXIST" });
  }
  writeFileSync(staged, new Uint8Array(good.length + 1));
  assert.equal(refusalOf(await takeChunks(chunksOfFile(staged), into)), "TOO_LARGE at W12");
  assert.deepEqual(readdirSync(looker.folder), ["staged.deb"]);
});

async function takenOrFail(...args: Parameters<typeof takeChunks>) {
  const taken = await takeChunks(...args);
  assert.ok(taken.kind === "taken");
  return taken;
}

test("[B21, W13] staging: paths, `..`, UNC, drives, streams, links, folders that others can write to", async () => {
  const names = [
    "../x",
    "..",
    ".",
    "/etc/passwd",
    "a/b",
    "\\\\server\\share\\x",
    "C:x",
    "x:stream",
  ];
  for (const name of [...names, "", ".hidden", "a\u0000b", "a b", "x".repeat(200)]) {
    assert.equal(refusalOf(stagedPath("/staging", name) as never), "STAGING at W13", name);
  }
  assert.equal(
    stagedPath("/staging", "holdfast_1.2.0_amd64.deb"),
    "/staging/holdfast_1.2.0_amd64.deb",
  );
  using looker = new Looker();
  const link = join(looker.folder, "link.deb");
  symlinkSync("/etc/hostname", link);
  const folder = join(looker.folder, "own");
  mkdirSync(folder, { mode: 0o700 });
  const into = { folder, maxBytes: 100 };
  await assert.rejects(takeChunks(chunksOfFile(link), into), { code: "ELOOP" });
  await assert.rejects(takeChunks(chunksOfFile(looker.folder), into), TypeError);
  assert.deepEqual(readdirSync(folder), []);
  chmodSync(folder, 0o777);
  const bytes = (async function* () {
    yield new Uint8Array(1);
  })();
  assert.equal(refusalOf(await takeChunks(bytes, into)), "STAGING at W13");
  const elsewhere = join(looker.folder, "elsewhere");
  chmodSync(folder, 0o700);
  symlinkSync(folder, elsewhere);
  assert.equal(
    refusalOf(await takeChunks(bytes, { ...into, folder: elsewhere })),
    "STAGING at W13",
  );
});

const custom = (release: number, more: Json = {}) => customJson(release, more) as never;
const order = (...args: Parameters<typeof whatOrderForbids>): string =>
  refusalOf(whatOrderForbids(...args) ?? { kind: "fine" });

test("[B19, W11] a downgrade without permission; an approved one used twice", () => {
  const running = "1.5.0";
  const install = { running, purpose: "install", mayGoBack: false } as const;
  let marks = marksAfterInstall(marksAfterInstall(NO_MARKS, 4), 5);
  assert.equal(order(custom(4), { ...install, marks }), "GOING_BACK at W11");
  assert.equal(order(custom(5), { ...install, marks }), "OLDER at W11", "the same again");
  assert.equal(order(custom(6), { ...install, marks }), "fine");
  const mayGoBack = true;
  assert.equal(order(custom(3), { ...install, marks, mayGoBack }), "GOING_BACK at W11", "N-2");
  assert.equal(order(custom(4), { ...install, marks, mayGoBack }), "fine");
  marks = marksAfterInstall(marks, 4);
  assert.equal(marks.releaseCounter, 5, "the mark never goes down");
  assert.equal(order(custom(4), { ...install, marks, mayGoBack }), "GOING_BACK at W11");
  marks = marksAfterInstall(marks, 6);
  assert.equal(marks.previousCounter, 4, "the one that ran");
  assert.equal(order(custom(4), { ...install, marks, mayGoBack }), "fine");
  const look = { ...install, marks, purpose: "look" } as const;
  assert.equal(order(custom(6), look), "fine");
  assert.equal(order(custom(5), look), "GOING_BACK at W11");
});

test("[W11] a release that needs another one first; what stands beside length and hash", async () => {
  const install = {
    marks: NO_MARKS,
    running: "1.9.0",
    purpose: "install",
    mayGoBack: false,
  } as const;
  assert.equal(order(custom(1, { minFrom: "1.10.0" }), install), "MIN_FROM at W11");
  assert.equal(order(custom(1, { minFrom: "1.9.0" }), install), "fine");
  const wrong: Json[] = [
    { platform: "linux-arm64-deb" },
    { version: "1.02.0" },
    { releaseCounter: 0 },
    { minFrom: "latest" },
    { sbomSha256: "00" },
    { surprise: 1 },
  ];
  for (const more of wrong) {
    using looker = new Looker();
    const answer = await looker.look(
      repository({ targets: signed(targetsJson(1, more), [T1, T2]) }),
    );
    assert.ok(answer.kind === "refreshed");
    const refused = refusalOf(await answer.target("linux-x64-deb"));
    assert.equal(refused, "CUSTOM at W11", canonical(more));
  }
});

test("[W12] a package longer than any is refused before a byte is fetched", async () => {
  using looker = new Looker();
  const content = targetsJson(1);
  const [target] = Object.values(content["targets"] as Record<string, Json>);
  Object.assign(target ?? {}, { length: 268_435_457 });
  const answer = await looker.look(repository({ targets: signed(content, [T1, T2]) }));
  assert.ok(answer.kind === "refreshed");
  assert.equal(refusalOf(await answer.target("linux-x64-deb")), "TOO_LARGE at W12");
});
