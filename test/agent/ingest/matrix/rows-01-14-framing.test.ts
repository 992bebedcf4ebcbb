import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentStack } from "#test/support/agent-stack.ts";
import { adt, framed } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const texts = async (agent: AgentStack): Promise<string[]> =>
  (await agent.messages()).map(({ text }) => text);

for (const chunkBytes of [40, 1]) {
  test(`[F1, A2] row 1: one block in ${chunkBytes}-byte chunks gives one AA and the bytes are kept`, async () => {
    await using agent = await AgentStack.open();
    await using sender = await agent.connect();
    const wire = framed(adt("M1"));
    const chunks = wire.match(new RegExp(`[^]{1,${chunkBytes}}`, "g")) ?? [];
    await sender.send(...chunks);
    assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
    assert.deepEqual(await texts(agent), [adt("M1")]);
    assert.equal(agent.counters.value("lenientEnd"), 0);
  });
}

test("[F1] row 2: three blocks in one segment give three AA in order", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(["M1", "M2", "M3"].map((id) => framed(adt(id))).join(""));
  assert.deepEqual(await sender.acknowledged(3), ["AA M1", "AA M2", "AA M3"]);
  assert.deepEqual(await texts(agent), [adt("M1"), adt("M2"), adt("M3")]);
});

test("[F1, F10, E2] row 3: good, good, malformed, good in one segment give AA, AA, AR, AA in order", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const malformed = adt("M3", "\x1cx");
  await sender.send([adt("M1"), adt("M2"), malformed, adt("M4")].map(framed).join(""));
  assert.deepEqual(await sender.acknowledged(4), ["AA M1", "AA M2", "AR M3", "AA M4"]);
  await sender.send(framed(adt("M5")));
  assert.equal((await sender.acknowledged(5))[4], "AA M5", "the connection stays open");
  assert.deepEqual(
    (await agent.messages()).map(({ controlId }) => controlId),
    ["M1", "M2", "M4", "M5"],
  );
  const [aside, ...others] = await agent.quarantine();
  assert.deepEqual([aside?.reason, aside?.text], ["embeddedFraming", malformed]);
  assert.deepEqual(others, []);
});

test("[F1] row 4: VT, payload, FS, CR in four segments give one AA and no warning", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send("\x0b", adt("M1"), "\x1c", "\r");
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  assert.equal(agent.counters.value("lenientEnd"), 0);
});

test("[F3] row 5: a CR long after FS gives one AA by silence, a warning, and is silent itself", async () => {
  await using agent = await AgentStack.open({ settings: { endOfBlockWaitMs: 30 } });
  await using sender = await agent.connect();
  await sender.send(`\x0b${adt("M1")}\x1c`);
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  await sender.send("\r", framed(adt("M2")));
  assert.deepEqual(await sender.acknowledged(2), ["AA M1", "AA M2"]);
  assert.deepEqual(agent.counters.snapshot().lenientEnd, 1);
  assert.equal(agent.counters.value("junkBytes"), 0);
  assert.equal(agent.counters.value("bytesAfterLenientEnd"), 0);
});

test("[F3] row 5: other bytes after an end by silence give a second warning", async () => {
  await using agent = await AgentStack.open({ settings: { endOfBlockWaitMs: 30 } });
  await using sender = await agent.connect();
  await sender.send(`\x0b${adt("M1")}\x1c`);
  await sender.acknowledged(1);
  await sender.send("rest", framed(adt("M2")));
  await sender.acknowledged(2);
  assert.equal(agent.counters.value("bytesAfterLenientEnd"), 1);
});

test("[F3] row 6: FS LF and FS VT end a block, with AA and warning each", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(`\x0b${adt("M1")}\x1c\n\x0b${adt("M2")}\x1c${framed(adt("M3"))}`);
  assert.deepEqual(await sender.acknowledged(3), ["AA M1", "AA M2", "AA M3"]);
  assert.equal(agent.counters.value("lenientEnd"), 2);
});

test("[F3] row 6: FS then FIN ends a block, with AA and warning", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(`\x0b${adt("M1")}\x1c`);
  sender.finish();
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  await sender.closed();
  assert.equal(agent.counters.value("lenientEnd"), 1);
  assert.deepEqual(await texts(agent), [adt("M1")]);
});

test("[F3] row 7: without lenient ends FS LF, later FS CR give one AR", async () => {
  await using agent = await AgentStack.open({ settings: { lenientEnd: false } });
  await using sender = await agent.connect();
  await sender.send(`\x0b${adt("M1")}\x1c\n`, `${adt("M2")}\x1c\r`, framed(adt("M3")));
  assert.deepEqual(await sender.acknowledged(2), ["AR M1", "AA M3"]);
  const [aside] = await agent.quarantine();
  assert.equal(aside?.text, `${adt("M1")}\x1c\n${adt("M2")}`);
});

