/** What the programs have inside that they must not have (08 H13, H14). */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Metafile } from "esbuild";
import { ROOT } from "#installer/root.ts";
import { keptFiles, secretsIn, unknownSecrets } from "#scripts/find-secrets.ts";
import { BundledPrograms } from "#test/support/bundled-programs.ts";

/** All that can be loaded from `entries`, on whatever occasion. */
function reachable({ inputs }: Metafile, entries: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const waiting = [...entries];
  for (let input = waiting.pop(); input !== undefined; input = waiting.pop()) {
    const found = inputs[input];
    if (found === undefined || seen.has(input)) continue;
    seen.add(input);
    for (const { path, external } of found.imports) if (external !== true) waiting.push(path);
  }
  return seen;
}

const packagesIn = (modules: Iterable<string>): ReadonlySet<string> =>
  new Set(
    [...modules].flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
  );

describe("inside the programs", () => {
  let programs: BundledPrograms;
  before(async () => {
    programs = await BundledPrograms.make();
  });
  after(() => programs[Symbol.dispose]());

  test("[H14] of the service nothing leads to systeminformation, and to node-forge only the writer of certificate requests", () => {
    const { program, metafiles } = programs.made[0] ?? assert.fail();
    const [main, ...threads] = metafiles;
    assert.ok(main);
    const service = reachable(main, ["agent/cli/run.ts"]);
    assert.ok(service.size > 300 && packagesIn(service).has("ws"), "it is the service");
    const all = new Set(service);
    for (const [at, thread] of threads.entries()) {
      for (const module of reachable(thread, [program.threads[at] ?? ""])) all.add(module);
    }
    for (const name of ["systeminformation", "sax", "node-hl7-client", "tuf-js"]) {
      assert.ok(!packagesIn(all).has(name), name);
    }
    const importers = (name: string, within: Iterable<string>) =>
      [...within].flatMap((from) =>
        (main.inputs[from]?.imports ?? [])
          .filter(
            ({ path }) =>
              !from.startsWith("node_modules/") && path.includes(`node_modules/${name}/`),
          )
          .map(({ path, kind }) => `${from} ${kind} ${path}`),
      );
    assert.deepEqual(importers("node-forge", all), [
      "certs/csr.ts import-statement node_modules/node-forge/lib/asn1.js",
    ]);
    assert.deepEqual(importers("systeminformation", Object.keys(main.inputs)), [
      "agent/cli/doctor-machine.ts dynamic-import node_modules/systeminformation/lib/index.js",
    ]);
  });

  test("[H13] no key, token or password lies in the repository, in a program, or in the Node around it", () => {
    assert.deepEqual(unknownSecrets(keptFiles(ROOT), ROOT), []);
    const inside = programs.all.flatMap(({ made, files }) => [
      ...files,
      ...made.program.files.map((file) => join(ROOT, file)),
      ...Object.values(made.addOns),
    ]);
    assert.deepEqual(unknownSecrets([...new Set([...inside, process.execPath])], ""), []);
  });
});

test("[H13] the search finds what was planted, as people leave it lying about", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-secrets-"));
  try {
    const { privateKey } = generateKeyPairSync("ed25519");
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const pem = (key: typeof privateKey): string =>
      String(key.export({ format: "pem", type: "pkcs8" }));
    const base64 = (key: typeof privateKey): string =>
      key.export({ format: "der", type: "pkcs8" }).toString("base64");
    const sec1 = String(ec.export({ format: "pem", type: "sec1" }));
    const digits = "0123456789abcdef".repeat(6);
    const planted: readonly (readonly [kind: string, text: string])[] = [
      ...[privateKey, rsa, ec].map((key) => ["private key in PEM", pem(key)] as const),
      ["private key in PEM", sec1],
      ["private key in PEM", JSON.stringify(pem(rsa))],
      ...[privateKey, rsa, ec].map(
        (key) => ["private key in base64", `const k = "${base64(key)}"`] as const,
      ),
      ["enrolment token", `holdfast1.${digits}.0a1b2c3d`],
      ["token of a cloud or a code host", `AKIA${digits.slice(0, 16).toUpperCase()}`],
      ["token of a cloud or a code host", `ghp_${digits.slice(0, 36)}`],
      ["JSON web token", `eyJ${digits}.eyJ${digits}.${digits}`],
      ["password in a URL", `postgres://holdfast:${digits.slice(0, 12)}@db.example/x`],
      ["login of a registry", `//registry.example/:_authToken=${digits}`],
      ["password, written out", `password: "${digits.slice(0, 20)}"`],
    ];
    for (const [kind, text] of planted) {
      const bytes = Buffer.concat([
        Buffer.from([0, 255]),
        Buffer.from(`x\n${text}\n`),
        Buffer.from([0]),
      ]);
      writeFileSync(join(folder, "planted"), bytes);
      const lines = unknownSecrets(["planted"], folder);
      assert.ok(
        lines.some((line) => line.startsWith(`planted: ${kind} at byte`)),
        `${kind}: ${lines}`,
      );
      assert.ok(!lines.some((line) => line.includes(digits.slice(0, 12))), "it is not said again");
    }
    // Names of such things are none.
    const names = '-----BEGIN PRIVATE KEY-----", token: config.token, https://host:8443/a@b';
    assert.deepEqual(secretsIn(Buffer.from(names)), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
