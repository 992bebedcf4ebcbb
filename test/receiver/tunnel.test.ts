import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { encodeFrame } from "#protocol/codec.ts";
import {
  ERROR_CODE,
  GOAWAY_CODE,
  OPENED_STATUS,
  REJECT_CODE,
  SKIP_REASON,
} from "#protocol/frame.ts";
import { CHUNK_MAX_BYTES, FRAME_MAX_BYTES } from "#protocol/limits.ts";
import { issueAgent } from "./support/identities.ts";
import { dataFrames, helloFrame, openFrame, PlayedAgent, textOf } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const folder = new ReceiverFolder({ more: "messageLimitBytes: 20000000" });
const receiver = await folder.open();
const { port } = receiver.address;
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

let agentCount = 0;
/** A new agent for each test: its channels are empty. */
async function newAgent(): Promise<{ identity: IssuedIdentity; stored: () => Promise<string[]> }> {
  agentCount += 1;
  const name = `north/ward-${agentCount}`;
  const identity = await issueAgent(name);
  await folder.add(name, identity);
  const stored = async (): Promise<string[]> => {
    const rows = await folder.export(true);
    const own = rows.filter((row) => row["agent"] === name && row["gap"] === undefined);
    return own.map((row) => Buffer.from(String(row["body"]), "base64").toString("latin1"));
  };
  return { identity, stored };
}

describe("session", () => {
  test("[TP10] WELCOME carries the session, which rises with every HELLO", async () => {
    const { identity } = await newAgent();
    for (const session of [1, 2]) {
      await using agent = await PlayedAgent.connect(port, identity);
      agent.send(helloFrame());
      const welcome = await agent.next("welcome");
      assert.equal(welcome.session, session);
      assert.equal(welcome.minor, 0);
      assert.deepEqual(welcome.capabilities, []);
      assert.equal(welcome.frameLimit, FRAME_MAX_BYTES);
      assert.equal(welcome.messageLimit, 20_000_000);
      assert.ok(welcome.upstreamCredit >= FRAME_MAX_BYTES);
    }
  });

  test("[TP10] anything before HELLO is answered ERROR, and the socket closed with 1002", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.connect(port, identity);
    agent.send(openFrame());
    assert.equal((await agent.next("error")).code, ERROR_CODE.outOfOrder);
    assert.equal(await agent.closed, 1002);
  });

  test("[TP11] no common minor is answered GOAWAY VERSION, closed with 1000", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.connect(port, identity);
    agent.send(helloFrame({ minorRange: [1, 2] }));
    assert.equal((await agent.next("goaway")).code, GOAWAY_CODE.version);
    assert.equal(await agent.closed, 1000);
  });

  test("[TP3] text, bytes that are no frame, and a frame above the limit end the connection", async () => {
    const { identity } = await newAgent();
    const cases = [
      { bytes: "text", close: 1002, error: ERROR_CODE.malformed },
      { bytes: new Uint8Array([1]), close: 1002, error: ERROR_CODE.malformed },
      { bytes: new Uint8Array([0x7f, 0, 0, 0]), close: 1002, error: ERROR_CODE.unknownFrame },
      { bytes: new Uint8Array(FRAME_MAX_BYTES + 1), close: 1009, error: null },
    ];
    for (const { bytes, close, error } of cases) {
      await using agent = await PlayedAgent.greet(port, identity);
      agent.sendRaw(bytes);
      if (error !== null) assert.equal((await agent.next("error")).code, error);
      assert.equal(await agent.closed, close);
    }
  });

  test("[06 3] the smaller frame limit of both sides is enforced", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.connect(port, identity);
    agent.send(helloFrame({ frameLimit: 32_768 }));
    assert.equal((await agent.next("welcome")).frameLimit, 32_768);
    await agent.open();
    const [frame] = dataFrames(1, 1n, new Uint8Array(CHUNK_MAX_BYTES));
    assert.ok(frame);
    agent.send(frame);
    assert.equal((await agent.next("error")).code, ERROR_CODE.limit);
  });

  test("[TP6] an unknown frame that may be ignored is", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendRaw(new Uint8Array([0x7f, 0x80, 0, 0, 1, 2, 3]));
    agent.sendMessages(1n, "a");
    await agent.acked(1n);
  });

  test("[TP26] PING is answered at once with the nonce", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.greet(port, identity);
    agent.send({ type: "ping", stream: 0, nonce: 42 });
    assert.equal((await agent.next("pong")).nonce, 42);
  });
});