test("[F3, F4] row 7: without lenient ends FS VT MSH leaves a fragment, and AA for the next block alone", async () => {
  await using agent = await AgentStack.open({ settings: { lenientEnd: false } });
  await using sender = await agent.connect();
  await sender.send(`\x0b${adt("M1")}\x1c${framed(adt("M2"))}`);
  assert.deepEqual(await sender.acknowledged(1), ["AA M2"]);
  assert.deepEqual(await texts(agent), [adt("M2")]);
  const [aside] = await agent.quarantine();
  assert.deepEqual([aside?.reason, aside?.text], ["abandoned", `${adt("M1")}\x1c`]);
});

for (const how of ["FIN", "silence"] as const) {
  test(`[F3, F5] row 7: without lenient ends FS then ${how} leaves a fragment and no reply`, async () => {
    const settings = { lenientEnd: false, blockIdleTimeoutMs: 50, endOfBlockWaitMs: 10 };
    await using agent = await AgentStack.open({ settings });
    await using sender = await agent.connect();
    await sender.send(`\x0b${adt("M1")}\x1c`);
    if (how === "FIN") sender.finish();
    await sender.closed();
    assert.equal(sender.received, "");
    const [aside] = await agent.quarantine();
    assert.deepEqual([aside?.reason, aside?.text], ["partial", `${adt("M1")}\x1c`]);
  });
}

test("[F3, F10] row 8: FS, other bytes, FS CR give one AR and the whole block in quarantine", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  const block = `${adt("M1", "\x1cother")}OBX|1\x1c\x1c`;
  await sender.send(framed(block));
  assert.deepEqual(await sender.acknowledged(1), ["AR M1"]);
  assert.deepEqual(await texts(agent), []);
  const aside = await agent.quarantine();
  assert.deepEqual(
    aside.map(({ text }) => text),
    [block],
  );
});

test("[F2] row 9: NUL, CR, LF and spaces between blocks are silent", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(`\0\r\n  ${framed(adt("M1"))}\r\n\0 ${framed(adt("M2"))}   `);
  assert.deepEqual(await sender.acknowledged(2), ["AA M1", "AA M2"]);
  assert.equal(agent.counters.value("junkBytes"), 0);
  assert.deepEqual(await agent.quarantine(), []);
});

test("[F2] row 10: junk, then a block give one AA, a count and a sample", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(`junk ${framed(adt("M1"))}`);
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  assert.equal(agent.counters.value("junkBytes"), 4);
  const [sample] = await agent.quarantine();
  assert.deepEqual([sample?.reason, sample?.text], ["junk", "junk"]);
});

test("[F2] row 11: a payload without VT is discarded and counted, and gets no reply", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(`${adt("M1")}\x1c\r`, framed(adt("M2")));
  assert.deepEqual(await sender.acknowledged(1), ["AA M2"]);
  assert.deepEqual(await texts(agent), [adt("M2")]);
  assert.ok(agent.counters.value("junkBytes") > 50);
});

const FOREIGN: readonly (readonly [string, string])[] = [
  ["more than 64 KiB without VT", "x".repeat(65_537)],
  ["a TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x0b\x0b"],
  ["an HTTP request line", "POST / HTTP/1.1\r\nHost: gate\r\n\r\n"],
];
for (const [what, wire] of FOREIGN) {
  test(`[F2] row 12: ${what} gives a log line, a count, and the connection is closed`, async () => {
    await using agent = await AgentStack.open();
    await using sender = await agent.connect();
    await sender.send(wire);
    await sender.closed();
    assert.equal(sender.received, "");
    assert.equal(agent.logs("peerNotMllp").length, 1);
    assert.equal(agent.counters.value("notMllp"), 1);
    assert.deepEqual(await texts(agent), []);
  });
}

for (const how of ["finish", "reset"] as const) {
  test(`[C6] row 13: connect, ${how}, no byte is counted and nothing else`, async () => {
    await using agent = await AgentStack.open();
    await using prober = await agent.connect();
    await agent.connections(1);
    prober[how]();
    await agent.connections(0);
    await until("the probe is counted", () => agent.counters.value("probes") === 1);
    assert.deepEqual(agent.counters.snapshot(), { connections: 1, probes: 1 });
    assert.deepEqual(agent.conditions.list(), []);
    const events = new Set(agent.logged.map(({ event }) => event));
    assert.deepEqual(events, new Set(["listenerOpened", "connectionOpened", "connectionClosed"]));
  });
}

test("[E3] row 14: an empty block and white space only are counted and get no reply", async () => {
  await using agent = await AgentStack.open();
  await using sender = await agent.connect();
  await sender.send(framed(""), framed(" \r\n\t"), framed(adt("M1")));
  assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
  assert.equal(agent.counters.value("emptyBlocks"), 2);
  assert.deepEqual(await texts(agent), [adt("M1")]);
  assert.deepEqual(await agent.quarantine(), []);
});
