/** What becomes of files that were claimed, and of folders that change meanwhile. */
import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { PickupMethods } from "#agent/folders/messages.ts";
import { systemClock } from "#agent/host/clock.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";
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

describe("[P26] the same content again", () => {
  test("[P26] is archived as .dup, counted, and not sent", async () => {
    await using stack = await DropStack.open();
    stack.put("a.hl7", adt("A"));
    await stack.settled();
    stack.put("b.hl7", adt("A"));
    await stack.settled();
    assert.deepEqual(await texts(stack), [adt("A")]);
    assert.deepEqual(stack.archived, ["a.hl7", "b.dup.hl7"]);
    assert.equal(stack.record.counters.value("filesRepeated"), 1);
    assert.equal((await stack.rows())[0]?.verdict, "duplicate");
  });

  test("[P26] the same name with other content is a new file", async () => {
    await using stack = await DropStack.open();
    stack.put("a.hl7", adt("A"));
    await stack.settled();
    stack.put("a.hl7", adt("B"));
    await stack.settled();
    assert.deepEqual(await texts(stack), [adt("A"), adt("B")]);
    assert.equal(stack.archived.length, 2);
  });

  test("[P26] policy send: it is sent with a flag", async () => {
    await using stack = await DropStack.open({ config: { duplicateFilePolicy: "send" } });
    stack.put("a.hl7", adt("A"));
    await stack.settled();
    stack.put("b.hl7", adt("A"));
    await stack.settled();
    const [, again] = await stack.messages();
    assert.equal(again?.text, adt("A"));
    assert.equal(again.attributes["file.repeated"], "1");
  });

  test("[P26] binary: equal bytes under another name are another document; under the same name they are not", async () => {
    await using stack = await DropStack.open({ config: { content: "binary" } });
    stack.put("patient1.pdf", "%PDF same");
    await stack.settled();
    stack.put("patient2.pdf", "%PDF same");
    await stack.settled();
    stack.put("patient1.pdf", "%PDF same");
    await stack.settled();
    const sent = await stack.messages();
    assert.deepEqual(
      sent.map(({ attributes }) => attributes["file.name"]),
      ["patient1.pdf", "patient2.pdf"],
    );
    assert.equal(stack.record.counters.value("filesRepeated"), 1);
  });

  test("[P-A31] identical files by the hundred: one message, the rest counted", async () => {
    await using stack = await DropStack.open();
    for (let n = 0; n < 300; n++) stack.put(`${n}.hl7`, adt("A"));
    await stack.settled();
    assert.deepEqual(await texts(stack), [adt("A")]);
    assert.equal(stack.record.counters.value("filesRepeated"), 299);
    assert.equal(stack.archived.length, 300);
  });
});

test("[P29] a file that cannot be archived is stored, not read again, and moved once that is possible", async () => {
  await using stack = await DropStack.open({ settings: { moveRetryMaxMs: 300 } });
  await until("watching", () => stack.drop.status.state === "watching");
  await until("polled", () => stack.drop.status.lastPollAtMs !== undefined);
  rmSync(stack.path("archive"), { recursive: true });
  writeFileSync(stack.path("archive"), "in the way");
  stack.put("a.hl7", adt("A"));
  await until("said", () => stack.isOpen("fileNotMoved"));
  assert.equal((await stack.rows())[0]?.state, "committed");
  assert.deepEqual(await texts(stack), [adt("A")]);
  // Others go on.
  stack.put("b.hl7", adt("B"));
  await until("the other is stored", async () => (await texts(stack)).length === 2);
  rmSync(stack.path("archive"));
  mkdirSync(stack.path("archive"));
  await stack.settled();
  assert.deepEqual(stack.archived, ["a.hl7", "b.hl7"]);
  assert.deepEqual(await texts(stack), [adt("A"), adt("B")]);
  assert.equal(stack.isOpen("fileNotMoved"), false);
  assert.equal(stack.logs("fileNotMoved").length, 1, "not in the log at each try");
});

