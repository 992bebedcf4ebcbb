/** What others make comes by the lock file alone, runs nothing when it is installed, and is not known to be vulnerable (08 H09). */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { knownVulnerable, listedIn, readAdvisories } from "#installer/bill/advisories.ts";
import { type LockFile, readLockFile } from "#installer/bill/lock-file.ts";
import { ROOT } from "#installer/root.ts";
import runtime from "#installer/runtime.json" with { type: "json" };
import { PLATFORMS } from "#installer/runtime.ts";
import manifest from "../../../package.json" with { type: "json" };

/** What is wrong with a lock file, a line each. */
function flawsOf(lock: LockFile): readonly string[] {
  return Object.entries(lock).flatMap(([folder, entry]) => [
    ...(/^sha512-[A-Za-z0-9+/]{86}==$/.test(entry.integrity ?? "") ? [] : [`${folder}: integrity`]),
    // Which registry is asked is the machine's to say; the digest says what must come.
    ...(entry.resolved === undefined ? [] : [`${folder}: resolved`]),
    ...(entry.link === true ? [`${folder}: link`] : []),
  ]);
}

test("[H09] every package has a digest in the lock file, and none an address; a planted one is found", () => {
  const lock = readLockFile();
  assert.ok(Object.keys(lock).length > 200);
  assert.deepEqual(flawsOf(lock), []);
  const resolved = "git+ssh://git@example.org/planted.git#main";
  const flaws = flawsOf({ ...lock, "node_modules/planted": { version: "1.0.0", resolved } });
  assert.deepEqual(flaws, ["node_modules/planted: integrity", "node_modules/planted: resolved"]);
});

test("[H09] dependencies are exact, as the lock file has them, and npm runs none of their scripts", () => {
  const lock = readLockFile();
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  for (const [name, version] of all) {
    assert.match(version, /^\d+\.\d+\.\d+(?:-[a-z0-9.]+)?$/, name);
    assert.equal(lock[`node_modules/${name}`]?.version, version, name);
  }
  const settings = readFileSync(join(ROOT, ".npmrc"), "utf8").split("\n");
  assert.ok(settings.includes("ignore-scripts=true"));
});

test("[PK2] the Node of every platform is an exact dependency that nobody has to have, of the version that is built with", () => {
  const { optionalDependencies: optional } = manifest;
  for (const platform of PLATFORMS) {
    const name = `node-${platform}` as const;
    assert.equal(optional[name], runtime.version, name);
    assert.equal(runtime.platforms[platform].node.package, name);
  }
  assert.equal(process.versions.node, runtime.version, "tests run on it, too");
});

const ADVISORIES = [
  {
    id: "GHSA-ranges",
    affected: [
      {
        package: { ecosystem: "npm", name: "ws" },
        ranges: [
          {
            type: "SEMVER",
            events: [
              ...[{ introduced: "0" }, { fixed: "7.5.10" }],
              ...[{ introduced: "8.0.0" }, { fixed: "8.23.1" }],
            ],
          },
        ],
      },
    ],
  },
  {
    id: "GHSA-last",
    affected: [
      {
        package: { ecosystem: "npm", name: "@peculiar/x509" },
        ranges: [
          { type: "SEMVER", events: [{ introduced: "2.0.0-beta.1" }, { last_affected: "2.2.0" }] },
        ],
      },
    ],
  },
  {
    id: "BIT-node",
    affected: [{ package: { ecosystem: "Bitnami", name: "node" }, versions: ["24.21.0"] }],
  },
  {
    // In no order: OSV asks for none.
    id: "BIT-unsorted",
    affected: [
      {
        package: { ecosystem: "Bitnami", name: "node" },
        ranges: [
          {
            type: "SEMVER",
            events: [
              ...[{ fixed: "24.22.0" }, { introduced: "0" }],
              ...[{ introduced: "24.0.0" }, { fixed: "22.1.0" }],
            ],
          },
        ],
      },
    ],
  },
  {
    id: "PYSEC-other",
    affected: [{ package: { ecosystem: "PyPI", name: "ws" }, versions: ["8.23.0"] }],
  },
  {
    id: "GHSA-withdrawn",
    withdrawn: "2026-01-01T00:00:00Z",
    affected: [{ package: { ecosystem: "npm", name: "ws" }, versions: ["8.23.0"] }],
  },
];

test("[H09] a part that a stored export of OSV names is found, of packages and of Node; the release notes may say why it stays", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-osv-"));
  try {
    mkdirSync(join(folder, "dist/linux-x64"), { recursive: true });
    mkdirSync(join(folder, "osv/npm"), { recursive: true });
    writeFileSync(join(folder, "dist/linux-x64/holdfast"), "x");
    const components = [
      { name: "ws", version: "8.23.0", purl: "pkg:npm/ws@8.23.0" },
      {
        group: "@peculiar",
        name: "x509",
        version: "2.2.0",
        purl: "pkg:npm/%40peculiar/x509@2.2.0",
      },
      { name: "node", version: "24.21.0", purl: "pkg:generic/node@24.21.0" },
    ];
    writeFileSync(join(folder, "dist/linux-x64/holdfast.cdx.json"), JSON.stringify({ components }));
    for (const one of ADVISORIES) {
      writeFileSync(join(folder, "osv/npm", `${one.id}.json`), JSON.stringify(one));
    }
    const parts = listedIn(join(folder, "dist"));
    const advisories = readAdvisories(join(folder, "osv"));
    assert.equal(advisories.length, ADVISORIES.length);
    assert.deepEqual(knownVulnerable(parts, advisories, ""), [
      "BIT-node: node 24.21.0",
      "BIT-unsorted: node 24.21.0",
      "GHSA-last: @peculiar/x509 2.2.0",
      "GHSA-ranges: ws 8.23.0",
    ]);
    assert.deepEqual(
      knownVulnerable(parts, advisories, "GHSA-last: not reached. GHSA-ranges: no."),
      ["BIT-node: node 24.21.0", "BIT-unsorted: node 24.21.0"],
    );
    const node = (version: string) =>
      knownVulnerable(
        [{ name: "node", version, purl: `pkg:generic/node@${version}` }],
        advisories,
        "",
      );
    const nodes = ["22.0.9", "22.1.0", "23.9.9", "24.0.0", "24.22.0"];
    assert.deepEqual(
      nodes.map((version) => node(version).length),
      [1, 0, 0, 1, 0],
    );
    const at = (version: string) =>
      knownVulnerable([{ name: "ws", version, purl: `pkg:npm/ws@${version}` }], advisories, "")
        .length;
    const versions = ["7.5.9", "7.5.10", "8.0.0-rc.1", "8.0.0", "8.23.1"];
    assert.deepEqual(versions.map(at), [1, 0, 0, 1, 0]);
    mkdirSync(join(folder, "nothing"));
    assert.throws(() => readAdvisories(join(folder, "nothing")), /no advisory is stored there/);
    writeFileSync(join(folder, "osv/broken.json"), "{}");
    assert.throws(() => readAdvisories(join(folder, "osv")), /broken\.json: is no advisory/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
