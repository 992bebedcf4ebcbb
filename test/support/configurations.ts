/** Signed bodies and policies for tests: short to write, complete to use. @module */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadLocalConfig } from "#config/local.ts";
import type { Policy } from "#config/policy.ts";
import { judgeBody, type SignedBody } from "#config/signed-body.ts";

type Settings = Readonly<Record<string, unknown>>;

export const listener = (settings: Settings = {}): Settings => ({
  ...{ name: "adt", kind: "mllp-listener", host: "10.20.3.4", port: 2575 },
  ...{ allow: ["10.20.0.0/16"], ...settings },
});
export const sender = (settings: Settings = {}): Settings => ({
  ...{ name: "to-ris", kind: "mllp-sender", host: "ris.hospital.example", port: 6661, ...settings },
});
export const drop = (settings: Settings = {}): Settings => ({
  ...{ name: "files", kind: "file-drop", folder: "/srv/files/in", ...settings },
});
export const outlet = (settings: Settings = {}): Settings => ({
  ...{ name: "to-lab", kind: "folder", folder: "/srv/lab/out", ...settings },
});

/** @throws if the channels do not fit the schema */
export function bodyOf(...channels: readonly Settings[]): SignedBody {
  const judged = judgeBody({ channels });
  assert.equal(judged.kind, "fits", JSON.stringify(judged));
  return judged.kind === "fits" ? judged.body : { channels: [] };
}

/** What is wrong with a body: `path message` of each problem. */
export function faultsOf(value: unknown): readonly string[] {
  const judged = judgeBody(value);
  return judged.kind === "fits"
    ? []
    : judged.problems.map(({ path, message }) => `${path} ${message}`);
}

const HEAD = `stateDir: state
statusPage: off
receiver: { url: wss://gateway.example.org }
identity: { certificate: a.crt, key: a.key, receiverCa: ca.crt }
configSource: signed
`;

/** The policy of a `local.yaml` that has this block. @param block indented by two @throws {DocumentError} */
export function policyOf(block: string): Policy {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-policy-"));
  try {
    const file = join(folder, "local.yaml");
    writeFileSync(file, `${HEAD}${block === "" ? "" : `policy:\n${block}`}`);
    return loadLocalConfig(file).policy;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
