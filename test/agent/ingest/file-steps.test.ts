/** A file with very many messages holds up nothing, and is stored once, however often it is interrupted (04 P1, P24). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import type { FileVerdict } from "#agent/ingest/channel.ts";
import { FILE_STEP_MAX_BYTES, FILE_STEP_MAX_COUNT } from "#agent/limits.ts";
import type { Outbox } from "#agent/outbox/outbox.ts";
import { DropStack } from "#test/support/drop-stack.ts";
import { FileDoorwayBench, type FileFields } from "#test/support/file-doorway.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { StoreFile } from "#test/support/store-file.ts";
import { appendTo, entryOf } from "#test/support/test-outbox.ts";

const N = FILE_STEP_MAX_COUNT;
const FORMS: readonly FileFields[] = [{}, { sliceBytes: 30_000 }];
const BAD = "MSH|^~\\&|no message type\r";
const texts = (count: number): string[] => Array.from({ length: count }, (_, at) => adt(`M${at}`));
const committed = (stored: number, repeats = 0, aside = 0): object => ({
  ...{ kind: "committed", stored, repeats, aside },
});
const codeOf = (verdict: FileVerdict): string | undefined =>
  verdict.kind === "refused" ? verdict.error.code : undefined;

const NONE = new AgentError("AGENT_DEFECT", {});

/** Stands before `append`: what it brings, and where it is to stop. */
class Steps {
  readonly sizes: number[] = [];
  readonly #append: Outbox["append"];
  /** Called before each step of a file; without `true` it is not carried out. */
  before: (step: number) => boolean = () => true;
  /** Why the store refuses a step, if it does. */
  refusal: (step: number) => AgentError | undefined = () => undefined;

  constructor(outbox: Outbox) {
    this.#append = outbox.append.bind(outbox);
    outbox.append = (entries, deadlineMs, settle) => {
      if (entries[0]?.claim === undefined) this.#append(entries, deadlineMs, settle);
      else if (this.before(this.sizes.length)) {
        const error = this.refusal(this.sizes.length);
        this.sizes.push(entries.length);
        // Now: the doorway lets go of what it has handed over.
        const outcomes = entries.map(() => ({ kind: "refused", error: error ?? NONE }) as const);
        if (error === undefined) this.#append(entries, deadlineMs, settle);
        else setImmediate(() => settle(outcomes));
      }
    };
  }
}

const keptOf = async (bench: FileDoorwayBench): Promise<string[]> =>
  (await bench.kept()).map(({ text }) => text);

test("[P24] a file of a step's size is one commit; with one message more it is two", async () => {
  for (const [count, sizes] of [
    [1, [1]],
    [N, [N]],
    [N + 1, [N, 1]],
    [2 * N, [N, N]],
  ] as const) {
    await using bench = await FileDoorwayBench.open();
    const steps = new Steps(bench.store.outbox);
    assert.deepEqual(await bench.take(texts(count).join("")), committed(count));
    assert.deepEqual(steps.sizes, sizes);
    const [row] = await bench.claims.open();
    assert.deepEqual([row?.state, row?.messageCount, row?.appended], ["committed", count, count]);
    assert.equal(bench.record.counters.value("received"), count);
  }
});

test("[P24] few messages with much beside them are steps, too", async () => {
  await using bench = await FileDoorwayBench.open();
  const steps = new Steps(bench.store.outbox);
  const attributes = { "file.name": "x".repeat(4_000) };
  const count = 900;
  assert.deepEqual(await bench.take(texts(count).join(""), { attributes }), committed(count));
  const most = Math.ceil(FILE_STEP_MAX_BYTES / 4_000);
  assert.ok(steps.sizes.length === 2 && Math.max(...steps.sizes) <= most, String(steps.sizes));
});