describe("streams", () => {
  test("[TP14] OPENED says where the sink stands, on the same and on the next connection", async () => {
    const { identity } = await newAgent();
    {
      await using agent = await PlayedAgent.stream(port, identity);
      agent.sendMessages(1n, "a", "b");
      await agent.acked(2n);
      assert.equal((await agent.open()).lastSeq, 2n);
      agent.sendMessages(3n, "c");
      await agent.acked(3n);
    }
    await using agent = await PlayedAgent.greet(port, identity);
    const opened = await agent.open();
    assert.equal(opened.status, OPENED_STATUS.ok);
    assert.equal(opened.lastSeq, 3n);
    assert.equal(opened.chain?.length, 32);
  });

  test("[TP14] DATA on a stream that is not open is answered ERROR", async () => {
    const { identity } = await newAgent();
    const early = async (agent: PlayedAgent): Promise<void> => {
      assert.equal((await agent.next("error")).code, ERROR_CODE.outOfOrder);
      assert.equal(await agent.closed, 1002);
    };
    await using never = await PlayedAgent.stream(port, identity);
    never.send(...dataFrames(3, 1n, textOf("a")));
    await early(never);
    await using before = await PlayedAgent.greet(port, identity);
    before.send(openFrame(), ...dataFrames(1, 1n, textOf("a")));
    await early(before);
    await using behind = await PlayedAgent.stream(port, identity, { epoch: 5n });
    assert.equal((await behind.open({ epoch: 4n })).status, OPENED_STATUS.behind);
    behind.send(...dataFrames(1, 1n, textOf("a")));
    await early(behind);
  });

  test("[TP16] a reserved channel is UNKNOWN, with a time to come back", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.greet(port, identity);
    const opened = await agent.open({ channel: "$status" });
    assert.equal(opened.status, OPENED_STATUS.unknown);
    assert.ok((opened.retryAfterMs ?? 0) > 0);
  });

  test("[TP6] an even stream, and a stream opened twice at once, are answered ERROR", async () => {
    const { identity } = await newAgent();
    await using even = await PlayedAgent.greet(port, identity);
    even.send(openFrame({ stream: 2 }));
    assert.equal((await even.next("error")).code, ERROR_CODE.outOfOrder);
    await using twice = await PlayedAgent.greet(port, identity);
    twice.send(openFrame(), openFrame());
    assert.equal((await twice.next("error")).code, ERROR_CODE.outOfOrder);
  });

  test("[TP6] the 1,025th stream is answered ERROR LIMIT", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.greet(port, identity);
    for (let i = 0; i <= 1_024; i++) agent.send(openFrame({ stream: 2 * i + 1, channel: `c${i}` }));
    assert.equal((await agent.next("error")).code, ERROR_CODE.limit);
  });

  test("[RI8] a new epoch that closes a larger final seq leaves a gap that export shows", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendMessages(1n, "a");
    await agent.acked(1n);
    const opened = await agent.open({ epoch: 2n, previousEpoch: { epoch: 1n, finalSeq: 3n } });
    assert.equal(opened.status, OPENED_STATUS.ok);
    assert.equal(opened.lastSeq, 0n);
    const gaps = (await folder.export()).filter((row) => row["gap"] === "rolledBack");
    assert.deepEqual([gaps[0]?.["firstSeq"], gaps[0]?.["lastSeq"]], [2, 3]);
    assert.ok(folder.logged.some((line) => line.event === "gapRecorded"));
  });
});

