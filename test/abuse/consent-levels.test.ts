/** 08 4.2: who may be asked what, by level: each operation of the catalogue at each level, inside a window and outside. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OPERATIONS, type OperationName, operationOf } from "#agent/control/catalogue.ts";
import { policy } from "#config/policy.ts";
import { ControlBench } from "#test/support/control-bench.ts";
import { until } from "#test/support/processes.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** The catalogue of 08 4.4, by what a hospital has to allow; with arguments that each accepts. */
const BY_LEVEL = {
  0: { "status.get": {}, "outbox.stats": {}, "clock.check": {}, "disk.check": {} },
  1: {
    ...{ "listener.list": {}, "config.show": {}, "bundle.create": {} },
    "message.structure": { channel: "adt", epoch: 1, seq: 1 },
  },
  2: {
    "log.excerpt": {},
    ...{ "dns.probe": { host: 0 }, "tcp.probe": { host: 0 }, "tls.probe": { host: 0 } },
    ...{ "channel.hold": { channel: "adt" }, "channel.release": { channel: "adt" } },
  },
} as const;
const ALL = Object.entries(BY_LEVEL).flatMap(([level, operations]) =>
  Object.entries(operations).map(([op, args]) => ({ op, args, level: Number(level) })),
);
/** They wait for a person's yes on top of it. */
const CHANGING = ["channel.hold", "channel.release"];
const CONSENT = 'refused {"refused":"CONSENT"}';

/** @returns whether it was run, or waits for a person; else it was refused for lack of consent */
async function isAllowed(
  bench: ControlBench,
  op: string,
  args: Record<string, unknown>,
): Promise<boolean> {
  const question = bench.question({ op, args });
  const id = Buffer.from(question.nonce, "hex");
  const told = () => bench.told.find((one) => one.id === question.nonce);
  await bench.control.asked({ id, document: bench.signed(question) });
  const waits = async (): Promise<boolean> =>
    (await bench.recorded()).some((one) => one.endsWith(`question.accepted ${op}`));
  await until(
    "it is decided",
    async () => told() !== undefined || (CHANGING.includes(op) && (await waits())),
  );
  const { result, said } = told() ?? { result: "done", said: "" };
  if (result === "done") return true;
  assert.equal(`${result} ${said}`, CONSENT, op);
  return false;
}

