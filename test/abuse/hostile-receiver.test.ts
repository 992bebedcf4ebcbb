/**
 * A receiver that has been taken over breaks the websocket in every way (07 section 4, I15): the agent is a process of
 * its own that goes on taking messages, and whose memory is looked at from outside.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { describe, test } from "node:test";
import { encodeFrame } from "#protocol/codec.ts";
import { ERROR_CODE } from "#protocol/frame.ts";
import { SUBPROTOCOL } from "#protocol/limits.ts";
import { AttackedAgent } from "#test/support/attacked-agent.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { FakeReceiver } from "#test/support/fake-receiver.ts";
import { until } from "#test/support/processes.ts";
import { TestTunnel } from "#test/support/test-tunnel.ts";
import { WEBSOCKET_ABUSE } from "#test/support/websocket-abuse.ts";

/** Of resident memory at its highest, over all attacks; a flood that is answered costs more by itself. */
const GROWN_MAX_BYTES = 64 * 1_048_576;
/** A message that is sent during an attack; on a machine that does other things, too. */
const REPLY_MAX_MS = 5_000;
/** 06 TP27, as `status` shows it. */
const WAIT_MAX_S = 60;
/** RFC 6455 section 1.3. */
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

describe("a receiver that breaks the websocket", () => {
  test("[I15] [TP3] is hung up on, costs no memory, is dialled again with backoff, and keeps no message out", async () => {
    await using agent = await AttackedAgent.start();
    let connection = await agent.streaming();
    await agent.send();
    const before = agent.peakBytes;
    const waitsS: number[] = [];
    for (const [what, attack] of WEBSOCKET_ABUSE) {
      attack(connection.request.socket);
      const replyMs = await agent.send();
      assert.ok(replyMs < REPLY_MAX_MS, `${what}: ${replyMs} ms`);
      await until(`it hangs up on ${what}`, () => connection.isClosed);
      const { lastError, nextAttemptInSeconds } = (await agent.status()).tunnel;
      assert.equal(lastError, "TUNNEL_PROTOCOL", what);
      if (nextAttemptInSeconds !== undefined) waitsS.push(nextAttemptInSeconds);
      // The first time it is waited for.
      if (what !== WEBSOCKET_ABUSE[0]?.[0]) await agent.reconnect();
      connection = await agent.streaming();
    }
    const grown = agent.peakBytes - before;
    assert.ok(grown < GROWN_MAX_BYTES, `${grown} bytes more`);
    assert.ok(Math.max(...waitsS) > 2, "later and later");
    assert.ok(Math.max(...waitsS) <= WAIT_MAX_S);
  });

  test("[I15] [TP3] that answers with an extension which was not offered is no receiver", async () => {
    const judge = ({ headers }: IncomingMessage): string => {
      const key = headers["sec-websocket-key"] ?? "";
      const accept = createHash("sha1").update(`${key}${ACCEPT_SUFFIX}`).digest("base64");
      return [
        ...["101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"],
        ...[`Sec-WebSocket-Accept: ${accept}`, `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`],
        "Sec-WebSocket-Extensions: permessage-deflate",
      ].join("\r\n");
    };
    await using receiver = await FakeReceiver.open({ judge });
    await using tunnel = new TestTunnel(receiver.url, {}, []);
    await until("it has failed", () => tunnel.lastError !== undefined);
    assert.equal(tunnel.lastError?.code, "TUNNEL_NOT_A_RECEIVER");
  });
});

describe("questions of a receiver", () => {
  test("[I15] [TP3] [TP26] 200 a second are answered, pings and PINGs together; the next is ERROR, in the next second none", async () => {
    await using receiver = await FakeReceiver.open();
    const clock = new ManualClock();
    await using tunnel = new TestTunnel(receiver.url, { clock }, []);
    clock.advance(0);
    const agent = await receiver.connection();
    await agent.welcome();
    await tunnel.reaches("streaming");
    let pongs = 0;
    agent.socket.on("pong", () => {
      pongs += 1;
    });
    const ask = (count: number): void => {
      for (let index = 0; index < count; index++) {
        agent.socket.ping();
        agent.send({ type: "ping", stream: 0, nonce: index });
      }
    };
    const answered = (): number =>
      agent.history.filter(({ type }) => type === "pong").length + pongs;
    ask(100);
    await until("all are answered", () => answered() === 200);
    clock.advance(1_000);
    ask(100);
    await until("all are answered", () => answered() === 400);
    ask(1);
    assert.equal((await agent.next("error")).code, ERROR_CODE.limit);
    await agent.closed();
    assert.equal(agent.closeCode, 1002);
    assert.equal(answered(), 400);
  });
});

test("[I15] [TP3] a frame in 64 fragments is read, one in 65 closes with 1008", async () => {
  await using receiver = await FakeReceiver.open();
  await using tunnel = new TestTunnel(receiver.url, {}, []);
  const agent = await receiver.connection();
  await agent.welcome();
  await tunnel.reaches("streaming");
  const frame = encodeFrame({ type: "ping", stream: 0, nonce: 42 });
  const sendIn = (fragments: number): void => {
    for (let at = 0; at < fragments; at++) {
      // The first ones are empty.
      const part = frame.subarray(Math.max(0, at - fragments + frame.length));
      const length = at < fragments - frame.length ? 0 : 1;
      agent.socket.send(part.subarray(0, length), { fin: at === fragments - 1 });
    }
  };
  sendIn(64);
  assert.equal((await agent.next("pong")).nonce, 42);
  sendIn(65);
  await agent.closed();
  assert.equal(agent.closeCode, 1008);
  assert.equal(tunnel.lastError?.code, "TUNNEL_PROTOCOL");
});
