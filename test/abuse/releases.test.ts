/** Attackers of releases (07 section 4, B01–B22), as far as metadata and files go; packages are in `packages.test.ts`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FolderSource } from "#releases/folder-source.ts";
import { NO_MARKS } from "#releases/marks.ts";
import {
  inDays,
  type Json,
  KEYS,
  Looker,
  MapSource,
  NOW_MS,
  type Plan,
  packageBytes,
  refusalOf,
  repository,
  rootJson,
  sha256,
  signed,
  targetsJson,
  type YardKey,
} from "#test/support/release-yard.ts";

const YEAR_MS = 365 * 86_400_000;
const [R1, R2, R3] = KEYS.root as [YardKey, YardKey, YardKey];
const [T1, T2] = KEYS.targets as [YardKey, YardKey];

const set =
  (name: string, value: unknown) =>
  (content: Json): void => {
    content[name] = value;
  };

async function refusal(plan: Plan): Promise<string> {
  using looker = new Looker();
  const answer = await looker.look(repository(plan));
  assert.deepEqual(looker.marks.marks, answer.kind === "refreshed" ? looker.marks.marks : NO_MARKS);
  return refusalOf(answer);
}

/** The root that is compiled in is this one, whatever it is. */
async function refusalOfRoot(change: (root: Json) => void): Promise<string> {
  using looker = new Looker();
  const files = repository({ change: { root: change } });
  looker.root = files.get("1.root.json") ?? new Uint8Array();
  return refusalOf(await looker.look(files));
}

/** The same, as a next root that old and new keys have signed. */
async function refusalOfNextRoot(change: (root: Json) => void): Promise<string> {
  const content = rootJson(2);
  change(content);
  return refusal({ roots: new Map([[2, signed(content, [R1, R2])]]) });
}

test("[W1, W2] a repository that is right is believed, and every file is fetched once", async () => {
  using looker = new Looker();
  const source = new MapSource(repository());
  const answer = await looker.look(source);
  assert.ok(answer.kind === "refreshed");
  assert.deepEqual(answer.versions, { root: 1, targets: 1, snapshot: 1, timestamp: 1 });
  const asked = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"];
  assert.deepEqual(source.asked, asked);
  const target = await answer.target("linux-x64-deb");
  assert.ok(target.kind === "target");
  assert.equal(target.sha256, sha256(packageBytes(1)));
  assert.deepEqual(source.asked, asked, "nothing is fetched again");
});

test("[B01, B02, B03] targets: one of two signatures, foreign keys, one key twice", async () => {
  const content = targetsJson(1);
  assert.equal(await refusal({ targets: signed(content, [T1]) }), "CHAIN at TUF");
  assert.equal(await refusal({ targets: signed(content, KEYS.foreign) }), "CHAIN at TUF");
  assert.equal(await refusal({ targets: signed(content, [T1, T1]) }), "CHAIN at TUF");
  const alias = { ...T1, id: T2.id };
  assert.equal(await refusal({ targets: signed(content, [T1, alias]) }), "CHAIN at TUF");
  assert.equal(await refusal({ targets: signed(content, [T1, T2]) }), "refreshed");
});

test("[B04] a root rotated by one old key", async () => {
  const next = { ...KEYS, root: KEYS.foreign };
  const byOne = signed(rootJson(2, next), [R1, ...KEYS.foreign]);
  assert.equal(await refusal({ roots: new Map([[2, byOne]]) }), "CHAIN at TUF");
  const byItself = signed(rootJson(2, next), [R1, R3]);
  assert.equal(await refusal({ roots: new Map([[2, byItself]]) }), "CHAIN at TUF");
  const byBoth = signed(rootJson(2, next), [R1, R3, ...KEYS.foreign]);
  assert.equal(await refusal({ roots: new Map([[2, byBoth]]) }), "refreshed");
});

test("[B05] a root version skipped", async () => {
  const third = signed(rootJson(3), [R1, R2]);
  assert.equal(await refusal({ roots: new Map([[2, third]]) }), "CHAIN at TUF");
});

test("[B06] an older timestamp", async () => {
  using looker = new Looker();
  assert.equal(refusalOf(await looker.look(repository({ version: 2 }))), "refreshed");
  assert.equal(refusalOf(await looker.look(repository({ version: 1 }))), "CHAIN at TUF");
  assert.equal(looker.marks.marks.versions.timestamp, 2);
});

