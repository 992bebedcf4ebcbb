import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { ERROR_CODE, GOAWAY_CODE } from "#protocol/frame.ts";
import { CHUNK_MAX_BYTES, FRAME_MAX_BYTES } from "#protocol/limits.ts";
import { dataFrames, helloFrame, openFrame, PlayedAgent } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const folder = new ReceiverFolder({ more: "messageLimitBytes: 20000000" });
const receiver = await folder.open();
const { port } = receiver.address;
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("session", () => {
  test("[TP10] WELCOME carries the session, which rises with every HELLO", async () => {
    const { identity } = await folder.newAgent();
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
    const { identity } = await folder.newAgent();
    await using agent = await PlayedAgent.connect(port, identity);
    agent.send(openFrame());
    assert.equal((await agent.next("error")).code, ERROR_CODE.outOfOrder);
    assert.equal(await agent.closed, 1002);
  });

  test("[TP11] no common minor is answered GOAWAY VERSION, closed with 1000", async () => {
    const { identity } = await folder.newAgent();
    await using agent = await PlayedAgent.connect(port, identity);
    agent.send(helloFrame({ minorRange: [1, 2] }));
    assert.equal((await agent.next("goaway")).code, GOAWAY_CODE.version);
    assert.equal(await agent.closed, 1000);
  });

  test("[TP3] text, bytes that are no frame, and a frame above the limit end the connection", async () => {
    const { identity } = await folder.newAgent();
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
    const { identity } = await folder.newAgent();
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
    const { identity } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendRaw(new Uint8Array([0x7f, 0x80, 0, 0, 1, 2, 3]));
    agent.sendMessages(1n, "a");
    await agent.acked(1n);
  });

  test("[TP26] PING is answered at once with the nonce", async () => {
    const { identity } = await folder.newAgent();
    await using agent = await PlayedAgent.greet(port, identity);
    agent.send({ type: "ping", stream: 0, nonce: 42 });
    assert.equal((await agent.next("pong")).nonce, 42);
  });
});

describe("fence", () => {
  test("[RI2] [TP10] the older of two sessions is told FENCED, closed, and stores nothing more", async () => {
    const { identity, stored } = await folder.newAgent();
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
    const { identity } = await folder.newAgent();
    await using older = await PlayedAgent.greet(port, identity);
    await using _younger = await PlayedAgent.greet(port, identity);
    older.send(openFrame());
    assert.equal((await older.next("goaway")).code, GOAWAY_CODE.fenced);
  });
});
