import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Policy } from "#config/policy.ts";
import { whatPolicyForbids } from "#config/policy-check.ts";
import { realFolder } from "#config/real-folder.ts";
import type { SignedBody } from "#config/signed-body.ts";
import { bodyOf, drop, listener, outlet, policyOf, sender } from "#test/support/configurations.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-policy-check-")));
after(() => rmSync(folder, { recursive: true }));
const allowed = join(folder, "allowed");
const outside = join(folder, "outside");
for (const one of [allowed, outside, join(allowed, "state")]) mkdirSync(one);

const WIDE: Policy = policyOf(`
  listenAddresses: [10.20.3.0/24, 127.0.0.1]
  listenPorts: ["2570-2579", 6000]
  sourceNetworks: [10.20.0.0/16, 127.0.0.0/8, "::1"]
  folderRoots: ["${allowed}"]
  destinations: ["ris.hospital.example:6661", "[fd00::1]:2575"]
`);
const PLACES = { reserved: [join(allowed, "state")] };

/** `rule place` of each breach. */
function breaches(body: SignedBody, policy: Policy = WIDE): readonly string[] {
  return whatPolicyForbids(body, policy, PLACES).map(({ rule, place }) => `${rule} ${place}`);
}

test("[VC9] what a policy lists is allowed", () => {
  const files = drop({ folder: join(allowed, "in") });
  const body = bodyOf(listener(), sender(), files, outlet({ folder: join(allowed, "out") }));
  assert.deepEqual(breaches(body), []);
  assert.deepEqual(breaches(bodyOf(listener({ port: 6_000, allow: ["10.20.9.9"] }))), []);
  assert.deepEqual(breaches(bodyOf(sender({ host: "FD00:0::1", port: 2575 }))), []);
  assert.deepEqual(breaches(bodyOf(sender({ host: "RIS.Hospital.example." }))), []);
});

test("[U26] an absent list allows nothing, and each breach names its rule and its place", () => {
  const files = drop({ folder: join(allowed, "in") });
  const tls = { serverCa: "ris-ca.pem" };
  const body = bodyOf(listener(), sender({ tls }), files, outlet({ folder: join(allowed, "out") }));
  assert.deepEqual(breaches(body, policyOf("")), [
    "policy.listenAddresses channels.0.host",
    "policy.listenPorts channels.0.port",
    "policy.sourceNetworks channels.0.allow.0",
    "policy.destinations channels.1.host",
    "policy.tlsFolder channels.1.tls",
    "policy.folderRoots channels.2.folder",
    "policy.folderRoots channels.2.workFolder",
    "policy.folderRoots channels.2.archiveFolder",
    "policy.folderRoots channels.2.errorFolder",
    "policy.folderRoots channels.3.folder",
  ]);
});

test("[U26] a listener is held to addresses, ports and networks", () => {
  const TABLE: readonly (readonly [Readonly<Record<string, unknown>>, readonly string[]])[] = [
    [{ host: "10.20.4.4" }, ["policy.listenAddresses channels.0.host"]],
    [{ port: 2580 }, ["policy.listenPorts channels.0.port"]],
    // Whatever port is free is no port that anybody allowed.
    [{ port: 0 }, ["policy.listenPorts channels.0.port"]],
    [{ allow: ["10.0.0.0/8"] }, ["policy.sourceNetworks channels.0.allow.0"]],
    [{ allow: ["10.20.1.1", "0.0.0.0/0"] }, ["policy.sourceNetworks channels.0.allow.1"]],
    [{ allow: ["::/0"] }, ["policy.sourceNetworks channels.0.allow.0"]],
    [{ host: "127.0.0.1", allow: [] }, []],
  ];
  for (const [settings, expected] of TABLE) {
    assert.deepEqual(breaches(bodyOf(listener(settings))), expected, JSON.stringify(settings));
  }
});

test("[U26] without allow a loopback listener takes this machine, which must be a network that is allowed", () => {
  const policy: Policy = { ...WIDE, sourceNetworks: ["10.20.0.0/16"] };
  const body = bodyOf(listener({ host: "127.0.0.1", allow: [] }));
  assert.deepEqual(
    new Set(breaches(body, policy)),
    new Set(["policy.sourceNetworks channels.0.allow"]),
  );
});

test("[U26] to listen on every interface must be allowed by that very address", () => {
  const rule = "policy.listenAddresses channels.0.host";
  for (const host of ["0.0.0.0", "::ffff:0.0.0.0"]) {
    const body = bodyOf(listener({ host }));
    assert.deepEqual(breaches(body, { ...WIDE, listenAddresses: ["0.0.0.0/8", "0.0.0.0/0"] }), [
      rule,
    ]);
    assert.deepEqual(breaches(body, { ...WIDE, listenAddresses: ["0.0.0.0"] }), []);
  }
  const six = bodyOf(listener({ host: "::" }));
  assert.deepEqual(breaches(six, { ...WIDE, listenAddresses: ["::/0", "0.0.0.0"] }), [rule]);
  assert.deepEqual(breaches(six, { ...WIDE, listenAddresses: ["::"] }), []);
});