describe("a writer that is killed", () => {
  const COUNT = 3 * N + 7;
  for (const fields of FORMS) {
    const form = fields.sliceBytes === undefined ? "whole" : "in slices";
    for (const step of [1, 2, 3]) {
      for (const isInside of fields.sliceBytes === undefined ? [false, true] : [step === 2]) {
        test(`[P24] ${isInside ? "in" : "before"} step ${step} of a file ${form}: nothing is lost, nothing stored twice`, async () => {
          await using bench = await FileDoorwayBench.open({ duplicatePolicy: "off" });
          const file = texts(COUNT);
          const mark = await bench.claim(file.join(""));
          const steps = new Steps(bench.store.outbox);
          const reached = Promise.withResolvers<void>();
          steps.before = (at) => {
            if (at === step) reached.resolve();
            return at < step || isInside;
          };
          const offered = bench.offer(file.join(""), { ...fields, mark });
          void offered.catch(() => {});
          await reached.promise;
          // The step has come to the writer's thread, or is about to.
          if (isInside) await new Promise(setImmediate);
          await bench.store.kill();
          await bench.reopen();
          const [row] = await bench.claims.open();
          assert.equal(row?.state, "claimed");
          assert.ok(row.appended >= step * N && row.appended % N === 0, String(row.appended));
          assert.deepEqual(await keptOf(bench), file.slice(0, row.appended));
          const verdict = await bench.offer(file.join(""), { ...fields, mark });
          assert.deepEqual(verdict, committed(COUNT - row.appended, row.appended));
          assert.deepEqual(await keptOf(bench), file);
          const [after] = await bench.claims.open();
          assert.deepEqual([after?.verdict, after?.messageCount], ["sent", COUNT]);
          await bench.store.close();
          using store = new StoreFile(bench.store.stateDir);
          assert.equal(store.uploadCount(), fields.sliceBytes === undefined ? 0 : 2);
        });
      }
    }
  }
});

test("[P38] bad messages in several steps: the file is partial, and each is set aside once, also after a crash", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open({ duplicatePolicy: "off" });
    const file = texts(2 * N + 10);
    for (const at of [5, N + 5, 2 * N + 5]) file[at] = BAD.replace("no", `no ${at}`);
    const mark = await bench.claim(file.join(""));
    const steps = new Steps(bench.store.outbox);
    const reached = Promise.withResolvers<void>();
    steps.before = (at) => {
      if (at === 2) reached.resolve();
      return at < 2;
    };
    void bench.offer(file.join(""), { ...fields, mark });
    await reached.promise;
    await bench.store.kill();
    await bench.reopen();
    const verdict = await bench.offer(file.join(""), { ...fields, mark });
    assert.deepEqual(verdict, committed(9, 2 * N - 2, 3));
    const [row] = await bench.claims.open();
    const counts = [row?.verdict, row?.messageCount, row?.asideCount];
    assert.deepEqual(counts, ["partial", 2 * N + 7, 3]);
    const aside = await bench.aside();
    assert.deepEqual(
      aside.map(({ text, repeatCount }) => [text, repeatCount]),
      [5, N + 5, 2 * N + 5].map((at) => [file[at], 0]),
    );
    assert.equal(bench.logged.filter(({ event }) => event === "fileMessagesSetAside").length, 1);
  }
});

test("[P4] a step that the store refuses: offered again, the file is taken up there", async () => {
  await using bench = await FileDoorwayBench.open({ duplicatePolicy: "off" });
  const file = texts(4 * N);
  const fields = { sliceBytes: 30_000, mark: await bench.claim(file.join("")) };
  const { outbox } = bench.store;
  const steps = new Steps(outbox);
  const full = new AgentError("STORE_FULL", {});
  steps.refusal = (at) => (at === 1 ? full : undefined);
  assert.equal(codeOf(await bench.offer(file.join(""), fields)), "STORE_FULL");
  assert.equal((await bench.claims.open())[0]?.appended, N);
  await until("the store may store again", () => bench.gate.isOpen);
  // And once more, by the gate alone, between two steps.
  steps.refusal = () => undefined;
  steps.before = (at) => {
    if (at === 4) bench.gate.close(full);
    return true;
  };
  assert.equal(codeOf(await bench.offer(file.join(""), fields)), "STORE_FULL");
  assert.equal((await bench.claims.open())[0]?.appended, 3 * N);
  await until("the store may store again", () => bench.gate.isOpen);
  assert.deepEqual(await bench.offer(file.join(""), fields), committed(N, 3 * N));
  assert.deepEqual(await keptOf(bench), file);
  await bench.store.close();
  using store = new StoreFile(bench.store.stateDir);
  assert.equal(store.uploadCount(), 3, "each that a row needs, and no other");
});

test("[P38, E7] where quarantine is full by the second step, the first stays as it is, and counted", async () => {
  const channels = [{ name: "adt", quarantineMaxBytes: 1_000 }, { name: "oru" }];
  await using bench = await FileDoorwayBench.open({}, { channels });
  const file = texts(2 * N);
  for (const at of [N + 1, N + 2, N + 3]) file[at] = BAD;
  assert.equal(codeOf(await bench.take(file.join(""))), "QUARANTINE_FULL");
  const [row] = await bench.claims.open();
  assert.deepEqual([row?.state, row?.appended, row?.messageCount], ["claimed", N, N]);
  assert.equal(bench.gate.isOpen, true);
});

