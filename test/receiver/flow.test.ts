import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { encodeFrame } from "#protocol/codec.ts";
import { ERROR_CODE } from "#protocol/frame.ts";
import { CHUNK_MAX_BYTES } from "#protocol/limits.ts";
import { dataFrames, PlayedAgent, textOf } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const folder = new ReceiverFolder({ more: "messageLimitBytes: 20000000" });
const receiver = await folder.open();
const { port } = receiver.address;
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("flow", () => {
  test("[TP21] bytes received are reported within 32 KiB, also in the middle of a message", async () => {
    const { identity } = await folder.newAgent();
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
    const { identity } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    const [first] = dataFrames(1, 1n, new Uint8Array(100_000));
    assert.ok(first);
    agent.send({ ...first, payload: first.payload.subarray(0, 10) });
    const { bytesReceived } = (await agent.next("credit")).credit;
    assert.ok(bytesReceived !== undefined && bytesReceived < 200);
    await using other = await PlayedAgent.stream(port, (await folder.newAgent()).identity);
    other.sendMessages(1n, "a");
    const [frame] = dataFrames(1, 1n, textOf("a"));
    assert.ok(frame);
    assert.equal((await other.acked(1n)).credit.bytesReceived, encodeFrame(frame).length - 4);
  });

  test("[TP20] a message larger than every window arrives, with credit all the way", async () => {
    const { identity, stored } = await folder.newAgent();
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
    const { identity } = await folder.newAgent();
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
