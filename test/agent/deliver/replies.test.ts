/** Replies that are no reply, or none at all: what must never be taken for the next message's (03 O3, O4, O8). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "#test/support/hospital-system.ts";
import { ack, alwaysAA, HospitalSystem } from "#test/support/hospital-system.ts";
import { adt, framed, largeAdt, latin1 } from "#test/support/messages.ts";
import { SenderBench } from "#test/support/sender-bench.ts";

const SECOND = 1_000;

/** `answer` once, then AA. */
const first =
  (answer: Answer): Answer =>
  (block, count) =>
    count === 1 ? answer(block, count) : alwaysAA(block, count);

test("[O3] row 49: a reply with the previous control id: the connection is closed, the same bytes are sent again", async () => {
  await using ris = await HospitalSystem.open(({ controlId }, count) =>
    ack("AA", count === 2 ? "M1" : controlId),
  );
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2", "M3"]) bench.queue.append(adt(id));
  await bench.stands("accepted", "accepted", "accepted");
  assert.deepEqual(
    ris.blocks.map(({ controlId, connection }) => `${controlId} ${connection}`),
    ["M1 0", "M2 0", "M2 1", "M3 1"],
  );
  assert.equal(ris.blocks[1]?.text, ris.blocks[2]?.text);
  assert.deepEqual(bench.queue.row(2).outcome?.flags, ["possibleRepeat"]);
});

test("[O3] row 48: a reply split in single bytes is matched and settles the message", async () => {
  await using ris = await HospitalSystem.open(({ controlId, socket }) => {
    const bytes = latin1(ack("AA", controlId));
    const write = (at: number): void => {
      if (at === bytes.length) return;
      socket.write(bytes.subarray(at, at + 1));
      setImmediate(() => write(at + 1));
    };
    write(0);
    return undefined;
  });
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2"]) bench.queue.append(adt(id));
  await bench.stands("accepted", "accepted");
  assert.deepEqual(ris.controlIds, ["M1", "M2"]);
  assert.equal(ris.connections.length, 1);
});

test("[O3] a late reply: the connection was closed when the time was over, and nobody hears it", async () => {
  await using ris = await HospitalSystem.open((block, count) =>
    count === 1 ? undefined : alwaysAA(block, count),
  );
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2"]) bench.queue.append(adt(id));
  await bench.until("the first waits", () => bench.state === "awaitingReply");
  bench.clock.advance(30 * SECOND);
  // It says yes to M1 now, on the connection that is closed.
  const [late] = ris.blocks;
  late?.socket.write(latin1(ack("AR", "M2") + ack("AA", "M1")));
  await bench.stands("accepted", "accepted");
  assert.deepEqual(ris.controlIds, ["M1", "M1", "M2"]);
  assert.equal(bench.queue.row(1).tries.timeoutCount, 1);
});

test("[O3] a reply with nothing in flight: the connection is closed, and the next message opens another", async () => {
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(adt("M1"));
  await bench.until("idle", () => bench.queue.standing[0] === "accepted" && bench.state === "idle");
  ris.connections[0]?.write(latin1(ack("AA", "M2")));
  await bench.until("it hung up", () => ris.connections[0]?.readableEnded === true);
  bench.queue.append(adt("M2"));
  await bench.stands("accepted", "accepted");
  assert.deepEqual(
    ris.blocks.map(({ connection }) => connection),
    [0, 1],
  );
  assert.equal(bench.sender.status.counters.strayReplies, 1);
});

test("[O3] two replies to one message: the second is for nothing, and settles nothing", async () => {
  await using ris = await HospitalSystem.open(
    first(({ controlId }) => ack("AA", controlId) + ack("AA", "M2")),
  );
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2"]) bench.queue.append(adt(id));
  await bench.stands("accepted", "accepted");
  assert.deepEqual(ris.controlIds, ["M1", "M2"]);
  assert.equal(ris.connections.length, 2);
  assert.equal(bench.sender.status.counters.strayReplies, 1);
});

const UNUSABLE: readonly (readonly [string, string])[] = [
  ["without MSA", framed("MSH|^~\\&|R|H|G|C|2025||ACK|1|P|2.5\r")],
  ["with an unknown code", ack("XX", "M1")],
  ["without MSH", framed("MSA|AA|M1\r")],
  ["with FS inside", `\x0bMSH|^~\\&|\rMSA|AA|M1\x1c|\r\x1c\r`],
  ["in HTTP", "HTTP/1.1 200 OK\r\n\r\n"],
];
for (const [what, reply] of UNUSABLE) {
  test(`[O3] a reply ${what}, three times in a row: closed and sent again, then onError`, async () => {
    await using ris = await HospitalSystem.open(() => reply);
    await using bench = await SenderBench.open(ris.port, { onError: "quarantine" });
    bench.queue.append(adt("M1"));
    await bench.stands("quarantined replyErrors");
    assert.deepEqual(
      ris.blocks.map(({ controlId, connection }) => `${controlId} ${connection}`),
      ["M1 0", "M1 1", "M1 2"],
    );
    assert.equal(bench.sender.status.counters.unusableReplies, 3);
  });
}