/** Version 3 of a repository, that goes back in what it names. */
function goingBack(role: "timestamp" | "snapshot"): Map<string, Uint8Array> {
  const older = repository({ version: 1 });
  const name = role === "timestamp" ? "1.snapshot.json" : "1.targets.json";
  const bytes = older.get(name) ?? new Uint8Array();
  const meta = { version: 1, length: bytes.length, hashes: { sha256: sha256(bytes) } };
  const change = (content: Json): void => {
    content["meta"] = role === "timestamp" ? { "snapshot.json": meta } : { "targets.json": meta };
  };
  return new Map([...older, ...repository({ version: 3, change: { [role]: change } })]);
}

test("[B07, B08] a timestamp naming an older snapshot; a snapshot naming older targets", async () => {
  for (const role of ["timestamp", "snapshot"] as const) {
    using looker = new Looker();
    assert.equal(refusalOf(await looker.look(repository({ version: 2 }))), "refreshed");
    assert.equal(refusalOf(await looker.look(goingBack(role))), "CHAIN at TUF", role);
    // Without its cache the library believes it: the marks do not.
    rmSync(looker.cache, { recursive: true });
    assert.equal(refusalOf(await looker.look(goingBack(role))), "OLDER at W4", role);
  }
});

test("[B09] an expired timestamp, snapshot, targets, root", async () => {
  for (const role of ["timestamp", "snapshot", "targets"] as const) {
    const change = { [role]: set("expires", inDays(-1)) };
    assert.equal(await refusal({ change }), "EXPIRED at W9", role);
  }
  const expired = set("expires", inDays(-1));
  assert.equal(await refusalOfRoot(expired), "EXPIRED at W9");
  const last = signed({ ...rootJson(3), expires: inDays(500) }, [R1, R2]);
  const between = signed({ ...rootJson(2), expires: inDays(-5) }, [R1, R2]);
  const roots = new Map([
    [2, between],
    [3, last],
  ]);
  assert.equal(await refusal({ roots }), "refreshed", "roots on the way may have expired");
});

test("[B10] targets of another snapshot", async () => {
  const files = repository();
  const other = repository({
    change: { targets: set("expires", inDays(9)) },
  });
  files.set("1.targets.json", other.get("1.targets.json") ?? new Uint8Array());
  using looker = new Looker();
  assert.equal(refusalOf(await looker.look(files)), "CHAIN at TUF");
});

test("[B11, W12] endless metadata, whatever the source thinks of bounds", async () => {
  for (const name of ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]) {
    using looker = new Looker();
    const files = repository();
    files.set(name, new Uint8Array(600_000).fill(0x20));
    assert.equal(refusalOf(await looker.look(files)), "TOO_LARGE at W12", name);
  }
});