describe("messages", () => {
  test("[TP8] [I-2] come out byte for byte, in one chunk and in many, streams interleaved", async () => {
    const { identity, stored } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    await agent.open({ stream: 3, channel: "files" });
    const large = new Uint8Array(300_000).map((_, i) => (i * 7) % 256);
    const one = dataFrames(1, 1n, large);
    const two = dataFrames(3, 1n, large.toReversed());
    for (const [index, frame] of one.entries()) {
      agent.send(frame);
      const other = two[index];
      if (other !== undefined) agent.send(other);
    }
    agent.sendMessages(2n, "", "z");
    await agent.acked(3n);
    const [first, ...rest] = await stored();
    assert.equal(first, Buffer.from(large).toString("latin1"));
    assert.deepEqual(rest.slice(0, 2), ["", "z"]);
  });

  test("[TP24] one ACK answers many messages, and comes within 50 ms of the commit", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    const bodies = Array.from({ length: 500 }, (_, i) => `message ${i}`);
    agent.sendMessages(1n, ...bodies);
    let ackCount = 0;
    for (let last = 0n; last < 500n; ackCount++) last = (await agent.next("ack")).lastSeq;
    assert.ok(ackCount < 100, `${ackCount} ACKs`);
    const sentMs = performance.now();
    agent.sendMessages(501n, "x");
    await agent.acked(501n);
    assert.ok(performance.now() - sentMs < 500);
  });

  test("[TP19] [RI5] a repeat after a lost connection is acknowledged again and stored once", async () => {
    const { identity, stored } = await newAgent();
    for (let round = 0; round < 2; round++) {
      await using agent = await PlayedAgent.stream(port, identity);
      agent.sendMessages(1n, "a", "b");
      await agent.acked(2n);
    }
    assert.deepEqual(await stored(), ["a", "b"]);
  });

  test("[RI1] [TP29] a wrong hash is rejected and not stored; what follows is dropped until it comes", async () => {
    const { identity, stored } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendMessages(1n, "a");
    agent.send(...dataFrames(1, 2n, textOf("b"), { sha256: new Uint8Array(32) }));
    agent.sendMessages(3n, "c");
    const reject = await agent.next("reject");
    assert.deepEqual([reject.seq, reject.code, reject.permanent], [2n, REJECT_CODE.hash, false]);
    agent.sendMessages(4n, "d");
    agent.sendMessages(2n, "b", "c");
    await agent.acked(3n);
    assert.deepEqual(await stored(), ["a", "b", "c"]);
  });

  test("[RI1] a length that is not that of the message is rejected", async () => {
    const { identity, stored } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.send(...dataFrames(1, 1n, textOf("abc"), { length: 4 }));
    assert.equal((await agent.next("reject")).code, REJECT_CODE.hash);
    assert.deepEqual(await stored(), []);
  });

  test("[TP9] an encoding that is not in force, and a message too large, are refused for good", async () => {
    const { identity, stored } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.send(...dataFrames(1, 1n, textOf("abc"), { encoding: 1 }));
    const encoded = await agent.next("reject");
    assert.deepEqual([encoded.code, encoded.permanent], [REJECT_CODE.refused, true]);
    const [first] = dataFrames(1, 1n, new Uint8Array(100_000));
    assert.ok(first);
    agent.send({ ...first, total: 20_000_001 });
    const large = await agent.next("reject");
    assert.deepEqual([large.code, large.permanent], [REJECT_CODE.tooLarge, true]);
    agent.sendMessages(1n, "fits");
    await agent.acked(1n);
    assert.deepEqual(await stored(), ["fits"]);
  });

  test("[RI4] [TP29] a gap is rejected; after OPEN the stream goes on", async () => {
    const { identity, stored } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendMessages(2n, "b", "c");
    const reject = await agent.next("reject");
    assert.deepEqual([reject.seq, reject.code, reject.permanent], [2n, REJECT_CODE.gap, false]);
    assert.equal((await agent.open()).lastSeq, 0n);
    agent.sendMessages(1n, "a", "b", "c");
    await agent.acked(3n);
    assert.deepEqual(await stored(), ["a", "b", "c"]);
  });

  test("[RI5] a conflict is rejected for good, and nothing behind it passes", async () => {
    const { identity, stored } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendMessages(1n, "a", "b");
    await agent.acked(2n);
    agent.sendMessages(1n, "a", "other", "c", "d");
    const reject = await agent.next("reject");
    assert.deepEqual([reject.seq, reject.code, reject.permanent], [2n, REJECT_CODE.conflict, true]);
    agent.sendMessages(3n, "c");
    agent.send({ type: "ping", stream: 0, nonce: 1 });
    await agent.next("pong");
    assert.equal((await agent.open()).lastSeq, 2n);
    assert.deepEqual(await stored(), ["a", "b"]);
    assert.ok(folder.logged.some((line) => line.event === "messageConflict"));
  });

  test("[TP29] however the messages behind a conflict are cut into turns, none is acknowledged", async () => {
    const { identity, stored } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendMessages(1n, "a");
    await agent.acked(1n);
    agent.sendMessages(1n, "x");
    for (let seq = 2n; seq < 40n; seq++) {
      agent.sendMessages(seq, `${seq}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await agent.next("reject")).seq, 1n);
    assert.equal((await agent.open()).lastSeq, 1n);
    assert.deepEqual(await stored(), ["a"]);
  });

  test("[TP31] SKIP closes a rejected seq, is acknowledged, and shows as a gap", async () => {
    const { identity, stored } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.send(...dataFrames(1, 1n, textOf("b"), { encoding: 1 }));
    await agent.next("reject");
    agent.send({
      type: "skip",
      stream: 1,
      firstSeq: 1n,
      lastSeq: 1n,
      reason: SKIP_REASON.quarantined,
      chain: new Uint8Array(32).fill(9),
    });
    await agent.acked(1n);
    assert.deepEqual((await agent.open()).chain, new Uint8Array(32).fill(9));
    agent.sendMessages(2n, "b");
    await agent.acked(2n);
    assert.deepEqual(await stored(), ["b"]);
    const gaps = (await folder.export()).filter((row) => row["gap"] === "quarantined");
    assert.deepEqual([gaps[0]?.["firstSeq"], gaps[0]?.["lastSeq"]], [1, 1]);
  });

  test("[TP8] chunks that do not follow each other are answered ERROR", async () => {
    const { identity } = await newAgent();
    const frames = dataFrames(1, 1n, new Uint8Array(100_000));
    const [first, second, third] = frames;
    assert.ok(first && second && third);
    const cases = [
      { what: "no FIRST", sent: [second], code: ERROR_CODE.outOfOrder },
      { what: "second FIRST", sent: [first, first], code: ERROR_CODE.outOfOrder },
      { what: "hole", sent: [first, third], code: ERROR_CODE.outOfOrder },
      { what: "other seq", sent: [first, { ...second, seq: 2n }], code: ERROR_CODE.outOfOrder },
      {
        what: "SKIP inside",
        sent: [
          first,
          { type: "skip", stream: 1, firstSeq: 1n, lastSeq: 1n, reason: 1, chain: null } as const,
        ],
        code: ERROR_CODE.outOfOrder,
      },
    ];
    for (const { what, sent, code } of cases) {
      await using agent = await PlayedAgent.stream(port, identity);
      agent.send(...sent);
      assert.equal((await agent.next("error")).code, code, what);
    }
  });
});

describe("flow", () => {
  test("[TP21] bytes received are reported within 32 KiB, also in the middle of a message", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    const frames = dataFrames(1, 1n, new Uint8Array(100_000));
    let sent = 0;
    for (const frame of frames.slice(0, 3)) {
      agent.send(frame);
      sent += encodeFrame(frame).length - 4;
      assert.equal((await agent.next("credit")).credit.bytesReceived, sent);
    }
  });

  test("[TP21] fewer bytes are reported after 20 ms, and the ACK reports too", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    const [first] = dataFrames(1, 1n, new Uint8Array(100_000));
    assert.ok(first);
    agent.send({ ...first, payload: first.payload.subarray(0, 10) });
    const { bytesReceived } = (await agent.next("credit")).credit;
    assert.ok(bytesReceived !== undefined && bytesReceived < 200);
    await using other = await PlayedAgent.stream(port, (await newAgent()).identity);
    other.sendMessages(1n, "a");
    const [frame] = dataFrames(1, 1n, textOf("a"));
    assert.ok(frame);
    assert.equal((await other.acked(1n)).credit.bytesReceived, encodeFrame(frame).length - 4);
  });

  test("[TP20] a message larger than every window arrives, with credit all the way", async () => {
    const { identity, stored } = await newAgent();
    await using agent = await PlayedAgent.greet(port, identity);
    const opened = await agent.open();
    const body = new Uint8Array(12_000_000).fill(0x41);
    let { streamLimit = 0, connectionLimit = 0 } = opened.credit;
    let sent = 0;
    for (const frame of dataFrames(1, 1n, body)) {
      const size = encodeFrame(frame).length - 4;
      while (sent + size > Math.min(streamLimit, connectionLimit)) {
        ({ streamLimit = 0, connectionLimit = 0 } = (await agent.next("credit")).credit);
      }
      agent.send(frame);
      sent += size;
    }
    await agent.acked(1n);
    assert.deepEqual(
      (await stored()).map((text) => text.length),
      [12_000_000],
    );
  });

  test("[TP20] a source that exceeds its credit is answered ERROR CREDIT", async () => {
    const { identity } = await newAgent();
    await using agent = await PlayedAgent.greet(port, identity);
    const { streamLimit = 0 } = (await agent.open()).credit;
    // Sent in one turn, so that no answer can raise the limit in between.
    const chunk = new Uint8Array(CHUNK_MAX_BYTES);
    const frames = Array.from({ length: Math.ceil(streamLimit / CHUNK_MAX_BYTES) + 400 }, (_, i) =>
      dataFrames(1, BigInt(i + 1), chunk),
    );
    agent.send(...frames.flat());
    assert.equal((await agent.next("error")).code, ERROR_CODE.credit);
  });
});

describe("fence", () => {
  test("[RI2] [TP10] the older of two sessions is told FENCED, closed, and stores nothing more", async () => {
    const { identity, stored } = await newAgent();
    await using older = await PlayedAgent.stream(port, identity);
    older.sendMessages(1n, "a");
    await older.acked(1n);
    await using younger = await PlayedAgent.stream(port, identity);
    older.sendMessages(2n, "zombie");
    assert.equal((await older.next("goaway")).code, GOAWAY_CODE.fenced);
    assert.equal(await older.closed, 1000);
    assert.deepEqual(older.frames, []);
    younger.sendMessages(2n, "b");
    await younger.acked(2n);
    assert.deepEqual(await stored(), ["a", "b"]);
  });

  test("[RI2] an older session that opens a channel is told FENCED too", async () => {
    const { identity } = await newAgent();
    await using older = await PlayedAgent.greet(port, identity);
    await using _younger = await PlayedAgent.greet(port, identity);
    older.send(openFrame());
    assert.equal((await older.next("goaway")).code, GOAWAY_CODE.fenced);
  });
});