test("[O3] replies that fit nothing are counted across a restart", async () => {
  await using ris = await HospitalSystem.open(() => ack("AA", "ELSE"));
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(adt("M1"));
  await bench.until("two tries", () => bench.queue.row(1).tries.replyErrorCount === 2);
  await bench.crashAndRestart();
  await bench.until("held", () => bench.state === "held");
  assert.deepEqual(bench.queue.standing, ["held replyErrors"]);
  assert.ok(ris.blocks.length >= 3 && ris.blocks.length <= 4);
});

test("[O3] matchControlId truncated takes the first 20 characters, off takes any", async () => {
  const id = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (const [matchControlId, named] of [
    ["truncated", id.slice(0, 20)],
    ["off", "SOMETHING"],
  ] as const) {
    await using ris = await HospitalSystem.open(() => ack("AA", named));
    await using bench = await SenderBench.open(ris.port, { matchControlId });
    bench.queue.append(adt(id));
    await bench.stands("accepted");
    assert.equal(ris.blocks.length, 1);
  }
});

test("[F3, O9] replies with lenient ends settle: FS LF, FS then FIN, FS then silence", async () => {
  for (const [end, act] of [
    ["\x1c\n", undefined],
    ["\x1c", "fin"],
    ["\x1c", "silence"],
  ] as const) {
    await using ris = await HospitalSystem.open(({ controlId, socket }) => {
      const reply = ack("AA", controlId).replace("\x1c\r", end);
      if (act !== "fin") return reply;
      socket.end(latin1(reply));
      return undefined;
    });
    await using bench = await SenderBench.open(ris.port);
    bench.queue.append(adt("M1"));
    if (act === "silence") {
      await bench.until("FS came", () => bench.clock.armedCount === 3);
      bench.clock.advance(249);
      assert.deepEqual(bench.queue.standing, ["open"]);
      bench.clock.advance(1);
    }
    await bench.stands("accepted");
    assert.equal(bench.sender.status.counters.lenientEnd, 1);
  }
});

test("[E3, F2] empty blocks and blanks between replies are no replies", async () => {
  await using ris = await HospitalSystem.open(
    ({ controlId }) => `\x0b\x1c\r\0\r\n${ack("AA", controlId)}\x0b \x1c\r`,
  );
  await using bench = await SenderBench.open(ris.port);
  for (const id of ["M1", "M2"]) bench.queue.append(adt(id));
  await bench.stands("accepted", "accepted");
  assert.equal(ris.connections.length, 1);
});

test("[O4] no reply: closed, sent again for ever with the same bytes; one alarm from the fifth time, closed by a reply", async () => {
  await using ris = await HospitalSystem.open((block, count) =>
    count <= 7 ? undefined : alwaysAA(block, count),
  );
  await using bench = await SenderBench.open(ris.port);
  bench.queue.append(adt("M1"));
  for (let tried = 1; tried <= 7; tried++) {
    await bench.until(
      `try ${tried}`,
      () => ris.blocks.length === tried && bench.state === "awaitingReply",
    );
    assert.deepEqual(bench.alarms, tried <= 5 ? [] : ["endpointSilent"], `at try ${tried}`);
    bench.clock.advance(30 * SECOND - 1);
    assert.equal(bench.state, "awaitingReply");
    bench.clock.advance(1);
    await bench.until("counted", () => bench.queue.row(1).tries.timeoutCount === tried);
  }
  await bench.stands("accepted");
  assert.equal(new Set(ris.blocks.map(({ text }) => text)).size, 1);
  assert.equal(ris.connections.length, 8);
  await bench.until("no alarm", () => bench.alarms.length === 0);
});

test("[O4] the wait before the next try is a part of 1, 2, 4 seconds, by chance", async () => {
  await using ris = await HospitalSystem.open(() => undefined);
  await using bench = await SenderBench.open(ris.port);
  bench.chance = 0.5;
  bench.queue.append(adt("M1"));
  for (const waitMs of [500, 1_000, 2_000]) {
    await bench.until("it waits for the reply", () => bench.state === "awaitingReply");
    const before = ris.connections.length;
    bench.clock.advance(30 * SECOND);
    await bench.until("it waits for the next try", () => bench.state === "backingOff");
    bench.clock.advance(waitMs - 1);
    await bench.quiet();
    assert.equal(ris.connections.length, before);
    bench.clock.advance(1);
    await bench.until("the next try", () => ris.connections.length === before + 1);
  }
});

test("[O4] a peer that does not read is no different: the time runs from the last bytes that TCP took", async () => {
  await using ris = await HospitalSystem.open(() => undefined);
  await using bench = await SenderBench.open(ris.port);
  const accepted = (): boolean => ris.connections[0]?.pause() !== undefined;
  bench.queue.append(largeAdt("BIG", 24 * 1024 * 1024));
  await bench.until("it connected", accepted);
  await bench.until("it sends", () => bench.state === "sending");
  await bench.quiet();
  bench.clock.advance(30 * SECOND);
  await bench.until("it gave up", () => bench.queue.row(1).tries.timeoutCount === 1);
  assert.deepEqual(ris.blocks, []);
});

