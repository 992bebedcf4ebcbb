/** A channel that delivers into a folder, from queue to file (04 section 11). @module */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FolderBench, nameOf } from "#test/support/folder-bench.ts";
import { adt } from "#test/support/messages.ts";
import { TargetFolder } from "#test/support/target-folder.ts";

describe("delivering into a folder", () => {
  test("[P53, P54, P55, P59] messages become files in order, named so that they sort, and are settled", async () => {
    await using bench = new FolderBench();
    const bodies = [
      adt("M1"),
      adt("M2", "OBX|1|TX|||\xe4\xf6\x0b\x1c\r"),
      "no HL7 at all\0",
      "",
      "%PDF-1",
    ];
    for (const body of bodies) bench.queue.append(body);
    await bench.stands(...bodies.map(() => "accepted"));
    await bench.until("idle", () => bench.state === "idle");
    assert.deepEqual(bench.target.names, [
      ...[nameOf(1), nameOf(2), nameOf(3, "bin"), nameOf(4, "bin"), nameOf(5, "bin")],
    ]);
    assert.deepEqual(
      bench.target.names.map((name) => readFileSync(bench.target.path(name), "latin1")),
      bodies,
    );
    for (const { outcome } of bench.queue.rows) {
      assert.deepEqual(outcome, { kind: "accepted", flags: [], reply: undefined });
    }
    assert.deepEqual(bench.faults, []);
    const { counters, state, isConnected, lastAcceptedAt } = bench.sender.status;
    assert.deepEqual([counters.accepted, counters.sent, state, isConnected], [5, 5, "idle", true]);
    assert.equal(lastAcceptedAt, "2025-01-01T12:00:00.000Z");
  });

  test("[O1, P54] a message is claimed before its first byte, and settled after its last step", async () => {
    await using bench = new FolderBench({ outlet: { controlSuffix: ".ok" } });
    const { queue, target } = bench;
    const seen: string[] = [];
    const settle = queue.settle.bind(queue);
    queue.settle = (id, outcome) => {
      seen.push(target.names.join());
      return settle(id, outcome);
    };
    const claim = queue.claim.bind(queue);
    queue.claim = (id) => {
      seen.push(target.names.join());
      return claim(id);
    };
    queue.append(adt("M1"));
    await bench.stands("accepted");
    assert.deepEqual(queue.calls, ["claim 1", "settle 1"]);
    assert.deepEqual(seen, ["", `${nameOf(1)},${nameOf(1)}.ok`]);
  });

  test("[P59] a large message goes over in slices", async () => {
    await using bench = new FolderBench();
    bench.queue.sliceBytes = 100_000;
    const body = Buffer.alloc(1_234_567, "abcdefg");
    bench.queue.append(new Uint8Array(body));
    await bench.stands("accepted");
    assert.deepEqual(readFileSync(bench.target.path(nameOf(1, "bin"))), body);
  });

  test("[P55] the name that the receiver proposes is used only where that is configured, and made safe", async () => {
    const meta = JSON.stringify({ attributes: { "file.name": "../Bef\u00fcnd.pdf" } });
    for (const [useSuggestedName, names] of [
      [false, [nameOf(1, "pdf"), nameOf(2)]],
      [true, [nameOf(2), "___Bef_nd.pdf"]],
    ] as const) {
      await using bench = new FolderBench({ useSuggestedName }, ({ queue }) => {
        queue.metas.set(1, meta);
        queue.metas.set(2, "not JSON");
        queue.append("%PDF-1.7");
        queue.append(adt("M2"));
      });
      await bench.stands("accepted", "accepted");
      assert.deepEqual(bench.target.names, names);
    }
  });

  test("[P55] ext, channel and a template of one's own", async () => {
    await using bench = new FolderBench({ nameTemplate: "{channel}-{id}.{ext}", ext: "txt" });
    bench.queue.append(adt("M1"));
    await bench.stands("accepted");
    assert.deepEqual(bench.target.names, ["orders-1-1.txt"]);
  });

  test("[O11] an expired message is set aside, and the next one written", async () => {
    await using bench = new FolderBench({ expireAfterMs: 60_000 }, ({ queue, clock }) => {
      queue.append(adt("OLD"), clock.nowMs() - 60_001);
      queue.append(adt("M2"), clock.nowMs());
    });
    await bench.stands("quarantined expired", "accepted");
    assert.deepEqual(bench.target.names, [nameOf(2)]);
    assert.deepEqual(bench.alarms, ["deliveryQuarantined"]);
  });

  test("[S16] a damaged message holds the channel, and leaves nothing in the folder", async () => {
    await using bench = new FolderBench({}, ({ queue }) => {
      queue.sliceBytes = 10;
      queue.append(adt("M1"));
      queue.append(adt("M2"));
      queue.damaged.add(1);
    });
    await bench.until("held", () => bench.state === "held");
    assert.deepEqual(bench.queue.standing, ["held damaged", "open"]);
    assert.deepEqual(bench.target.names, []);
    assert.equal(bench.sender.release("quarantine"), true);
    await bench.stands("quarantined damaged", "accepted");
    assert.deepEqual(bench.target.names, [nameOf(2)]);
  });

  test("[S16] a message whose head cannot be read holds the channel", async () => {
    await using bench = new FolderBench({}, ({ queue }) => {
      queue.head = () => Promise.resolve(undefined);
      queue.append(adt("M1"));
    });
    await bench.stands("held damaged");
  });

  test("[P56, O5] a taken name holds the channel until a person decides; retry finds the name free", async () => {
    await using bench = new FolderBench({ outlet: { onCollision: "hold" } }, ({ target }) => {
      writeFileSync(target.path(nameOf(1)), "theirs");
    });
    bench.queue.append(adt("M1"));
    bench.queue.append(adt("M2"));
    await bench.until("held", () => bench.state === "held");
    assert.deepEqual(bench.queue.standing, ["held nameTaken", "open"]);
    assert.deepEqual(bench.alarms, ["deliveryHeld"]);
    assert.deepEqual(bench.target.files, [`${nameOf(1)}=theirs`]);
    bench.sender.release("retry");
    await bench.until(
      "held again",
      () =>
        bench.lines.filter((l) => l.startsWith("deliveryHeld")).length === 2 &&
        bench.state === "held",
    );
    rmSync(bench.target.path(nameOf(1)));
    assert.equal(bench.sender.release("retry"), true);
    await bench.stands("accepted", "accepted");
    assert.deepEqual(bench.target.names, [nameOf(1), nameOf(2)]);
    assert.deepEqual(bench.alarms, []);
    assert.equal(bench.sender.release("retry"), false);
  });

  test("[P56, O5] or it is set aside for that reason, and what is behind it goes on", async () => {
    await using bench = new FolderBench({ outlet: { onCollision: "hold" } }, ({ target }) => {
      writeFileSync(target.path(nameOf(1)), "theirs");
    });
    bench.queue.append(adt("M1"));
    bench.queue.append(adt("M2"));
    await bench.until("held", () => bench.state === "held");
    bench.crashAndRestart();
    await bench.until("held after a restart", () => bench.state === "held");
    bench.sender.release("quarantine");
    await bench.stands("quarantined nameTaken", "accepted");
    assert.deepEqual(bench.queue.row(1).outcome?.flags, ["byOperator"]);
  });
});