test("[P30] what is too old goes from the archive, but not while a message of it is unsettled or in quarantine", async () => {
  let daysAgo = 40;
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() - daysAgo * 86_400_000 };
  await using stack = await DropStack.open({ clock });
  stack.put("waiting.hl7", adt("A"));
  await stack.settled();
  stack.put("partial.hl7", `${adt("B")}MSH|^~\\&|LAB|NORTH|||2025||||P|2.5\r`);
  await stack.settled();
  daysAgo = 0;
  await stack.close();
  await stack.reopen();
  await until("polled", () => stack.drop.status.lastPollAtMs !== undefined);
  await pause(200);
  assert.deepEqual(stack.archived.toSorted(), ["partial.hl7", "waiting.hl7"]);
  const seq = (await stack.messages()).at(-1)?.seq ?? 0n;
  stack.outbox.settle(stack.outbox.channels[0]?.channel ?? 0, 1n, seq);
  await stack.outbox.flushProgress();
  await stack.close();
  await stack.reopen();
  await until("pruned", () => stack.record.counters.value("filesPruned") > 0);
  assert.deepEqual(stack.archived, ["partial.hl7"]);
});

describe("[P31] a file that cannot be used", () => {
  test("[P31] [P39] goes to the error folder with its reason; a durable row and an alarm say so, without its name", async () => {
    await using stack = await DropStack.open();
    const name = "JOHN-SMITH-1957.hl7";
    stack.put(name, "not HL7 at all\r");
    await stack.settled();
    assert.deepEqual(stack.files("error"), [name, `${name}.reason.json`]);
    const reason = JSON.parse(stack.read("error", `${name}.reason.json`));
    const [row] = await stack.rows();
    assert.equal(reason.code, "noHeader");
    assert.equal(reason.rule, "04 P39");
    assert.equal(reason.channel, "files");
    assert.equal(reason.claim, row?.claim);
    assert.equal(row?.reason, "noHeader");
    assert.equal(reason.size, 15);
    const said = JSON.stringify([stack.logged, stack.conditions.list()]);
    assert.ok(said.includes(row.claim));
    assert.ok(!said.includes("SMITH"), "a name is patient data (P34)");
  });

  test("[P32] it does not stop those behind it", async () => {
    await using stack = await DropStack.open();
    stack.put("1.hl7", adt("A"));
    stack.put("2.hl7", "rubbish");
    stack.put("3.hl7", adt("C"));
    await stack.settled();
    assert.deepEqual(await texts(stack), [adt("A"), adt("C")]);
    assert.deepEqual(stack.files("error"), ["2.hl7", "2.hl7.reason.json"]);
  });

  test("[P38] one bad message blocks no other: it is in quarantine, the file counts as partial and is archived", async () => {
    await using stack = await DropStack.open();
    const bad = "MSH|^~\\&|LAB|NORTH|||2025||||P|2.5\r";
    stack.put("a.hl7", `${adt("A")}${bad}${adt("C")}`);
    await stack.settled();
    assert.deepEqual(await texts(stack), [adt("A"), adt("C")]);
    const [row] = await stack.rows();
    assert.equal(row?.verdict, "partial");
    assert.deepEqual([row.messageCount, row.asideCount], [2, 1]);
    const [aside] = await stack.outbox.quarantined(Number.MAX_SAFE_INTEGER, 10);
    assert.equal(aside?.length, bad.length);
    assert.deepEqual(stack.archived, ["a.hl7"]);
  });
});

