/** What the driver of a file-drop channel promises, seen from the folders, the store and the alarms. */
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { AgentError } from "#agent/errors.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";
import { answering } from "#test/support/drop-hands.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

/** Does something before, or in place of, one call of the worker. */
function before(method: string, act: () => void): (own: PickupHand) => PickupHand {
  let done = false;
  return (own) => ({
    call: async (name, ask) => {
      if (name === method && !done) {
        done = true;
        act();
      }
      return await own.call(name, ask);
    },
    onHint: (listener) => own.onHint(listener),
    abort: () => own.abort(),
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  });
}

const texts = async (stack: DropStack): Promise<string[]> =>
  (await stack.messages()).map(({ text }) => text);

describe("[P3] a folder that cannot be used", () => {
  test("[P3] stops its own channel, is said with folder and code, and is taken up once it is there", async () => {
    await using stack = await DropStack.open({ config: { folder: "absent/in" } });
    await until("unreachable", () => stack.drop.status.state === "unreachable");
    const [open] = stack.conditions.list();
    assert.equal(open?.condition, "folderUnreachable");
    assert.equal(open.facts["code"], "FOLDER_FAILED");
    assert.equal(open.facts["sysCode"], "ENOENT");
    assert.equal(open.facts["folder"], "drop");
    mkdirSync(stack.path("absent/in"), { recursive: true });
    writeFileSync(stack.path("absent/in/a.hl7"), adt("A"));
    await until("the message", async () => (await texts(stack)).length === 1);
    assert.equal(stack.isOpen("folderUnreachable"), false);
  });
});

test("[P4] while the store takes nothing, nothing is claimed, and one alarm says so; afterwards all of it is", async () => {
  const room = Promise.withResolvers<void>();
  let pollCount = 0;
  await using stack = await DropStack.open({
    probe: async (own) => {
      await room.promise;
      await own();
    },
    hand: answering({
      poll: (answer) => {
        pollCount += 1;
        return answer;
      },
    }),
  });
  stack.doorway.refusedBy(new AgentError("STORE_FULL", {}));
  for (const name of ["a", "b"]) stack.put(`${name}.hl7`, adt(name));
  // They are complete after two of them.
  await until("six polls", () => pollCount >= 6);
  assert.equal(stack.drop.status.fileCount, 2);
  assert.equal(stack.drop.status.waitingCount, 0);
  assert.deepEqual(stack.files("in"), ["a.hl7", "b.hl7"]);
  assert.deepEqual([stack.files("work"), await stack.rows()], [[], []]);
  assert.deepEqual(
    stack.conditions.list().map(({ condition }) => condition),
    ["storeFailing"],
  );
  assert.equal(stack.logs("storeFailing").length, 1);
  room.resolve();
  await stack.settled();
  assert.equal(stack.isOpen("storeFailing"), false);
  assert.deepEqual(await texts(stack), [adt("a"), adt("b")]);
});

test("[P4] [P-A14] a channel that holds its share for the receiver claims nothing more", async () => {
  await using stack = await DropStack.open({
    rules: { highWaterBytes: 2_000, lowWaterBytes: 1_000 },
    pickup: { maxFilesPerPoll: 1 },
  });
  for (let n = 0; n < 10; n++) stack.put(`${n}.hl7`, adt(`M${n}`, "x".repeat(1_000)));
  await until("full", () => stack.isOpen("channelFull"));
  await pause(300);
  const waiting = stack.files("in").length;
  assert.ok(waiting >= 7, `${waiting} are left in the folder`);
  const seq = (await stack.messages()).at(-1)?.seq ?? 0n;
  stack.outbox.settle(stack.outbox.channels[0]?.channel ?? 0, 1n, seq);
  await until("more was taken", () => stack.files("in").length < waiting);
});

