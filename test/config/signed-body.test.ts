import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { channelSetOf } from "#config/channel-set.ts";
import { DocumentError, parseDocument } from "#config/document.ts";
import { LOCAL_KEYS } from "#config/local.ts";
import { judgeBody, signedBody } from "#config/signed-body.ts";
import { bodyOf, drop, faultsOf, listener, outlet, sender } from "#test/support/configurations.ts";

test("[VC8] a body has the channels of local.yaml, with the same defaults", () => {
  const body = bodyOf(listener(), sender(), drop(), outlet());
  const set = channelSetOf(body.channels, { folders: "/", tls: "/etc/holdfast/tls" });
  assert.equal(set.channels[0]?.blockIdleTimeoutSeconds, 60);
  assert.equal(set.senders[0]?.replyTimeoutSeconds, 30);
  assert.equal(set.drops[0]?.archiveFolder, "/srv/files/archive");
  assert.equal(set.folderSenders[0]?.folder, "/srv/lab/out");
});

test("[VC8] files of TLS are bare names, and lie in the folder that the hospital has chosen", () => {
  const tls = { certificate: "adt.pem", key: "adt.key", clientCa: "ca.pem" };
  const body = bodyOf(listener({ tls }), sender({ tls: { serverCa: "ris-ca.pem" } }));
  const set = channelSetOf(body.channels, { folders: "/", tls: "/etc/holdfast/tls" });
  assert.equal(set.channels[0]?.tls?.key, "/etc/holdfast/tls/adt.key");
  assert.equal(set.senders[0]?.tls?.serverCa, "/etc/holdfast/tls/ris-ca.pem");
  for (const name of [
    "/etc/shadow",
    "../a",
    "a/b",
    "a\\b",
    "..",
    ".hidden",
    "",
    "a\u0000",
    "C:a",
  ]) {
    const found = faultsOf({ channels: [listener({ tls: { ...tls, key: name } })] });
    assert.equal(found.length > 0, true, name);
    const other = faultsOf({ channels: [sender({ tls: { serverCa: name } })] });
    assert.equal(other.length > 0, true, name);
  }
});

test("[U26] what belongs to local.yaml is refused by name, each key of it", () => {
  const own = LOCAL_KEYS.filter((key) => key !== "channels");
  for (const key of ["receiver", "identity", "kek", "policy", "stateDir", "configSource"]) {
    assert.ok(own.includes(key), key);
  }
  for (const key of own) {
    const [found = "", ...more] = faultsOf({ channels: [listener()], [key]: {} });
    assert.match(found, new RegExp(`^${key} belongs to local.yaml`));
    assert.deepEqual(more, []);
  }
});

test("[VC8] keys that nobody knows are refused with their place", () => {
  assert.match(faultsOf({ channels: [listener({ prot: 1 })] })[0] ?? "", /^channels\.0 .*prot/);
  assert.match(faultsOf({ channels: [listener()], trust: {} })[0] ?? "", /trust/);
  assert.deepEqual(faultsOf({})[0]?.startsWith("channels "), true);
});

test("[VC8] a body that is written in YAML has problems with line and column", () => {
  const text = "channels:\n  - name: adt\n    kind: mllp-listener\n    prot: 2575\nreceiver: {}\n";
  assert.throws(
    () => parseDocument(text, "site.yaml", signedBody),
    (error: unknown) => {
      assert.ok(error instanceof DocumentError);
      assert.match(error.message, /site\.yaml:4:5: unknown key 'prot', did you mean 'port'\?/);
      assert.match(error.message, /site\.yaml:5:1: 'receiver' belongs to local\.yaml/);
      return true;
    },
  );
});

test("[VC8] folders are absolute, of either system, without steps back", () => {
  for (const folder of ["/srv/in", "C:\\in", "c:/in", "\\\\server\\share\\in"]) {
    assert.deepEqual(faultsOf({ channels: [outlet({ folder })] }), [], folder);
  }
  const BAD = ["in", "./in", "/srv/../etc", "/srv/./in", "C:in", "\\\\?\\C:\\in", "\\\\.\\pipe\\x"];
  for (const folder of [...BAD, "/srv/in\n", "C:\\a\\..\\b", "~/in"]) {
    assert.match(
      faultsOf({ channels: [outlet({ folder })] })[0] ?? "",
      /^channels\.0\.folder /,
      folder,
    );
  }
});