test("[P32] a file that ends the process five times while it is worked on alone is set aside at the next start", async () => {
  const poison = /poison/;
  let hangs = true;
  let isHanging = false;
  /** Never answers about it: to the agent the process ends there. */
  const hand = (own: PickupHand): PickupHand => ({
    call: async (name, ask) => {
      const asked = name === "read" ? (ask as PickupMethods["read"]["ask"]).claims : [];
      const isIt = asked.some(({ files: [data] }) =>
        poison.test(Buffer.from(data?.name ?? []).toString("latin1")),
      );
      if (isIt && hangs) {
        isHanging = true;
        await new Promise(() => {});
      }
      return await own.call(name, ask);
    },
    onHint: (listener) => own.onHint(listener),
    abort: () => own.abort(),
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  });
  await using stack = await DropStack.open({ hand, pickup: { stableForMs: 200 } });
  for (const name of ["1.hl7", "2-poison.hl7", "3.hl7"]) stack.put(name, adt(name));
  for (let ends = 0; ends < 6; ends++) {
    await until("in hand", () => isHanging);
    isHanging = false;
    await stack.kill();
    await stack.reopen();
  }
  await until("the others are sent", async () => (await texts(stack)).length === 2);
  await until("set aside", () => stack.files("error").includes("2-poison.hl7.reason.json"));
  hangs = false;
  assert.deepEqual(await texts(stack), [adt("1.hl7"), adt("3.hl7")]);
  assert.match(stack.read("error", "2-poison.hl7.reason.json"), /endedProcess/);
});

test("[P-A21] the same name dropped again while the first is in work: two claims, both sent", async () => {
  let stack: DropStack | undefined;
  const again = (): void => stack?.put("a.hl7", adt("B"));
  stack = await DropStack.open({ hand: before("read", again) });
  await using opened = stack;
  opened.put("a.hl7", adt("A"));
  await until("both", async () => (await texts(opened)).length === 2);
  await opened.settled();
  assert.deepEqual(await texts(opened), [adt("A"), adt("B")]);
  assert.equal(opened.archived.length, 2);
});

test("[P-A12] [P16] a file that goes between listing and claim is no error, and leaves no claim", async () => {
  let stack: DropStack | undefined;
  const remove = (): void => rmSync(stack?.path("in", "a.hl7") ?? "");
  stack = await DropStack.open({ hand: before("claim", remove) });
  await using opened = stack;
  opened.put("a.hl7", adt("A"));
  opened.put("b.hl7", adt("B"));
  await opened.settled();
  assert.deepEqual(await texts(opened), [adt("B")]);
  assert.equal((await opened.rows()).length, 1);
  assert.deepEqual(opened.conditions.list(), []);
});

test("[P65] a file that goes from work/ is recorded as vanished, and the next ones are taken", async () => {
  let stack: DropStack | undefined;
  const scan = (): void => {
    const work = stack?.path("work") ?? "";
    for (const name of readdirSync(work)) rmSync(join(work, name));
  };
  stack = await DropStack.open({ hand: before("read", scan) });
  await using opened = stack;
  opened.put("a.hl7", adt("A"));
  await until("recorded", async () => (await opened.rows())[0]?.reason === "vanished");
  // It is said once its row is there.
  await until("said", () => opened.isOpen("fileVanished"));
  opened.put("b.hl7", adt("B"));
  await until("the next", async () => (await texts(opened)).includes(adt("B")));
});

test("[P20] [P-A23] what lies in work/ under no row goes back, and through all checks again", async () => {
  await using stack = await DropStack.open();
  stack.put("a.hl7", adt("A"));
  await stack.settled();
  await stack.close();
  const name = "0123456789abcdef.d.planted.hl7";
  writeFileSync(stack.path("work", name), adt("Planted"));
  writeFileSync(stack.path("archive", "never-read.hl7"), adt("X"));
  writeFileSync(stack.path("error", "never-read.hl7"), adt("Y"));
  await stack.reopen();
  await until("taken", async () => (await texts(stack)).length === 2);
  assert.deepEqual(await texts(stack), [adt("A"), adt("Planted")]);
  await stack.settled();
  assert.ok(stack.archived.includes("planted.hl7"), stack.archived.join());
});

test("[P47] without its sentinel the folder is unreachable, never empty; it is watched again with it", async () => {
  await using stack = await DropStack.open({ config: { sentinelFile: ".here" } });
  await until("unreachable", () => stack.drop.status.state === "unreachable");
  stack.put(".here", "");
  await until("watching", () => stack.drop.status.state === "watching");
  stack.put("a.hl7", adt("A"));
  await until("taken", async () => (await texts(stack)).length === 1);
  rmSync(stack.path("in", ".here"));
  await until("unreachable", () => stack.drop.status.state === "unreachable");
  assert.equal(stack.drop.status.error?.code, "FOLDER_MOVED");
  stack.put("b.hl7", adt("B"));
  await pause(300);
  assert.deepEqual(stack.files("in"), ["b.hl7"]);
  stack.put(".here", "");
  await until("taken", async () => (await texts(stack)).length === 2);
});