test("[P24] a file that was changed between two steps is read from its start; what was stored stays", async () => {
  await using bench = await FileDoorwayBench.open();
  const file = texts(2 * N);
  const mark = await bench.claim(file.join(""));
  const steps = new Steps(bench.store.outbox);
  const reached = Promise.withResolvers<void>();
  steps.before = (at) => {
    if (at === 1) reached.resolve();
    return at < 1;
  };
  void bench.offer(file.join(""), { mark });
  await reached.promise;
  await bench.reopen();
  const changed = [adt("other"), ...file];
  const content = await bench.claim(changed.join(""));
  const verdict = await bench.offer(changed.join(""), { mark: { ...content, id: mark.id } });
  // The first thousand are repeats, by the ordinary rule.
  assert.deepEqual(verdict, committed(N + 1, N));
  const [row] = await bench.claims.open();
  assert.deepEqual(
    [row?.verdict, row?.messageCount, row?.appended],
    ["sent", 2 * N + 1, 2 * N + 1],
  );
});

test("[P1, A9] messages of connections are stored while a file of many steps is", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open();
    const { outbox } = bench.store;
    const steps = new Steps(outbox);
    const order: string[] = [];
    const others: Promise<unknown>[] = [];
    steps.before = (at) => {
      const controlId = `X${at}`;
      const other = appendTo(outbox, entryOf({ controlId, channel: 2 }));
      others.push(other.then((outcome) => order.push(`${controlId} ${outcome.kind}`)));
      return true;
    };
    const commits: string[] = [];
    outbox.onAppended((channel, lastSeq) => commits.push(`${channel}/${lastSeq}`));
    const count = 20;
    const file = bench.take(texts(count * N).join(""), fields);
    assert.deepEqual(await file.then((verdict) => [order.length >= count - 1, verdict]), [
      true,
      committed(count * N),
    ]);
    await Promise.all(others);
    assert.deepEqual(
      order,
      Array.from({ length: count }, (_, at) => `X${at} stored`),
    );
    // By turns, each in a commit of its own.
    const expected = Array.from({ length: count }, (_, at) => [`2/${at + 1}`, `1/${(at + 1) * N}`]);
    assert.deepEqual(commits, expected.flat());
  }
});

test("[P14] files behind one with many messages come behind it, also where they are offered together", async () => {
  await using bench = await FileDoorwayBench.open();
  const large = texts(2 * N + 1);
  const small = ["S0", "S1"].map((name) => adt(name));
  const other = adt("T");
  const verdicts = await Promise.all([
    bench.take(large.join("")),
    ...small.map((text) => bench.take(text)),
    bench.take("no header\r"),
    bench.take(other, { sliceBytes: 20 }),
  ]);
  assert.deepEqual(
    verdicts.map(({ kind }) => kind),
    ["committed", "committed", "committed", "unfit", "committed"],
  );
  assert.deepEqual(await keptOf(bench), [...large, ...small, other]);
});

test("[P24] between two steps a stop leaves the file as a crash does", async () => {
  for (const fields of FORMS) {
    await using bench = await FileDoorwayBench.open({ duplicatePolicy: "off" });
    const file = texts(3 * N);
    const mark = await bench.claim(file.join(""));
    const stopping = new AbortController();
    const steps = new Steps(bench.store.outbox);
    steps.before = () => {
      stopping.abort();
      return true;
    };
    const stopped = { ...fields, mark, stopping: stopping.signal };
    assert.equal(codeOf(await bench.offer(file.join(""), stopped)), "STORE_BUSY");
    assert.deepEqual([steps.sizes, bench.gate.isOpen], [[N], true]);
    await bench.reopen();
    assert.deepEqual(await bench.offer(file.join(""), { ...fields, mark }), committed(2 * N, N));
    assert.deepEqual(await keptOf(bench), file);
  }
});

test("[P24, P1] a folder's file is sent once and archived once, whichever step the agent is stopped in", async () => {
  const file = texts(3 * N + 1);
  for (const step of [1, 3]) {
    const base = mkdtempSync(join(tmpdir(), "holdfast-file-steps-"));
    try {
      const options = { base, config: { duplicatePolicy: "off" } };
      const first = await DropStack.open(options);
      const steps = new Steps(first.outbox);
      let isCut = false;
      steps.before = (at) => {
        if (at === step) isCut = true;
        return !isCut;
      };
      first.put("a.hl7", file.join(""));
      first.put("b.hl7", adt("B"));
      await until("the cut", () => isCut);
      await first.kill();
      await using stack = await DropStack.open(options);
      await stack.settled();
      assert.deepEqual(
        (await stack.messages()).map(({ text }) => text),
        [...file, adt("B")],
      );
      assert.deepEqual(stack.archived, ["a.hl7", "b.hl7"]);
      assert.deepEqual([stack.files("work"), stack.files("error")], [[], []]);
    } finally {
      rmSync(base, { recursive: true });
    }
  }
});
