/** What a config document must pass, step by step, in a running agent: the first that fails refuses (07 2.4). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConfigDocument } from "#documents/types/config.ts";
import { listener } from "#test/support/configurations.ts";
import {
  at,
  channelsOn,
  configOf,
  DAY_MS,
  MINUTE_MS,
  NOW_MS,
  trustOf,
} from "#test/support/configured-documents.ts";
import { passed, Site } from "#test/support/configured-site.ts";
import { changed, KEYS } from "#test/support/signed-documents.ts";

const BODY = channelsOn(21_001);

/** A trust document that says it is another one. */
const relabelled = (type: string): Uint8Array =>
  changed(trustOf(), (json) => {
    json.payloadType = `application/vnd.holdfast.${type}.v1+json`;
  });

describe("a config document", () => {
  const rows: readonly [rule: string, code: string, change: Partial<ConfigDocument>][] = [
    ["[V10] for another agent", "WRONG_RECIPIENT", { agent: "ward-2" }],
    ["[V10] for another tenant", "WRONG_RECIPIENT", { tenant: "south" }],
    ["[VC3] of an older epoch", "EPOCH", { epoch: 0 }],
    ["[VC3] of an epoch that has not begun", "EPOCH", { epoch: 2 }],
    ["[VC4] far ahead", "FAST_FORWARD", { seq: 10_001 }],
    ["[VC5] on a base that is not in effect", "BASE_MISMATCH", { base: "ab".repeat(32) }],
    ["[VC6] that has expired", "EXPIRED", { offerExpires: at(NOW_MS) }],
    [
      "[VC6] that lives too long",
      "LIFETIME",
      { issuedAt: at(NOW_MS - DAY_MS), offerExpires: at(NOW_MS + 90 * DAY_MS) },
    ],
    ["[VC6] from the future", "FUTURE", { issuedAt: at(NOW_MS + 11 * MINUTE_MS) }],
    ["[VC7] for an older agent", "VERSION", { maxAgent: "1.2.2" }],
    ["[VC7] for a newer agent", "VERSION", { minAgent: "1.2.4" }],
    ["[VC7] of a schema that is not known", "VERSION", { schema: 2 }],
    ["[VC8] that does not fit the schema", "SCHEMA", { body: { channels: [{ name: "x" }] } }],
    [
      "[VC8] that changes what is the hospital's own",
      "SCHEMA",
      { body: { ...BODY, receiver: {} } },
    ],
    [
      "[VC9] outside the policy",
      "POLICY",
      { body: { channels: [listener({ host: "10.1.1.1" })] } },
    ],
  ];

  test("[VC1] [VC10] refused by any step leaves an entry and changes nothing; what passes all raises the number", async () => {
    await using site = await Site.make();
    await using machine = await site.start();
    assert.equal(
      await machine.taken(configOf({ body: BODY }).envelope),
      "SIGNATURES",
      "no trust yet",
    );
    assert.equal(await machine.taken(trustOf()), "accepted");
    const before = JSON.stringify(machine.opened.configuration.lifeCycle);
    for (const [rule, code, change] of rows) {
      const entries = (await machine.audit()).length;
      const made = configOf({ body: BODY, ...change });
      assert.equal(await machine.taken(made.envelope), code, rule);
      assert.equal(JSON.stringify(machine.opened.configuration.lifeCycle), before, rule);
      assert.deepEqual((await machine.audit()).slice(entries), [`config.refused ${code}`], rule);
    }
    for (const [envelope, code] of [
      [configOf({ body: BODY }, KEYS.config.slice(0, 1)).envelope, "SIGNATURES"],
      [relabelled("config"), "SIGNATURES"],
      [relabelled("status"), "WRONG_TYPE"],
      [Buffer.from("no envelope"), "WRONG_TYPE"],
    ] as const) {
      assert.equal(await machine.taken(envelope), code);
    }
    assert.equal(JSON.stringify(machine.opened.configuration.lifeCycle), before);
    const made = configOf({ seq: 7, body: BODY });
    assert.equal(await machine.taken(made.envelope), "AWAITING_APPROVAL");
    const { seqHigh, newest } = machine.desk.status;
    assert.deepEqual([seqHigh, newest?.digest, newest?.risk], [7, made.digest, "high"]);
    assert.equal(machine.recording.keeper.marks.seqHigh, 7, "the marks know it");
    assert.deepEqual(machine.ports, []);
  });

  test("[VC1] with channels of the hospital's own file, a configuration is refused and trust is taken", async () => {
    await using site = await Site.make({ configSource: "local" });
    await using machine = await site.start();
    assert.equal(await machine.taken(trustOf()), "accepted");
    assert.equal(await machine.taken(configOf({ body: BODY }).envelope), "POLICY");
    assert.equal(machine.desk.status.newest, undefined);
  });

  test("[VC4] [VC10] the same one is in progress, an older one is refused, a later one supersedes it while it waits", async () => {
    await using site = await Site.make();
    await using machine = await site.start();
    await machine.taken(trustOf());
    const first = configOf({ seq: 5, body: BODY });
    assert.equal(await machine.taken(first.envelope), "AWAITING_APPROVAL");
    assert.equal(await machine.taken(first.envelope), "IN_PROGRESS");
    assert.equal(
      await machine.taken(configOf({ seq: 5, body: BODY, ticket: "other bytes" }).envelope),
      "ROLLBACK",
    );
    assert.equal(await machine.taken(configOf({ seq: 4, body: BODY }).envelope), "ROLLBACK");
    const later = configOf({ seq: 6, body: BODY });
    assert.equal(await machine.taken(later.envelope), "AWAITING_APPROVAL");
    assert.equal(machine.desk.status.newest?.digest, later.digest);
    assert.ok((await machine.audit("config.refused")).includes("config.refused SUPERSEDED"));
    assert.equal(await machine.approved(first.digest), "CONFIG_NOT_WAITING");
  });

  test("[U10] a number that is far ahead is refused; after a new epoch the first number applies", async () => {
    await using site = await Site.make();
    await using machine = await site.start();
    await machine.taken(trustOf());
    assert.equal(
      await machine.taken(configOf({ seq: 2 ** 50, body: BODY }).envelope),
      "FAST_FORWARD",
    );
    assert.equal(
      await machine.taken(configOf({ seq: 9_999, body: BODY }).envelope),
      "AWAITING_APPROVAL",
    );
    assert.equal(await machine.taken(trustOf({ version: 2, configEpoch: 2 })), "accepted");
    assert.equal(
      machine.desk.status.newest?.reason,
      "EPOCH",
      "what the old keys signed goes no further",
    );
    assert.deepEqual([machine.desk.status.epoch, machine.desk.status.seqHigh], [2, 0]);
    assert.equal(await machine.taken(configOf({ seq: 9_999, body: BODY }).envelope), "EPOCH");
    assert.equal(
      await machine.taken(configOf({ epoch: 2, seq: 1, body: BODY }).envelope),
      "AWAITING_APPROVAL",
    );
  });

  test("[VC6] a clock that was set back does not bring back what has expired, and is named", async () => {
    await using site = await Site.make();
    await using machine = await site.start();
    await machine.taken(trustOf());
    const old = configOf({ body: BODY, offerExpires: at(NOW_MS - MINUTE_MS) });
    // The floor is what was accepted last, and outlives the start.
    await machine.taken(configOf({ body: BODY, seq: 1, issuedAt: at(NOW_MS) }).envelope);
    await machine[Symbol.asyncDispose]();
    site.clock.advance(-730 * DAY_MS);
    await using back = await site.start();
    assert.deepEqual(
      back.conditionNames.filter((name) => name === "clockSuspect"),
      ["clockSuspect"],
    );
    const outcome = await back.take(
      configOf({ seq: 2, body: BODY, offerExpires: at(NOW_MS - MINUTE_MS) }).envelope,
    );
    assert.deepEqual(outcome.kind === "refused" && [outcome.code, outcome.detail], [
      "EXPIRED",
      "clock-suspect",
    ]);
    assert.equal(await back.taken(old.envelope), "ROLLBACK");
  });
});

test("[U09] one envelope a hundred times, and twice at once: one application, then it is known", async () => {
  await using site = await Site.make({
    policy: "  approval: { mode: standing, standingClasses: [low] }\n",
  });
  await using machine = await site.start();
  await machine.taken(trustOf());
  const made = configOf({ body: BODY });
  const all = await Promise.all(Array.from({ length: 100 }, () => machine.taken(made.envelope)));
  assert.deepEqual([...new Set(all)].sort(), ["AWAITING_APPROVAL", "IN_PROGRESS"]);
  assert.equal(all.filter((one) => one === "AWAITING_APPROVAL").length, 1);
  assert.equal(await machine.approved(made.digest), "PROBATION");
  assert.equal(await machine.taken(made.envelope), "IN_PROGRESS");
  await passed(site.clock, 2 * MINUTE_MS + 5_000);
  await machine.until("COMMITTED");
  assert.deepEqual(
    await Promise.all([machine.taken(made.envelope), machine.taken(made.envelope)]),
    [...["ALREADY_APPLIED", "ALREADY_APPLIED"]],
  );
  assert.equal((await machine.audit("config.applying")).length, 1);
});