test("[P-A3] a drop folder that is replaced by a link is unreachable: nothing is read or written there", async () => {
  await using stack = await DropStack.open();
  await until("watching", () => stack.drop.status.lastPollAtMs !== undefined);
  mkdirSync(stack.path("secrets"));
  writeFileSync(stack.path("secrets", "a.hl7"), adt("Secret"));
  renameSync(stack.path("in"), stack.path("in-before"));
  symlinkSync(stack.path("secrets"), stack.path("in"));
  await until("unreachable", () => stack.drop.status.state === "unreachable");
  await pause(300);
  assert.deepEqual(await texts(stack), []);
  assert.ok(existsSync(stack.path("secrets", "a.hl7")));
});

test("[P11] a writer that goes on after its file was archived is noticed, and its content kept", async () => {
  await using stack = await DropStack.open({ settings: { lateWriteCheckMs: 300 } });
  stack.put("a.hl7", adt("A"));
  await stack.settled();
  const [archived = ""] = stack.files("archive");
  appendFileSync(stack.path("archive", archived), "OBX|1|late\r");
  await until("noticed", () => stack.isOpen("lateWrite"));
  const late = stack.files("error").find((name) => !name.endsWith(".json")) ?? "";
  assert.equal(stack.read("error", late), `${adt("A")}OBX|1|late\r`);
  assert.equal(stack.record.counters.value("lateWrites"), 1);
});

test("[P33] archived files are 0640, whatever the sender had set", async () => {
  await using stack = await DropStack.open();
  stack.put("a.hl7", adt("A"));
  chmodSync(stack.path("in", "a.hl7"), 0o4777);
  await stack.settled();
  const [archived = ""] = stack.files("archive");
  assert.equal(statSync(stack.path("archive", archived)).mode & 0o7777, 0o640);
});

describe("[P47] is it still the folder", () => {
  test("[P47] a folder that was replaced by another while the worker was gone is not taken for it", async () => {
    await using stack = await DropStack.open();
    await until("watching", () => stack.drop.status.lastPollAtMs !== undefined);
    renameSync(stack.path("in"), stack.path("in-before"));
    await until("unreachable", () => stack.drop.status.state === "unreachable");
    symlinkSync(stack.path("in-before"), stack.path("in"));
    stack.put("a.hl7", adt("A"));
    // Several workers were opened on it by then.
    await pause(2_500);
    assert.equal(stack.drop.status.state, "unreachable");
    assert.deepEqual(await texts(stack), []);
    rmSync(stack.path("in"));
    renameSync(stack.path("in-before"), stack.path("in"));
    await until("taken", async () => (await texts(stack)).length === 1);
  });

  test("[P47] a folder that is said to be on a share, and lies on a disk, is the folder under an unmounted one", async () => {
    await using stack = await DropStack.open({ config: { shareKind: "smb" } });
    stack.put("a.hl7", adt("A"));
    await until("unreachable", () => stack.drop.status.state === "unreachable");
    assert.equal(stack.drop.status.error?.code, "FOLDER_MOVED");
    assert.deepEqual(stack.files("in"), ["a.hl7"]);
  });
});

test("[P2] a work folder that senders may write into is said", async () => {
  const base = mkdtempSync(join(tmpdir(), "holdfast-open-work-"));
  try {
    mkdirSync(join(base, "work"));
    chmodSync(join(base, "work"), 0o777);
    await using stack = await DropStack.open({ base });
    await until("watching", () => stack.drop.status.lastPollAtMs !== undefined);
    const open = stack.conditions.list().find((one) => one.condition === "foldersWritable");
    assert.equal(open?.facts["folder"], "work");
  } finally {
    rmSync(base, { recursive: true });
  }
});
