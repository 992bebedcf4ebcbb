import assert from "node:assert/strict";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import { GOAWAY_CODE } from "#protocol/frame.ts";
import { QUESTION_MAX_BYTES } from "#receiver/limits.ts";
import { STORE_FILE } from "#receiver/store/sqlite/sqlite-store.ts";
import { issueAgent } from "./support/identities.ts";
import { PlayedAgent } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const NAME = "north/ward-1";
const identity = await issueAgent(NAME);

describe("kill", () => {
  test("[RI7] [I-1] [T-C01] what was acknowledged is there after kill -9, once, in order, byte for byte", async () => {
    using folder = new ReceiverFolder();
    await folder.add(NAME, identity);
    const bodyOf = (seq: bigint): string => `message ${seq} `.repeat(40);
    let acked = 0n;
    for (let round = 0; round < 4; round++) {
      await using served = await folder.serve();
      await using agent = await PlayedAgent.greet(served.port, identity);
      const { lastSeq } = await agent.open();
      assert.ok(lastSeq >= acked, `holds ${lastSeq}, had acknowledged ${acked}`);
      for (let seq = lastSeq + 1n; seq <= lastSeq + 2_000n; seq++) {
        agent.sendMessages(seq, bodyOf(seq));
      }
      // In the middle of the stream: something is acknowledged, something is on its way.
      acked = (await agent.acked(lastSeq + 1n + BigInt(round * 300))).lastSeq;
      await served.end("SIGKILL");
      for (const frame of agent.frames) {
        if (frame.type === "ack" && frame.lastSeq > acked) acked = frame.lastSeq;
      }
    }
    const rows = await folder.export(true);
    assert.ok(BigInt(rows.length) >= acked, `${rows.length} stored, ${acked} acknowledged`);
    for (const [index, row] of rows.entries()) {
      assert.equal(row["seq"], index + 1);
      const body = Buffer.from(String(row["body"]), "base64").toString();
      assert.equal(body, bodyOf(BigInt(index + 1)));
    }
  });
});

describe("fail-stop", () => {
  test("[S9] a damaged page ends the process without an ACK, with a code that is restarted on", async () => {
    using folder = new ReceiverFolder();
    await folder.add(NAME, identity);
    const file = join(folder.stateDir, STORE_FILE);
    const db = new Database(file);
    const root = db
      .prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'inbox'")
      .pluck()
      .get();
    const pageBytes = Number(db.pragma("page_size", { simple: true }));
    db.close();
    const handle = openSync(file, "r+");
    const garbage = Buffer.alloc(pageBytes, 0xa5);
    writeSync(handle, garbage, 0, pageBytes, (Number(root) - 1) * pageBytes);
    readSync(handle, garbage, 0, 1, 0);
    closeSync(handle);

    await using served = await folder.serve();
    await using agent = await PlayedAgent.stream(served.port, identity);
    agent.sendMessages(1n, "a");
    const code = await new Promise((resolve) => served.child.once("exit", resolve));
    assert.equal(code, 65);
    await agent.closed;
    assert.ok(!agent.frames.some((frame) => frame.type === "ack"));
  });
});

describe("stop", () => {
  test("[TP32] says GOAWAY DRAINING, acknowledges what is in hand, and closes with 1000", async () => {
    using folder = new ReceiverFolder();
    await folder.add(NAME, identity);
    const receiver = await folder.open();
    await using agent = await PlayedAgent.stream(receiver.address.port, identity);
    await using idle = await PlayedAgent.connect(receiver.address.port, identity);
    agent.sendMessages(1n, ...Array.from({ length: 1_000 }, (_, i) => `${i}`));
    let { lastSeq } = await agent.acked(1n);
    const startedMs = performance.now();
    await receiver[Symbol.asyncDispose]();
    assert.ok(performance.now() - startedMs < 5_000);
    assert.deepEqual([await agent.closed, await idle.closed], [1000, 1000]);
    const goaway = agent.frames.findIndex((frame) => frame.type === "goaway");
    assert.deepEqual(agent.frames[goaway], {
      type: "goaway",
      stream: 0,
      code: GOAWAY_CODE.draining,
    });
    for (const frame of agent.frames) if (frame.type === "ack") ({ lastSeq } = frame);
    assert.equal(BigInt((await folder.export()).length), lastSeq);
  });

  test("disposing twice is harmless", async () => {
    using folder = new ReceiverFolder();
    const receiver = await folder.open();
    await Promise.all([receiver[Symbol.asyncDispose](), receiver[Symbol.asyncDispose]()]);
    await receiver[Symbol.asyncDispose]();
  });
});

describe("liveness", () => {
  test("[TP26] a silent agent is pinged after a heartbeat and destroyed after three", async () => {
    using folder = new ReceiverFolder();
    await folder.add(NAME, identity);
    await using receiver = await folder.open({ heartbeatMs: 100 });
    const startedMs = performance.now();
    await using agent = await PlayedAgent.greet(receiver.address.port, identity);
    await agent.next("ping");
    assert.ok(performance.now() - startedMs >= 90);
    // Destroyed, not closed: no close frame.
    assert.equal(await agent.closed, 1006);
    assert.ok(performance.now() - startedMs >= 290);
  });

  test("[TP26] an agent that answers PING stays", async () => {
    using folder = new ReceiverFolder();
    await folder.add(NAME, identity);
    await using receiver = await folder.open({ heartbeatMs: 100 });
    await using agent = await PlayedAgent.greet(receiver.address.port, identity);
    for (let round = 0; round < 6; round++) {
      const { nonce } = await agent.next("ping");
      agent.send({ type: "pong", stream: 0, nonce });
    }
    assert.equal(agent.socket.readyState, agent.socket.OPEN);
  });
});

describe("local door", () => {
  const converse = (path: string, text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = "";
      const socket = connect(path, () => socket.write(text));
      socket.setEncoding("utf8").on("data", (chunk) => {
        answer += chunk;
      });
      socket.on("error", reject).on("close", () => resolve(answer));
    });

  test("refuses what is no question, and one without an end", async () => {
    using folder = new ReceiverFolder();
    await using _receiver = await folder.open();
    const path = join(folder.stateDir, "control.sock");
    assert.equal(await converse(path, "nonsense\n"), "!DOOR_FAILED\n");
    assert.equal(await converse(path, '{"ask":"drop tables"}\n'), "!DOOR_FAILED\n");
    assert.equal(await converse(path, "x".repeat(QUESTION_MAX_BYTES + 1)), "!DOOR_FAILED\n");
  });

  test("exports while messages arrive, and ends", async (t) => {
    using folder = new ReceiverFolder();
    await folder.add(NAME, identity);
    await using receiver = await folder.open();
    await using agent = await PlayedAgent.stream(receiver.address.port, identity);
    agent.sendMessages(1n, ...Array.from({ length: 1_500 }, (_, i) => `${i}`));
    await agent.acked(1_500n);
    let seq = 1_501n;
    const pump = setInterval(() => agent.sendMessages(seq++, "more"), 1);
    t.after(() => clearInterval(pump));
    const rows = await folder.export(true);
    assert.ok(rows.length >= 1_500);
    assert.deepEqual(
      rows.map((row) => row["seq"]),
      rows.map((_, index) => index + 1),
    );
  });
});
