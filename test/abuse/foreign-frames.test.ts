/**
 * Frames of a receiver that has been taken over, each right in itself: for a channel that is not its to send on, out of
 * order, again, and about messages that are not there (07 section 4, I16).
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import {
  type DataFrame,
  ERROR_CODE,
  type Frame,
  OPENED_STATUS,
  type OpenedFrame,
  type OpenFrame,
  REJECT_CODE,
} from "#protocol/frame.ts";
import { AttackedAgent } from "#test/support/attacked-agent.ts";
import type { FakeConnection } from "#test/support/fake-receiver.ts";
import { HospitalSystem } from "#test/support/hospital-system.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";

const CHANNEL = "orders";
/** Seqs are 63 bits wide. */
const LAST_SEQ = (1n << 63n) - 1n;
const NEVER_OPENED = 99;
const credit = {};

const orders = (port: number): string =>
  `  - name: ${CHANNEL}\n    kind: mllp-sender\n    host: 127.0.0.1\n    port: ${port}\n`;

const open = (stream: number, channel: string, more: Partial<OpenFrame> = {}): OpenFrame => ({
  ...{ type: "open", stream, channel, epoch: 3n, nextSeq: 1n },
  ...{ oldestRetainedSeq: null, previousEpoch: null, priority: 1 },
  ...more,
});

/** A whole message in one chunk. */
function data(stream: number, seq: bigint, text: string, more: Partial<DataFrame> = {}): DataFrame {
  const payload = latin1(text);
  const sha256 = createHash("sha256").update(payload).digest();
  return {
    ...{ type: "data", stream, seq, first: true, last: true, offset: 0 },
    ...{ total: payload.length, meta: { sha256, receivedAtMs: 0 }, payload },
    ...more,
  };
}

/** Everything that was sent before has been heard. */
async function heard(agent: FakeConnection): Promise<void> {
  agent.send({ type: "ping", stream: 0, nonce: 77 });
  await agent.next("pong");
}

/** Sends what is against the protocol, and goes on with the next connection. */
async function violates(
  agent: AttackedAgent,
  connection: FakeConnection,
  what: string,
  ...frames: readonly Frame[]
): Promise<FakeConnection> {
  connection.send(...frames);
  const { code } = await connection.next("error");
  assert.equal(code, ERROR_CODE.outOfOrder, what);
  await connection.closed();
  assert.equal(connection.closeCode, 1002, what);
  await agent.reconnect();
  return await agent.streaming();
}

describe("words of a receiver about messages", () => {
  /** On stream 1, that of `adt`, in its epoch; nothing has been acked. */
  const IDLE: Readonly<Record<string, Frame>> = {
    "an ACK for what was never sent": {
      type: "ack",
      stream: 1,
      epoch: 1n,
      lastSeq: LAST_SEQ,
      credit,
    },
    "an ACK for the one after the last": { type: "ack", stream: 1, epoch: 1n, lastSeq: 3n, credit },
    "an ACK of another epoch": { type: "ack", stream: 1, epoch: 2n, lastSeq: 1n, credit },
    "an ACK of nothing, again": { type: "ack", stream: 1, epoch: 1n, lastSeq: 0n, credit },
    "a credit for no stream": { type: "credit", stream: NEVER_OPENED, credit: { streamLimit: 9 } },
  };
  const opened: OpenedFrame = {
    ...{ type: "opened", stream: 1, status: OPENED_STATUS.ok, epoch: 1n, credit },
    ...{ lastSeq: 2n, chain: new Uint8Array(32) },
  };
  const VIOLATIONS: Readonly<Record<string, Frame>> = {
    "an ACK for a stream that is not": {
      type: "ack",
      stream: NEVER_OPENED,
      epoch: 1n,
      lastSeq: 1n,
      credit,
    },
    "an OPENED that nobody asked for": opened,
    "an OPENED for a stream that is not": { ...opened, stream: NEVER_OPENED },
    "a REJECT for a stream that is not": {
      ...{ type: "reject", stream: NEVER_OPENED, seq: 1n },
      ...{ code: REJECT_CODE.refused, permanent: true },
    },
    "a PARTIAL for a stream that is not": {
      ...{ type: "partial", stream: NEVER_OPENED, seq: 1n, durableOffset: 1 },
    },
    "a HELLO": {
      ...{ type: "hello", stream: 0, minorRange: [0, 0], capabilities: [], version: "1" },
      ...{ storeId: new Uint8Array(16), instanceNonce: new Uint8Array(16) },
      ...{ frameLimit: 65_536, nowMs: 0, downstreamCredit: 0 },
    },
    "a CMD_RESULT": { type: "cmdResult", stream: 0, id: new Uint8Array(16), result: 0 },
  };

  test("[I16] [TP14] [TP18] settle nothing that the receiver was not sent, and everything comes again", async () => {
    await using agent = await AttackedAgent.start();
    await agent.send();
    await agent.send();
    let connection = await agent.streaming();
    await until("both are there", () => connection.arrivedSeqs.length === 2);
    for (const [what, frame] of Object.entries(IDLE)) {
      connection.send(frame);
      await heard(connection);
      assert.equal(await agent.waiting(), 2, what);
    }
    for (const [what, frame] of Object.entries(VIOLATIONS)) {
      connection = await violates(agent, connection, what, frame);
      await until(`both come again after ${what}`, () => connection.arrivedSeqs.length === 2);
      assert.deepEqual(connection.arrivedSeqs, [1n, 2n]);
    }
    await agent.send();
    await until("the third is there", () => connection.arrivedSeqs.length === 3);
    connection.ack(3n);
    await until("all are settled", async () => (await agent.waiting()) === 0);
  });

  for (const rule of ["hold", "quarantine"]) {
    test(`[I16] [TP29] a REJECT for what was never sent moves nothing, under the rule ${rule}`, async () => {
      await using agent = await AttackedAgent.start(`    onReceiverReject: ${rule}\n`);
      await agent.send();
      const connection = await agent.streaming();
      await until("it is there", () => connection.arrivedSeqs.length === 1);
      for (const code of [REJECT_CODE.refused, REJECT_CODE.hash, REJECT_CODE.gap]) {
        const permanent = code === REJECT_CODE.refused;
        connection.send({ type: "reject", stream: 1, seq: LAST_SEQ, code, permanent });
        await heard(connection);
      }
      assert.equal(await agent.waiting(), 1);
      await agent.send();
      assert.equal(await agent.waiting(), 2);
    });
  }
});

