import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Difference, differenceOf } from "#config/difference.ts";
import { differenceText } from "#config/difference-text.ts";
import { bodyOf, drop, listener, outlet, sender } from "#test/support/configurations.ts";

const summary = ({ lines }: Difference): readonly string[] =>
  lines.map(({ kind, risk, channel, setting }) => `${kind} ${risk} ${channel} ${setting}`.trim());

test("[VC10] the same configuration changes nothing, and is low", () => {
  const body = bodyOf(listener(), sender(), drop(), outlet());
  const found = differenceOf(body, bodyOf(outlet(), drop(), sender(), listener()));
  assert.deepEqual(found, { risk: "low", lines: [] });
  assert.equal(differenceText(found), "Nothing changes (low)\n");
  // A default that is written out is no change.
  assert.deepEqual(differenceOf(bodyOf(sender()), bodyOf(sender({ errorRetries: 3 }))).lines, []);
});

test("[VC10] the gravest line is the class of the whole", () => {
  const before = bodyOf(sender(), drop());
  const risk = (after: ReturnType<typeof bodyOf>) => differenceOf(before, after).risk;
  assert.equal(risk(bodyOf(sender(), drop({ growAlarmSeconds: 60 }))), "low");
  assert.equal(risk(bodyOf(sender({ errorRetries: 5 }), drop({ growAlarmSeconds: 60 }))), "medium");
  assert.equal(risk(bodyOf(sender({ port: 1 }), drop({ growAlarmSeconds: 60 }))), "high");
});

test("[U27] a channel that comes, goes, or changes its kind is high", () => {
  const before = bodyOf(listener(), sender());
  assert.equal(differenceOf(before, bodyOf(listener())).risk, "high");
  assert.equal(differenceOf(bodyOf(listener()), before).risk, "high");
  assert.equal(differenceOf(undefined, before).risk, "high");
  const other = differenceOf(
    before,
    bodyOf(listener({ name: "to-ris", port: 9 }), sender({ name: "adt" })),
  );
  assert.equal(other.risk, "high");
  assert.equal(other.lines.filter(({ setting }) => setting === "").length, 4);
});

test("[VC11] people read first what opens, then what closes, then where data goes, in an order that is always the same", () => {
  const before = bodyOf(listener(), sender({ name: "old" }), drop());
  const after = bodyOf(
    listener({ port: 2600, allow: ["10.20.7.0/24", "10.21.0.0/16"], staleAfterSeconds: 60 }),
    drop({ archiveFolder: "/srv/elsewhere" }),
    sender(),
  );
  const found = differenceOf(before, after);
  assert.deepEqual(summary(found), [
    "opens high adt allow",
    "opens high adt port",
    "opens high to-ris",
    "closes high adt allow",
    "closes high old",
    "goes high files archiveFolder",
    "goes high to-ris host",
    "goes high to-ris port",
    "changes medium adt staleAfterSeconds",
  ]);
  assert.deepEqual(found.lines[0]?.after, ["10.20.7.0/24", "10.21.0.0/16"]);
  assert.deepEqual(found.lines[3]?.before, ["10.20.0.0/16"]);
  const turned = bodyOf(...[...after.channels].reverse().map((one) => ({ ...one })));
  assert.deepEqual(differenceOf(before, turned), found);
  assert.equal(
    differenceText(found),
    `Risk class of the whole: high
What opens
  adt: allow + ["10.20.7.0/24","10.21.0.0/16"] (high: who may send, or from where)
  adt: port 2575 -> 2600 (high: who may send, or from where)
  to-ris + "mllp-sender" (high: a channel is added)
What closes
  adt: allow - ["10.20.0.0/16"] (high: who may send, or from where)
  old - "mllp-sender" (high: a channel is removed)
Where data goes
  files: archiveFolder + "/srv/elsewhere" (high: where messages go or are kept)
  to-ris: host + "ris.hospital.example" (high: where messages go or are kept)
  to-ris: port + 6661 (high: where messages go or are kept)
What else changes
  adt: staleAfterSeconds 120 -> 60 (medium: how long is waited or how often is tried)
`,
  );
});

test("[VC11] of a new channel everything is shown that is not as it would be anyway", () => {
  const added = differenceOf(
    undefined,
    bodyOf(listener({ ackMode: "commitOnly", lenientEnd: true })),
  );
  assert.deepEqual(summary(added), [
    "opens high adt",
    "opens high adt allow",
    "opens high adt host",
    "opens high adt port",
    "changes high adt ackMode",
  ]);
});

test("[VC11] TLS that goes away is shown setting by setting", () => {
  const tls = { certificate: "a.pem", key: "a.key", clientCa: "ca.pem" };
  const found = differenceOf(bodyOf(listener({ tls })), bodyOf(listener()));
  assert.ok(summary(found).includes("opens high adt tls.clientCa"));
  assert.equal(found.risk, "high");
});

test("[VC11] nothing in a text is obeyed by a terminal, or turns its direction", () => {
  const folder = "/srv/\u001b[2J\u202eevil\u0007";
  const before = bodyOf(outlet());
  const [channel] = before.channels;
  assert.ok(channel?.kind === "folder");
  const text = differenceText(differenceOf(before, { channels: [{ ...channel, folder }] }));
  assert.match(text, /\\u001b\[2J\\u\{202e\}evil\\u0007/);
  assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{C}\p{Zl}\p{Zp}]/u);
});

test("[VC10] there is a line for every difference, and none without", () => {
  const port = fc.integer({ min: 1, max: 5 });
  const name = fc.constantFrom("a", "b", "c", "d");
  const channels = fc.uniqueArray(fc.record({ name, port, errorRetries: fc.nat(2) }), {
    selector: (one) => one.name,
    minLength: 1,
  });
  fc.assert(
    fc.property(channels, channels, (from, to) => {
      const [before, after] = [bodyOf(...from.map(sender)), bodyOf(...to.map(sender))];
      const { lines, risk } = differenceOf(before, after);
      const touched = new Set(lines.map(({ channel }) => channel));
      for (const one of [...from, ...to]) {
        const [was, is] = [from, to].map((all) => all.find(({ name }) => name === one.name));
        assert.equal(touched.has(one.name), JSON.stringify(was) !== JSON.stringify(is));
      }
      assert.equal(lines.length === 0, risk === "low" && touched.size === 0);
    }),
  );
});