describe("consent", () => {
  test("[L0] [L1] [L2] the catalogue is that of the specification, each operation at its level", () => {
    const found = Object.entries(OPERATIONS).map(([op, { level }]) => `${op} ${level}`);
    assert.deepEqual(found.sort(), ALL.map(({ op, level }) => `${op} ${level}`).sort());
  });

  for (const consentLevel of [0, 1, 2]) {
    for (const isOpen of [false, true]) {
      const allowed = (level: number): boolean => level <= consentLevel && (level < 2 || isOpen);
      const where = `at level ${consentLevel}, ${isOpen ? "inside" : "outside"} a window`;
      test(`[L${consentLevel}] ${where}: what is allowed is run, all else refused and not run`, async () => {
        await using bench = await ControlBench.open({ support: { consentLevel }, rate: 1_000 });
        if (isOpen) bench.consent.open(1, "T-1");
        for (const { op, args, level } of ALL) {
          // A bundle is given out as plain facts here: what counts is whether it was run at all.
          assert.equal(await isAllowed(bench, op, args), allowed(level), op);
        }
        const ran = ALL.filter(({ op, level }) => allowed(level) && !CHANGING.includes(op));
        assert.deepEqual(bench.ran.toSorted(), ran.map(({ op }) => op).sort());
      });
    }
  }

  test("[L0] needs no person, and the hospital is not disturbed", async () => {
    await using bench = await ControlBench.open({ rate: 1_000 });
    assert.equal(await isAllowed(bench, "status.get", {}), true);
    assert.deepEqual(bench.conditions.list(), []);
    assert.ok((await bench.recorded()).includes("engineer question.answered status.get"));
  });

  test("[L1] the hospital is told each time: in the log, on the page for a day, and by the audit that its SIEM is sent", async () => {
    await using bench = await ControlBench.open({ support: { consentLevel: 1 }, rate: 1_000 });
    const ops = Object.entries(BY_LEVEL[1]);
    for (const [index, [op, args]] of ops.entries()) {
      assert.equal(await isAllowed(bench, op, args), true);
      const [condition] = bench.conditions.list();
      assert.deepEqual(
        [condition?.condition, condition?.facts["count"], condition?.facts["op"]],
        ["structureAsked", index + 1, op],
      );
      assert.equal(bench.logged.filter((event) => event === "structureAsked").length, index + 1);
      const recorded = await bench.recorded();
      assert.ok(recorded.includes(`engineer question.accepted ${op}`));
      assert.ok(recorded.includes(`engineer question.answered ${op}`));
    }
    bench.clock.advance(DAY_MS);
    assert.deepEqual(bench.conditions.list(), []);
  });

  test("[L2] a window ends by itself, by close, by a restart, and is never longer than policy allows", async () => {
    const support = { consentLevel: 2, windowMaxHours: 2 };
    await using bench = await ControlBench.open({ support, rate: 1_000 });
    const isOpen = () => isAllowed(bench, "log.excerpt", {});
    assert.throws(() => bench.consent.open(3, "T-1"), { code: "SUPPORT_WINDOW_TOO_LONG" });
    assert.equal(await isOpen(), false);
    bench.consent.open(2, "T-1");
    bench.clock.advance(2 * HOUR_MS - 1);
    assert.equal(await isOpen(), true);
    bench.clock.advance(1);
    assert.equal(await isOpen(), false, "by itself");
    bench.consent.open(1, "T-1");
    bench.consent.close();
    assert.equal(await isOpen(), false, "by close");
    bench.consent.open(1, "T-1");
    await bench.crash();
    assert.equal(await isOpen(), false, "by a restart");
  });

  test("[L3] bodies, names of files, files, memory, packets and a shell are in no operation, at no level", async () => {
    for (const consentLevel of [3, 4, -1, 1.5]) {
      assert.equal(policy.safeParse({ support: { consentLevel } }).success, false);
    }
    await using bench = await ControlBench.open({ support: { consentLevel: 2 }, rate: 1_000 });
    bench.consent.open(1, "T-1");
    const never = [
      ...[
        "message.get",
        "message.body",
        "body.get",
        "file.get",
        "file.list",
        "file.name",
        "files.list",
      ],
      ...[
        "memory.dump",
        "heap.snapshot",
        "core.dump",
        "packet.capture",
        "shell.exec",
        "exec",
        "sql",
      ],
      ...["config.set", "support.open", "support.on", "quarantine.show", "replay", "upgrade"],
    ];
    for (const op of never) {
      assert.equal(
        await bench.ask(bench.question({ op })),
        'refused {"refused":"OP_NOT_ALLOWED"}',
        op,
      );
    }
    // Nor can one that exists be talked into it.
    const foreign = {
      body: true,
      path: "/etc/passwd",
      file: "a",
      sql: "SELECT 1",
      pattern: ".*",
      address: "10.0.0.1",
    };
    for (const { op, args } of ALL) {
      assert.ok(operationOf(op, args), op);
      for (const [name, value] of Object.entries(foreign)) {
        assert.equal(operationOf(op, { ...args, [name]: value }), undefined, `${op} ${name}`);
      }
    }
    assert.deepEqual(bench.ran, []);
  });

  test("[L3] no schema of the catalogue takes free text: names are looked up, numbers are bounded", () => {
    const texts = [
      "../x",
      "/etc/passwd",
      "a b",
      "x;y",
      "'",
      "*",
      "10.0.0.1/8",
      "a".repeat(65),
      "\0",
    ];
    for (const { op, args } of ALL) {
      for (const name of Object.keys(args)) {
        for (const text of texts) {
          assert.equal(
            operationOf(op, { ...args, [name]: text }),
            undefined,
            `${op} ${name} ${text}`,
          );
        }
      }
    }
    for (const codes of [["a b"], ["../"], [""], Array.from({ length: 51 }, () => "a")]) {
      assert.equal(operationOf("log.excerpt", { codes }), undefined);
    }
    assert.equal(operationOf("bundle.create", { parts: ["store"] }), undefined);
    assert.ok(operationOf("bundle.create" satisfies OperationName, { parts: ["versions"] }));
  });
});