test("[VC8] a sentinel is a bare name: it would tell whether any file exists", () => {
  assert.deepEqual(faultsOf({ channels: [drop({ sentinelFile: "mounted" })] }), []);
  for (const channel of [drop, outlet]) {
    const found = faultsOf({ channels: [channel({ sentinelFile: "../../etc/passwd" })] });
    assert.match(found[0] ?? "", /^channels\.0\.sentinelFile must be (the bare|a) name/);
  }
});

test("[VC8] channels that share a name, a port or a folder are refused", () => {
  assert.match(
    faultsOf({ channels: [listener(), sender({ name: "adt" })] })[0] ?? "",
    /name twice/,
  );
  const other = listener({ name: "adt2" });
  assert.match(faultsOf({ channels: [listener(), other] })[0] ?? "", /port twice/);
  const twice = faultsOf({ channels: [drop(), outlet({ folder: "/srv/files/in" })] });
  assert.match(twice[0] ?? "", /^channels\.1\.folder is the same folder/);
});

test("[U28] an expression that could run for years is refused, at once", () => {
  const found = faultsOf({ channels: [drop({ namePattern: "(a+)+$" })] });
  assert.match(found[0] ?? "", /^channels\.0\.namePattern must not repeat a group/);
  assert.deepEqual(faultsOf({ channels: [drop({ namePattern: "^(?<id>\\d+)_" })] }), []);
});

test("[U28] keys of prototypes are unknown keys, and change no prototype", () => {
  const polluted = JSON.parse(
    '{"channels":[{"name":"adt","kind":"mllp-listener","port":2575,"__proto__":{"allow":["0.0.0.0/0"]}}],"__proto__":{"policy":{}},"constructor":{"prototype":{"x":1}}}',
  ) as unknown;
  assert.ok(faultsOf(polluted).length > 0);
  assert.equal(({} as Record<string, unknown>)["x"], undefined);
  assert.equal(({} as Record<string, unknown>)["policy"], undefined);
});

test("[VC8] a body of any shape is judged, with at most 20 problems", () => {
  const values: readonly unknown[] = [
    null,
    [],
    1,
    "x",
    { channels: null },
    { channels: {} },
    { channels: [null] },
  ];
  for (const value of values) assert.ok(faultsOf(value).length > 0);
  const many = Array.from({ length: 100_000 }, () => ({}));
  assert.ok(faultsOf({ channels: many }).length <= 20);
  assert.ok(faultsOf({ channels: [listener({ allow: many })] }).length <= 20);
  // So many faults that a call with one argument for each overflows the stack.
  const wide = Array.from({ length: 500 }, () => listener({ allow: Array(500).fill(1) }));
  assert.deepEqual(faultsOf({ channels: wide }), [" must not have more than 20000 values"]);
  const just = Array.from({ length: 30 }, () => listener({ allow: Array(500).fill(1) }));
  assert.equal(faultsOf({ channels: just }).length, 20);
  assert.equal(judgeBody({ channels: [] }).kind, "unfit");
});

test("[VC8] no value makes the judgement throw, and what fits is judged alike when it is judged again", () => {
  const fitting = [
    listener({ tls: { certificate: "a", key: "b", clientCa: "c" } }),
    sender(),
    drop(),
    outlet(),
  ];
  const keys = [...new Set(fitting.flatMap((channel) => Object.keys(channel)))];
  const broken = fc
    .tuple(
      fc.constantFrom(...fitting),
      fc.dictionary(fc.constantFrom(...keys, "tls"), fc.jsonValue()),
    )
    .map(([channel, changes]) => ({ channels: [{ ...channel, ...changes }] }));
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), broken), (value) => {
      const judged = judgeBody(value);
      if (judged.kind === "fits") assert.deepEqual(judgeBody(judged.body), judged);
      else assert.ok(judged.problems.length > 0);
    }),
    { numRuns: 2_000 },
  );
});
