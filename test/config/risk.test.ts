import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { channelList } from "#config/channel-set.ts";
import { RISK_TABLE, riskOf } from "#config/risk.ts";

type Schema = z.core.JSONSchema.BaseSchema;

function leaves(schema: Schema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    if (typeof inner === "boolean") return [path];
    return inner.properties === undefined ? [path] : leaves(inner, path);
  });
}

/** Every leaf of the schema, by kind of channel. */
function schemaLeaves(): Map<string, string[]> {
  const schema = z.toJSONSchema(channelList, { io: "input", unrepresentable: "any" }) as Schema;
  const items = schema.items as Schema;
  const kinds = [...(items.oneOf ?? []), ...(items.anyOf ?? [])] as Schema[];
  return new Map(
    kinds.map((one) => {
      const { kind } = one.properties as { kind: { const: string } };
      return [kind.const, leaves(one, "").sort()];
    }),
  );
}

test("[VC10] every setting of every kind has a class, and no class is of nothing", () => {
  const found = schemaLeaves();
  assert.deepEqual([...found.keys()].sort(), Object.keys(RISK_TABLE).sort());
  assert.equal(found.size, 4);
  for (const [kind, paths] of found) {
    assert.ok(paths.length > 10, kind);
    assert.deepEqual(Object.keys(RISK_TABLE[kind] ?? {}).sort(), paths, kind);
  }
});

test("[U27] what 07 2.9 names as high is high, whatever it is changed to", () => {
  const HIGH: readonly (readonly [string, string])[] = [
    ...["host", "port", "allow", "ackMode", "malformedReply", "cannotStoreReply"].map(
      (path) => ["mllp-listener", path] as const,
    ),
    ...["tls.certificate", "tls.key", "tls.clientCa", "tls.allowedSubjects"].map(
      (path) => ["mllp-listener", path] as const,
    ),
    ...["host", "port", "tls.serverCa", "onError", "onReject"].map(
      (path) => ["mllp-sender", path] as const,
    ),
    ...["folder", "archiveFolder", "includePatterns", "afterCommit"].map(
      (path) => ["file-drop", path] as const,
    ),
    ...["folder", "nameTemplate", "sentFolder"].map((path) => ["folder", path] as const),
  ];
  for (const [kind, path] of HIGH) {
    for (const [before, after] of [
      [1, 2],
      [2, 1],
      ["a", "b"],
      [undefined, "a"],
      ["a", undefined],
    ]) {
      assert.equal(riskOf(kind, path, before, after).risk, "high", `${kind} ${path}`);
    }
  }
});

test("[VC10] where the direction decides, it does", () => {
  const TABLE: readonly (readonly [string, string, unknown, unknown, string, RegExp])[] = [
    ["file-drop", "archiveKeepDays", 30, 31, "medium", /longer retention/],
    ["file-drop", "archiveKeepDays", 30, 29, "high", /shorter retention/],
    // 0 is for ever (04 P30).
    ["file-drop", "archiveKeepDays", 30, 0, "medium", /longer retention/],
    ["file-drop", "archiveKeepDays", 0, 3_650, "high", /shorter retention/],
    ["mllp-listener", "duplicateWindowHours", 24, 0, "high", /shorter retention/],
    ["file-drop", "folderAlarmFiles", 100, 50, "low", /sooner/],
    ["file-drop", "folderAlarmFiles", 50, 100, "high", /later/],
    // 0 is off (04 P58).
    ["folder", "pickupAlarmSeconds", 0, 60, "low", /sooner/],
    ["folder", "pickupAlarmSeconds", 60, 0, "high", /later/],
    ["file-drop", "stableForSeconds", 5, 30, "medium", /longer wait/],
    ["file-drop", "stableForSeconds", 30, 5, "high", /shorter wait/],
    // Written out or not, nobody can tell the direction.
    ["file-drop", "stableForSeconds", undefined, 30, "high", /waited/],
    ["mllp-sender", "replyTimeoutSeconds", 30, 60, "medium", /waited/],
    ["mllp-sender", "errorRetries", 3, 0, "medium", /tried/],
    ["file-drop", "pollSeconds", 5, 3_600, "medium", /waited/],
  ];
  for (const [kind, path, before, after, risk, reason] of TABLE) {
    const found = riskOf(kind, path, before, after);
    assert.equal(found.risk, risk, `${kind} ${path} ${String(before)} ${String(after)}`);
    assert.match(found.reason, reason);
  }
});

test("[U27] a setting or kind that the table does not have is high, whatever its name", () => {
  const NAMES = ["brandNew", "constructor", "__proto__", "toString", "tls", ""];
  for (const name of NAMES) {
    assert.equal(riskOf("mllp-listener", name, 1, 2).risk, "high", name);
    assert.equal(riskOf(name, "pollSeconds", 1, 2).risk, "high", name);
  }
});
