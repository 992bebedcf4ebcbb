import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { ERROR_CODE, OPENED_STATUS } from "#protocol/frame.ts";
import { dataFrames, openFrame, PlayedAgent, textOf } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const folder = new ReceiverFolder({ more: "messageLimitBytes: 20000000" });
const receiver = await folder.open();
const { port } = receiver.address;
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("streams", () => {
  test("[TP14] OPENED says where the sink stands, on the same and on the next connection", async () => {
    const { identity } = await folder.newAgent();
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
    const { identity } = await folder.newAgent();
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
    const { identity } = await folder.newAgent();
    await using agent = await PlayedAgent.greet(port, identity);
    const opened = await agent.open({ channel: "$bundles" });
    assert.equal(opened.status, OPENED_STATUS.unknown);
    assert.ok((opened.retryAfterMs ?? 0) > 0);
  });

  test("[TP6] an even stream, and a stream opened twice at once, are answered ERROR", async () => {
    const { identity } = await folder.newAgent();
    await using even = await PlayedAgent.greet(port, identity);
    even.send(openFrame({ stream: 2 }));
    assert.equal((await even.next("error")).code, ERROR_CODE.outOfOrder);
    await using twice = await PlayedAgent.greet(port, identity);
    twice.send(openFrame(), openFrame());
    assert.equal((await twice.next("error")).code, ERROR_CODE.outOfOrder);
  });

  test("[TP6] the 1,025th stream is answered ERROR LIMIT", async () => {
    const { identity } = await folder.newAgent();
    await using agent = await PlayedAgent.greet(port, identity);
    for (let i = 0; i <= 1_024; i++) agent.send(openFrame({ stream: 2 * i + 1, channel: `c${i}` }));
    assert.equal((await agent.next("error")).code, ERROR_CODE.limit);
  });

  test("[RI8] a new epoch that closes a larger final seq leaves a gap that export shows", async () => {
    const { identity, name } = await folder.newAgent();
    await using agent = await PlayedAgent.stream(port, identity);
    agent.sendMessages(1n, "a");
    await agent.acked(1n);
    const opened = await agent.open({ epoch: 2n, previousEpoch: { epoch: 1n, finalSeq: 3n } });
    assert.equal(opened.status, OPENED_STATUS.ok);
    assert.equal(opened.lastSeq, 0n);
    const gaps = (await folder.export()).filter((row) => row["agent"] === name && row["gap"]);
    assert.deepEqual(
      gaps.map((row) => [row["gap"], row["epoch"], row["firstSeq"], row["lastSeq"]]),
      [["rolledBack", 1, 2, 3]],
    );
    assert.ok(folder.logged.some((line) => line.event === "gapRecorded"));
  });
});