describe("[P14] order", () => {
  const rows: readonly [string, Readonly<Record<string, unknown>>, readonly string[]][] = [
    ["mtimeThenName", {}, ["10.hl7", "2.hl7", "1.hl7"]],
    ["name", { order: "name" }, ["1.hl7", "10.hl7", "2.hl7"]],
    ["nameNatural", { order: "nameNatural" }, ["1.hl7", "2.hl7", "10.hl7"]],
  ];
  for (const [order, config, expected] of rows) {
    test(`[P14] by ${order}: the outbox has them in that order`, async () => {
      await using stack = await DropStack.open({ config, pickup: { stableForMs: 300 } });
      for (const [index, name] of ["10.hl7", "2.hl7", "1.hl7"].entries()) {
        stack.put(name, adt(name));
        utimesSync(stack.path("in", name), 1_700_000_000 + index, 1_700_000_000 + index);
      }
      await stack.settled();
      assert.deepEqual(
        await texts(stack),
        expected.map((name) => adt(name)),
      );
    });
  }

  test("[P14] strictOrder: what is not complete holds back what is behind it, and lets go", async () => {
    await using stack = await DropStack.open({
      config: { order: "name", strictOrder: true, completion: "controlFile" },
    });
    for (const name of ["a", "b"]) stack.put(`${name}.hl7`, adt(name));
    stack.put("b.hl7.ok", "");
    await pause(400);
    assert.deepEqual(await texts(stack), []);
    stack.put("a.hl7.ok", "");
    await stack.settled();
    assert.deepEqual(await texts(stack), [adt("a"), adt("b")]);
  });

  test("[P14] strictOrder: a file that the store refuses once is not passed by the one behind it", async () => {
    await using stack = await DropStack.open({
      config: { order: "name", strictOrder: true, completion: "controlFile" },
    });
    const { doorway } = stack;
    const own = doorway.acceptFile.bind(doorway);
    let isRefused = false;
    doorway.acceptFile = (arrival, settle) => {
      if (isRefused) return own(arrival, settle);
      isRefused = true;
      setImmediate(() => settle({ kind: "refused", error: new AgentError("STORE_FULL", {}) }));
    };
    for (const name of ["a", "b"]) stack.put(`${name}.hl7`, adt(name));
    for (const name of ["a", "b"]) stack.put(`${name}.hl7.ok`, "");
    await stack.settled();
    assert.ok(isRefused);
    assert.deepEqual(await texts(stack), [adt("a"), adt("b")]);
  });
});

test("[P18] two readers on one folder: each file is taken by one of them, and none warns", async () => {
  await using first = await DropStack.open();
  await using second = await DropStack.open({
    config: {
      folder: first.path("in"),
      workFolder: first.path("work2"),
      archiveFolder: first.path("archive2"),
      errorFolder: first.path("error2"),
    },
  });
  const names = Array.from({ length: 60 }, (_, n) => `${n}.hl7`);
  for (const name of names) first.put(name, adt(name));
  await first.settled();
  await until("both are done", async () =>
    (await second.rows()).every(({ state }) => state === "moved"),
  );
  const both = [...(await texts(first)), ...(await texts(second))];
  assert.deepEqual(both.toSorted(), names.map((name) => adt(name)).toSorted());
  for (const stack of [first, second]) assert.deepEqual(stack.conditions.list(), []);
});

describe("[P19] claimBy row", () => {
  test("[P19] [P25] a file that is left in place is read once, also after a restart, and again when it changes", async () => {
    await using stack = await DropStack.open({ config: { claimBy: "row", afterCommit: "leave" } });
    stack.put("a.hl7", adt("A"));
    await until("taken", async () => (await texts(stack)).length === 1);
    await until("moved", async () => (await stack.rows())[0]?.state === "moved");
    await pause(300);
    await stack.close();
    await stack.reopen();
    await pause(400);
    assert.deepEqual(await texts(stack), [adt("A")]);
    assert.deepEqual(stack.files("in"), ["a.hl7"]);
    stack.put("a.hl7", adt("A2"));
    await until("taken again", async () => (await texts(stack)).length === 2);
    rmSync(stack.path("in", "a.hl7"));
    await until(
      "forgotten",
      async () => (await stack.outbox.files.of("files").left()).length === 0,
    );
  });

  test("[P19] with an archive the file goes there from where it is", async () => {
    await using stack = await DropStack.open({ config: { claimBy: "row" } });
    stack.put("a.hl7", adt("A"));
    await stack.settled();
    assert.deepEqual(await texts(stack), [adt("A")]);
    assert.deepEqual(stack.archived, ["a.hl7"]);
  });
});

test("[P23] [P-A10] [P-A29] a file that is written to between claim and read is not used until it is stable again", async () => {
  let stack: DropStack | undefined;
  const grow = (): void => {
    const work = stack?.path("work") ?? "";
    for (const name of readdirSync(work)) appendFileSync(join(work, name), "OBX|1|late\r");
  };
  stack = await DropStack.open({ hand: before("read", grow) });
  await using opened = stack;
  opened.put("a.hl7", adt("A"));
  await until("taken", async () => (await texts(opened)).length > 0);
  assert.deepEqual(await texts(opened), [`${adt("A")}OBX|1|late\r`]);
  assert.equal(opened.record.counters.value("filesChanged"), 1);
});

test("[P23] [P-A11] a file cut short between claim and read is read as it is when stable, once", async () => {
  let stack: DropStack | undefined;
  const cut = (): void => {
    const work = stack?.path("work") ?? "";
    for (const name of readdirSync(work)) writeFileSync(join(work, name), adt("B"));
  };
  stack = await DropStack.open({ hand: before("read", cut) });
  await using opened = stack;
  opened.put("a.hl7", adt("A", "x".repeat(500)));
  await opened.settled();
  assert.deepEqual(await texts(opened), [adt("B")]);
});