test("[O4, O1] the peer ends the connection, by FIN or RST, instead of a reply: sent again", async () => {
  for (const end of ["end", "resetAndDestroy"] as const) {
    await using ris = await HospitalSystem.open(
      first(({ socket }) => {
        socket[end]();
        return undefined;
      }),
    );
    await using bench = await SenderBench.open(ris.port);
    bench.queue.append(adt("M1"));
    await bench.stands("accepted");
    assert.deepEqual(ris.controlIds, ["M1", "M1"]);
    assert.equal(bench.queue.row(1).tries.timeoutCount, 1);
  }
});

test("[O4] RST in the middle of a large message: sent again whole", async () => {
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port);
  const body = largeAdt("BIG", 8 * 1024 * 1024);
  bench.queue.append(body);
  await bench.until(
    "some of it came",
    () => (ris.rests[0]?.length ?? 0) > 1_000 || ris.blocks.length > 0,
  );
  ris.connections[0]?.resetAndDestroy();
  await bench.stands("accepted");
  assert.ok(latin1(ris.blocks.at(-1)?.text ?? "").equals(body));
});

test("[O8] a FIN or RST while nothing was in flight is seen before the next write: no byte goes there", async () => {
  for (const end of ["end", "resetAndDestroy"] as const) {
    await using ris = await HospitalSystem.open();
    await using bench = await SenderBench.open(ris.port);
    bench.queue.append(adt("M1"));
    await bench.until(
      "idle",
      () => bench.queue.standing[0] === "accepted" && bench.state === "idle",
    );
    // In the same turn: it cannot have been read from the socket yet.
    ris.connections[0]?.[end]();
    bench.queue.append(adt("M2"));
    await bench.stands("accepted", "accepted");
    assert.deepEqual(
      ris.blocks.map(({ controlId, connection }) => `${controlId} ${connection}`),
      ["M1 0", "M2 1"],
    );
    assert.deepEqual(bench.queue.row(2).tries.timeoutCount, 0);
    assert.deepEqual(bench.queue.row(2).outcome?.flags, []);
  }
});

test("[O8] a peer that accepts and closes at once is not written to, and not called in a loop", async () => {
  await using ris = await HospitalSystem.open();
  await using bench = await SenderBench.open(ris.port);
  bench.chance = 0.5;
  let connections = 0;
  const closing = setInterval(() => {
    for (const socket of ris.connections.slice(connections)) {
      connections += 1;
      socket.resetAndDestroy();
    }
  }, 1);
  bench.queue.claim = ((claim) => async (id: number) => {
    await claim(id);
    await bench.until("the far end closed it", () => connections === ris.connections.length);
  })(bench.queue.claim.bind(bench.queue));
  bench.queue.append(adt("M1"));
  await bench.until("it waits", () => bench.state === "backingOff");
  await bench.quiet();
  clearInterval(closing);
  assert.equal(ris.connections.length, 1);
  assert.equal(bench.state, "backingOff");
});

test("[O8] nobody listens: tried again with backoff, alarm from the fifth time, delivered once somebody does", async () => {
  let port = 0;
  {
    await using gone = await HospitalSystem.open();
    port = gone.port;
  }
  await using bench = await SenderBench.open(port);
  bench.queue.append(adt("M1"));
  await bench.until("an alarm", () => bench.alarms.length === 1);
  assert.deepEqual(bench.alarms, ["endpointUnreachable"]);
  assert.equal(bench.sender.status.counters.connectFailures, 5);
  assert.deepEqual(bench.queue.calls, [], "nothing was claimed");
  assert.match(bench.lines[0] ?? "", /endpointUnreachable channel=ris reason=ECONNREFUSED/);
  await using _ris = await HospitalSystem.open(alwaysAA, undefined, port);
  await bench.stands("accepted");
  await bench.until("no alarm", () => bench.alarms.length === 0);
});

test("[O8] a peer that never completes the connection is given up after connectTimeoutSeconds", async () => {
  // TLS to a port that does not speak it: TCP connects, the handshake never ends.
  await using ris = await HospitalSystem.open();
  const tls = {
    serverCa: new URL("../../support/no-such-file", import.meta.url).pathname,
    serverName: undefined,
    certificate: undefined,
    key: undefined,
    allowedSubjects: [],
    pinnedCertificates: [],
    handshakeTimeoutMs: 10 * SECOND,
  };
  await assert.rejects(SenderBench.open(ris.port, { tls }), { code: "SENDER_TLS_MATERIAL" });
  const connect = await import("#agent/deliver/dial-endpoint.ts");
  await using bench = await SenderBench.open(ris.port);
  const material = {
    trustedPem: [],
    certificatePem: undefined,
    privateKeyPem: undefined,
    notAfterMs: undefined,
  };
  const { signal } = new AbortController();
  const settings = { ...bench.settings, tls };
  const dialled = connect.dialEndpoint(settings, material, bench.clock, signal);
  await bench.until("TCP connected", () => ris.connections.length === 1);
  bench.clock.advance(20 * SECOND);
  assert.deepEqual(await dialled, { kind: "failed", reason: "timeout" });
});
