import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { OPENED_STATUS } from "#protocol/frame.ts";
import { issueAgent } from "./support/identities.ts";
import { dataFrames, PlayedAgent, sha256, textOf } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const identity = await issueAgent("north/ward-1");
const folder = new ReceiverFolder();
after(() => folder[Symbol.dispose]());
await folder.add("north/ward-1", identity);

describe("a message arrives", () => {
  test("[TP14] [TP24] [RI7] is welcomed, opened, stored, acknowledged and exported", async () => {
    await using receiver = await folder.open();
    await using agent = await PlayedAgent.greet(receiver.address.port, identity);
    const opened = await agent.open();
    assert.equal(opened.status, OPENED_STATUS.ok);
    assert.equal(opened.lastSeq, 0n);
    const body = textOf("MSH|^~\\&|\xe9\r\x00\xff");
    agent.send(
      ...dataFrames(1, 1n, body, {
        attributes: { "hl7.controlId": "C\xe91", "hl7.encoding": "utf-8" },
      }),
    );
    const ack = await agent.acked(1n);
    assert.equal(ack.lastSeq, 1n);

    const [row] = await folder.export(true);
    assert.equal(row?.["agent"], "north/ward-1");
    assert.equal(row["channel"], "adt");
    assert.equal(row["controlId"], "C\xe91");
    assert.deepEqual(row["attributes"], { "hl7.encoding": "utf-8" });
    assert.equal(row["receivedAt"], "2023-11-14T22:13:20.000Z");
    assert.equal(row["sha256"], Buffer.from(sha256(body)).toString("hex"));
    assert.equal(row["body"], Buffer.from(body).toString("base64"));
    assert.equal(row["bytes"], body.length);
  });
});