describe("a process that dies", () => {
  test("[P57] between name and settle: the next one settles without writing, and nothing came twice", async () => {
    await using bench = new FolderBench();
    bench.queue.settle = () => new Promise<never>(() => {});
    bench.queue.append(adt("M1"));
    bench.queue.append(adt("M2"));
    await bench.until("it is there", () => bench.target.names.includes(nameOf(1)));
    bench.crashAndRestart();
    await bench.stands("accepted", "accepted");
    assert.deepEqual(bench.target.names, [nameOf(1), nameOf(2)]);
    assert.deepEqual(bench.queue.row(1).outcome?.flags, []);
    assert.equal(bench.sender.status.counters.alreadyThere, 1);
  });

  test("[P57] if the reader took it meanwhile, it comes again, under the same name, and is said to", async () => {
    await using bench = new FolderBench();
    bench.queue.settle = () => new Promise<never>(() => {});
    bench.queue.append(adt("M1"));
    await bench.until("it is there", () => bench.target.names.includes(nameOf(1)));
    rmSync(bench.target.path(nameOf(1)));
    bench.crashAndRestart();
    await bench.stands("accepted");
    assert.deepEqual(bench.target.names, [nameOf(1)]);
    assert.deepEqual(bench.queue.row(1).outcome?.flags, ["possibleRepeat"]);
  });

  test("[P57] in the middle of a file: what it left goes, and is said to have", async () => {
    await using bench = new FolderBench();
    bench.queue.sliceBytes = 20;
    const body = bench.queue.body.bind(bench.queue);
    bench.queue.body = (id, from, maxBytes) =>
      from > 40 ? new Promise<never>(() => {}) : body(id, from, maxBytes);
    bench.queue.append(adt("M1"));
    const temporary = bench.target.path("holdfast_orders_1.tmp");
    await bench.until("it is begun", () => {
      return existsSync(temporary) && readFileSync(temporary).length > 40;
    });
    bench.crashAndRestart();
    await bench.stands("accepted");
    assert.deepEqual(bench.target.names, [nameOf(1)]);
    assert.ok(bench.lines.includes("leftoversRemoved channel=orders count=1"));
  });
});