describe("messages of a receiver", () => {
  test("[I16] [TP34] for channels that are not there, or not downstream, are refused; DATA for them is ERROR", async () => {
    await using hospital = await HospitalSystem.open();
    await using agent = await AttackedAgent.start(orders(hospital.port));
    let connection = await agent.streaming();
    const foreign = [
      "adt",
      "elsewhere",
      "$outcomes",
      "$status",
      "../orders",
      "orders\0",
      "__proto__",
    ];
    for (const channel of foreign) {
      connection.send(open(2, channel));
      assert.equal((await connection.next("opened")).status, OPENED_STATUS.unknown, channel);
      connection = await violates(agent, connection, channel, data(2, 1n, adt("FOREIGN")));
    }
    const onStreams: Readonly<Record<string, readonly Frame[]>> = {
      "DATA on a stream of ours": [data(1, 1n, adt("FOREIGN"))],
      "DATA on a stream that is not": [data(4, 1n, adt("FOREIGN"))],
      "DATA before OPENED": [open(2, CHANNEL), data(2, 1n, adt("FOREIGN"))],
      "an OPEN with an odd number": [open(7, CHANNEL)],
    };
    for (const [what, frames] of Object.entries(onStreams)) {
      connection = await violates(agent, connection, what, ...frames);
    }
    await agent.send();
    assert.deepEqual(hospital.controlIds, []);
  });

  test("[I16] [RI4] [RI5] [TP19] out of order are refused, again are recognised, other ones in their place are a conflict; each is delivered once", async () => {
    await using hospital = await HospitalSystem.open();
    await using agent = await AttackedAgent.start(orders(hospital.port));
    let connection = await agent.streaming();
    connection.send(open(2, CHANNEL));
    assert.equal((await connection.next("opened")).lastSeq, 0n);
    const sends = async (frame: DataFrame): Promise<string> => {
      connection.send(frame);
      const answer = (): Frame | undefined =>
        connection.frames.find(({ type }) => type === "ack" || type === "reject");
      await until("it is answered", () => answer() !== undefined);
      const found = answer();
      connection.frames.length = 0;
      return found?.type === "ack"
        ? `ack ${found.lastSeq}`
        : `reject ${found?.type === "reject" ? found.code : ""}`;
    };
    const one = adt("ONE");
    assert.equal(await sends(data(2, 2n, adt("TWO"))), `reject ${REJECT_CODE.gap}`);
    // Behind the hole nothing passes, and what would fill it is asked for by OPEN (TP29).
    connection.send(data(2, 1n, one), data(2, 3n, adt("THREE")), open(2, CHANNEL));
    assert.equal((await connection.next("opened")).lastSeq, 0n);
    assert.equal(await sends(data(2, 1n, one)), "ack 1");
    assert.equal(await sends(data(2, 1n, one)), "ack 1");
    assert.equal(await sends(data(2, 1n, adt("OTHER"))), `reject ${REJECT_CODE.conflict}`);
    assert.equal(await sends(data(2, 1n, one)), "ack 1");
    const bent = data(2, 2n, adt("TWO"), { payload: latin1(adt("TOO")) });
    assert.equal(await sends(bent), `reject ${REJECT_CODE.hash}`);
    assert.equal(await sends(data(2, 2n, adt("TWO"))), "ack 2");
    connection.send(open(4, CHANNEL, { epoch: 2n }));
    assert.equal((await connection.next("opened")).status, OPENED_STATUS.behind);
    const torn = data(2, 3n, adt("TORN"), { offset: 5, first: false, last: false });
    const { meta: _, ...middle } = torn;
    connection = await violates(agent, connection, "a chunk from the middle", {
      ...middle,
      payload: torn.payload.subarray(5, 9),
    });
    connection.send(open(2, CHANNEL));
    assert.equal((await connection.next("opened")).lastSeq, 2n);
    await until("both are delivered", () => hospital.blocks.length >= 2);
    assert.deepEqual(hospital.controlIds, ["ONE", "TWO"]);
    await agent.send();
  });
});