test("[B11] a folder with a huge file, a FIFO, a link, a folder where metadata should be", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-stick-"));
  try {
    using looker = new Looker();
    for (const [name, bytes] of repository()) writeFileSync(join(folder, name), bytes);
    const path = join(folder, "timestamp.json");
    const source = new FolderSource(folder);
    assert.equal(refusalOf(await looker.look(source)), "refreshed");
    truncateSync(path, 5_000_000_000);
    assert.equal((await source.metadata("timestamp.json", 100))?.length, 101);
    assert.equal(refusalOf(await looker.look(source)), "TOO_LARGE at W12");
    rmSync(path);
    assert.equal(refusalOf(await looker.look(source)), "METADATA_MISSING at W1");
    spawnSync("mkfifo", [path]);
    assert.equal(refusalOf(await looker.look(source)), "MALFORMED at W1");
    rmSync(path);
    mkdirSync(path);
    assert.equal(refusalOf(await looker.look(source)), "MALFORMED at W1");
    rmSync(path, { recursive: true });
    symlinkSync("/etc/hostname", path);
    await assert.rejects(looker.look(source), { code: "ELOOP" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("[B12, W10] a foreign path, and names that every object has, are no targets", async () => {
  using looker = new Looker();
  const content = targetsJson(1);
  const targets = content["targets"] as Json;
  const [one] = Object.values(targets);
  Object.assign(targets, {
    "../../etc/passwd": one,
    "linux-x64/other.deb": one,
    toString: one,
    undefined: one,
  });
  const answer = await looker.look(repository({ targets: signed(content, [T1, T2]) }));
  assert.ok(answer.kind === "refreshed");
  const names = ["../../etc/passwd", "linux-x64/other.deb", "toString", "constructor", ""];
  for (const name of [...names, "win-x64-msi"]) {
    assert.equal(refusalOf(await answer.target(name)), "TARGET_UNKNOWN at W10", name);
  }
});

function cachedFile(looker: Looker, name: string): string {
  return join(looker.cache, readFileSync(join(looker.cache, "current"), "utf8"), name);
}

test("[B13, W4] timestamp or snapshot emptied, then the old repository", async () => {
  const cases = [
    // The library still has the snapshot that it knew.
    { names: ["timestamp.json"], expected: "CHAIN at TUF" },
    { names: ["timestamp.json", "snapshot.json"], expected: "OLDER at W4" },
    { names: ["timestamp.json", "snapshot.json", "targets.json"], expected: "OLDER at W4" },
  ];
  for (const { names, expected } of cases) {
    using looker = new Looker();
    assert.equal(refusalOf(await looker.look(repository({ version: 2 }))), "refreshed");
    for (const name of names) writeFileSync(cachedFile(looker, name), "");
    assert.equal(refusalOf(await looker.look(repository({ version: 1 }))), expected);
    assert.deepEqual(looker.marks.marks.versions, {
      root: 1,
      targets: 2,
      snapshot: 2,
      timestamp: 2,
    });
    assert.equal(refusalOf(await looker.look(repository({ version: 3 }))), "refreshed");
  }
});

test("[B14, W3] a root file that is truncated, or that the library refuses: again from the compiled-in one", async () => {
  const next = signed(rootJson(2), [R1, R2]);
  for (const content of ["", "{", new TextDecoder().decode(signed(rootJson(2), [R1]))]) {
    using looker = new Looker();
    const files = repository({ roots: new Map([[2, next]]) });
    assert.equal(refusalOf(await looker.look(files)), "refreshed");
    writeFileSync(cachedFile(looker, "root.json"), content);
    const again = await looker.look(files);
    assert.ok(again.kind === "refreshed", refusalOf(again));
    assert.equal(again.versions.root, 2);
    // With W4, never from an empty cache: the source withholds the second root.
    writeFileSync(cachedFile(looker, "root.json"), content);
    assert.equal(refusalOf(await looker.look(repository())), "OLDER at W4");
  }
});

test("[W3] a run that is refused, or cut off, leaves what was believed before; a newer program's root goes first", async () => {
  using looker = new Looker();
  await looker.look(repository({ version: 2 }));
  const before = readFileSync(join(looker.cache, "current"), "utf8");
  const timestamp = readFileSync(cachedFile(looker, "timestamp.json"), "utf8");
  await looker.look(repository({ version: 3, targets: signed(targetsJson(3), [T1]) }));
  assert.equal(readFileSync(join(looker.cache, "current"), "utf8"), before);
  assert.equal(readFileSync(cachedFile(looker, "timestamp.json"), "utf8"), timestamp);
  mkdirSync(join(looker.cache, "g-cutoff"));
  looker.root = signed(rootJson(5), [R1, R2]);
  const answer = await looker.look(repository({ version: 4 }));
  assert.ok(answer.kind === "refreshed");
  assert.equal(answer.versions.root, 5);
  const left = readdirSync(looker.cache).filter((name) => name.startsWith("g-"));
  assert.ok(!left.includes("g-cutoff"));
});

test("[B15, W5] a key under two ids, thresholds below two, keys that are named twice or are absent", async () => {
  const alias = (root: Json): void => {
    const keys = root["keys"] as Json;
    const id = sha256("alias");
    keys[id] = keys[R1.id];
    const roles = root["roles"] as Record<string, { keyids: string[]; threshold: number }>;
    roles["targets"] = { keyids: [R1.id, id], threshold: 2 };
  };
  const role = (name: string, more: Json) => (root: Json) => {
    Object.assign((root["roles"] as Record<string, Json>)[name] ?? {}, more);
  };
  const changes = [
    alias,
    role("root", { threshold: 1 }),
    role("targets", { threshold: 1 }),
    role("targets", { keyids: [T1.id, T1.id] }),
    role("targets", { keyids: [T1.id, T2.id, sha256("nobody")] }),
    role("targets", { threshold: 4 }),
  ];
  for (const [at, change] of changes.entries()) {
    assert.equal(await refusalOfNextRoot(change), "KEYS at W5", `${at}`);
    assert.equal(await refusalOfRoot(change), "KEYS at W5", `${at}`);
  }
});

test("[B15, W6] another type of key, another scheme, PEM, capitals, a point of small order", async () => {
  const key = (more: Json) => (root: Json) => {
    const keys = root["keys"] as Record<string, Json>;
    Object.assign(keys[KEYS.snapshot[0]?.id ?? ""] ?? {}, more);
  };
  const pem = R3.key.export({ format: "jwk" }).x ?? "";
  const changes = [
    key({ keytype: "rsa", scheme: "rsassa-pss-sha256" }),
    key({ scheme: "ecdsa-sha2-nistp256" }),
    key({ keyval: { public: `-----BEGIN PUBLIC KEY-----\n${pem}\n-----END PUBLIC KEY-----` } }),
    key({ keyval: { public: R3.hex.toUpperCase() } }),
    key({ keyval: { public: "01".padEnd(64, "0") } }),
  ];
  for (const [at, change] of changes.entries()) {
    assert.equal(await refusalOfNextRoot(change), "KEYS at W6", `${at}`);
  }
});

test("[B15, W7] a delegation, in targets or in the snapshot", async () => {
  const delegations = { keys: {}, roles: [] };
  const targets = (content: Json): void => void Object.assign(content, { delegations });
  assert.equal(await refusal({ change: { targets } }), "DELEGATION at W7");
  const snapshot = (content: Json): void =>
    void Object.assign(content["meta"] as Json, { "other.json": { version: 1 } });
  assert.equal(await refusal({ change: { snapshot } }), "DELEGATION at W7");
});

test("[B15, W8] expiry in another format, of a day that does not exist, or never", async () => {
  const times = [
    "2099-02-30T00:00:00Z",
    "2099-01-01",
    "2099-01-01T00:00:00.000Z",
    "never",
    "99999",
  ];
  for (const expires of times) {
    for (const role of ["timestamp", "snapshot", "targets"] as const) {
      const change = { [role]: set("expires", expires) };
      assert.equal(await refusal({ change }), "MALFORMED at W8", `${role} ${expires}`);
    }
    const change = set("expires", expires);
    assert.equal(await refusalOfNextRoot(change), "MALFORMED at W8", expires);
  }
});

test("[B16, W9] a clock two years back does not look; two years ahead names the clock", async () => {
  using looker = new Looker();
  const source = new MapSource(repository());
  const back = await looker.look(source, { clockMs: NOW_MS - 2 * YEAR_MS, floorMs: NOW_MS });
  assert.equal(refusalOf(back), "CLOCK_SUSPECT at W9");
  assert.deepEqual(source.asked, []);
  const ahead = await looker.look(source, { clockMs: NOW_MS + 2 * YEAR_MS });
  assert.equal(refusalOf(ahead), "EXPIRED at W9");
  assert.ok(ahead.kind === "refused");
  assert.match(ahead.detail ?? "", /^timestamp:clock-20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const soon = { timestamp: set("expires", inDays(1)) };
  const floor = { clockMs: NOW_MS, floorMs: NOW_MS + 300_000 };
  assert.equal(refusalOf(await looker.look(repository({ change: soon }), floor)), "refreshed");
  // Within the tolerance the floor is the time: what had expired by it stays expired.
  const late = { timestamp: set("expires", inDays(0.002)) };
  const answer = await looker.look(repository({ version: 2, change: late }), floor);
  assert.equal(refusalOf(answer), "EXPIRED at W9");
});

test("[W5] metadata with two readings, or that says more than it may, does not reach the library", async () => {
  const more = set("x-note", "hello");
  assert.equal(await refusal({ change: { targets: more } }), "MALFORMED at TUF");
  const files = repository();
  const text = new TextDecoder().decode(files.get("timestamp.json"));
  const twice = text.replace('"signed":{', '"signed":{"version":9,');
  using looker = new Looker();
  files.set("timestamp.json", new TextEncoder().encode(twice));
  assert.equal(refusalOf(await looker.look(files)), "MALFORMED at TUF");
});