describe("what is looked after", () => {
  test("[P58] files that nobody takes are an alarm for as long as they lie there, also from before the start", async () => {
    await using bench = new FolderBench({ pickupAlarmMs: 10_000 }, ({ target }) => {
      writeFileSync(target.path(nameOf(7)), "left");
      const long = new Date(Date.now() - 60_000);
      // Nothing that the channel would have named.
      writeFileSync(target.path("others.hl7"), "x");
      for (const name of target.names) utimesSync(target.path(name), long, long);
    });
    await bench.until("idle", () => bench.state === "idle");
    bench.clock.advance(5_000);
    await bench.until("the alarm", () => bench.alarms.includes("filesNotCollected"));
    assert.equal(bench.sender.status.uncollectedCount, 1);
    const [condition] = bench.conditions.list();
    assert.equal(condition?.facts["count"], 1);
    rmSync(bench.target.path(nameOf(7)));
    bench.clock.advance(5_000);
    await bench.until("it is over", () => bench.alarms.length === 0);
    assert.equal(bench.sender.status.uncollectedCount, 0);
  });

  test("[P58, P30] copies are kept, and go when they are old: counted, and told", async () => {
    using other = new TargetFolder();
    const sentFolder = other.sent;
    mkdirSync(join(sentFolder, "2024/12/30"), { recursive: true });
    writeFileSync(join(sentFolder, "2024/12/30/old"), "12345");
    await using bench = new FolderBench({ sentKeepMs: 86_400_000, outlet: { sentFolder } });
    bench.queue.append(adt("M1"));
    await bench.stands("accepted");
    assert.deepEqual(readdirSync(join(sentFolder, "2025/01/01")), [nameOf(1)]);
    bench.clock.advance(60_000);
    await bench.until("it is pruned", () => bench.sender.status.counters.sentPruned === 1);
    assert.deepEqual(readdirSync(sentFolder), ["2025"]);
    assert.ok(bench.lines.includes("sentPruned channel=orders count=1 bytes=5"));
  });

  test("[P34, P52] neither log nor alarm has a name or a path in it", async () => {
    await using bench = new FolderBench({ useSuggestedName: true }, ({ queue, target }) => {
      queue.metas.set(1, JSON.stringify({ attributes: { "file.name": "MUELLER^HANS.pdf" } }));
      rmSync(target.folder, { recursive: true });
      queue.append(adt("SECRET"));
    });
    await bench.until("the alarm", () => bench.alarms.length > 0);
    mkdirSync(bench.target.folder);
    writeFileSync(bench.target.path("MUELLER_HANS.pdf"), "theirs");
    await bench.stands("accepted");
    const told = JSON.stringify([bench.lines, bench.conditions.list(), bench.sender.status]);
    assert.doesNotMatch(told, /MUELLER|HANS|SECRET|\/tmp|holdfast-target/);
    assert.equal(bench.sender.status.counters.nameCollisions, 1);
  });
});