test("[U26] localhost is allowed where all that it may mean is", () => {
  const body = bodyOf(listener({ host: "localhost" }));
  assert.deepEqual(breaches(body), ["policy.listenAddresses channels.0.host"]);
  assert.deepEqual(breaches(body, { ...WIDE, listenAddresses: ["127.0.0.1", "::1"] }), []);
});

test("[U26] a destination is a host and a port together", () => {
  const rule = ["policy.destinations channels.0.host"];
  assert.deepEqual(breaches(bodyOf(sender({ port: 2575 }))), rule);
  assert.deepEqual(breaches(bodyOf(sender({ host: "fd00::1" }))), rule);
  assert.deepEqual(breaches(bodyOf(sender({ host: "10.20.3.4" }))), rule);
});

test("[U26] every folder of a channel lies in a root, also those that nobody wrote out", () => {
  const root = "policy.folderRoots channels.0";
  const own = { folder: join(allowed, "a/in") };
  const beside = ["workFolder", "archiveFolder", "errorFolder"].map((key) => `${root}.${key}`);
  const table: readonly (readonly [SignedBody, readonly string[]])[] = [
    [bodyOf(drop({ folder: join(outside, "a/in") })), [`${root}.folder`, ...beside]],
    [bodyOf(drop({ ...own, archiveFolder: join(outside, "b") })), [`${root}.archiveFolder`]],
    [bodyOf(drop({ ...own, workFolder: join(outside, "b") })), [`${root}.workFolder`]],
    [bodyOf(drop({ ...own, errorFolder: join(outside, "b") })), [`${root}.errorFolder`]],
    [bodyOf(outlet({ ...own, tempFolder: join(outside, "b") })), [`${root}.tempFolder`]],
    [bodyOf(outlet({ ...own, keepSent: true, sentFolder: outside })), [`${root}.sentFolder`]],
    // Work, archive and error would lie beside the root, and the agent's own folder in it.
    [bodyOf(drop({ folder: allowed })), ["local.yaml channels.0.folder", ...beside]],
    // A name that begins like the root's.
    [bodyOf(outlet({ folder: `${allowed}-too` })), [`${root}.folder`]],
  ];
  for (const [body, expected] of table) {
    assert.deepEqual([...new Set(breaches(body))], expected, JSON.stringify(body.channels[0]));
  }
});

test("[U26] a folder is where its links lead, also one that does not exist yet", () => {
  symlinkSync(outside, join(allowed, "escape"));
  symlinkSync(join(folder, "nowhere"), join(allowed, "dangling"));
  symlinkSync(allowed, join(outside, "back"));
  const rule = ["policy.folderRoots channels.0.folder"];
  assert.deepEqual(breaches(bodyOf(outlet({ folder: join(allowed, "escape") }))), rule);
  assert.deepEqual(breaches(bodyOf(outlet({ folder: join(allowed, "escape/new/deep") }))), rule);
  assert.deepEqual(breaches(bodyOf(outlet({ folder: join(allowed, "dangling") }))), rule);
  assert.deepEqual(breaches(bodyOf(outlet({ folder: join(allowed, "dangling/x") }))), rule);
  assert.deepEqual(breaches(bodyOf(outlet({ folder: join(outside, "back/x") }))), []);
  // The hospital's own link, in its own policy.
  const linked: Policy = { ...WIDE, folderRoots: [join(outside, "back")] };
  assert.deepEqual(breaches(bodyOf(outlet({ folder: join(allowed, "x") })), linked), []);
  assert.equal(realFolder(join(outside, "back/x/y")), join(allowed, "x/y"));
});

test("[U26] no folder is, holds or lies in what belongs to the agent itself", () => {
  const rule = ["local.yaml channels.0.folder"];
  assert.deepEqual(breaches(bodyOf(outlet({ folder: join(allowed, "state") }))), rule);
  assert.deepEqual(breaches(bodyOf(outlet({ folder: join(allowed, "state/outbox") }))), rule);
  assert.deepEqual(breaches(bodyOf(outlet({ folder: allowed }))), rule);
});

test("[U26] nothing but channels passes, whoever built the body", () => {
  const body = { ...bodyOf(listener()), receiver: { url: "wss://elsewhere.example" } };
  assert.deepEqual(breaches(body), ["local.yaml receiver"]);
});
