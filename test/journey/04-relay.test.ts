import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Agent } from "#agent/agent.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { loadLocalConfig } from "#config/local.ts";
import { makePair } from "#scripts/make-pair.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { startReceiver, until } from "#test/support/processes.ts";
import { RelayLine } from "#test/support/relay-line.ts";

const filler = "-".repeat(700);

/** Through handshake, upgrade, HELLO, OPEN and the first messages or ACKs: where a session can be cut. */
const OFFSETS = [1, 5, 600, ...Array.from({ length: 21 }, (_, index) => 1_000 + index * 173)];

describe("the relay carries what is stored, over a line that breaks", () => {
  for (const direction of ["up", "down"] as const) {
    test(`[T-N01, TP19, TP28] cut at ${OFFSETS.length} byte offsets on its way ${direction}: once, in order`, async () => {
      await using line = await RelayLine.open();
      line.openTunnel();
      for (const offset of OFFSETS) {
        const before = line.proxy.stats().resets;
        line.proxy.set({ [`${direction}.cut_after`]: offset });
        line.proxy.reset();
        await until(`a cut at ${offset}`, async () => {
          for (let i = 0; i < 8; i++) await line.append(`${line.sent[0]?.length} ${filler}`);
          return line.proxy.stats().resets > before + 1;
        });
      }
      line.proxy.clear();
      await line.arrivesWhole();
    });
  }

  test("[T-N01, TP8] a large message that is cut again and again arrives once, and whole", async () => {
    await using line = await RelayLine.open();
    line.openTunnel();
    await line.append("before");
    await line.append("x".repeat(900_000));
    await line.append("behind");
    for (const offset of [20_000, 60_000, 200_000, 500_000, 880_000]) {
      const before = line.proxy.stats().resets;
      line.proxy.set({ "up.cut_after": offset });
      line.proxy.reset();
      await line.append(`more ${offset} ${"y".repeat(900_000)}`);
      await until(`a cut at ${offset}`, () => line.proxy.stats().resets > before + 1);
    }
    line.proxy.clear();
    await line.arrivesWhole();
  });

  test("[TP26] a black hole after WELCOME is noticed within three heartbeats, and nothing is lost", async () => {
    await using line = await RelayLine.open(500);
    line.openTunnel();
    await line.tunnel.reaches("streaming");
    line.proxy.set({ blackhole: 1 });
    await line.append("into the hole");
    await until("it is noticed", () => line.tunnel.lastError?.code === "TUNNEL_SILENT", 5_000);
    line.proxy.clear();
    await line.append("behind it");
    await line.arrivesWhole();
  });

  test("[TP21, TP22] latency and jitter slow it down and change nothing", async () => {
    await using line = await RelayLine.open();
    line.proxy.set({ latency: 40, jitter: 30 });
    line.openTunnel();
    for (let i = 0; i < 300; i++) await line.append(`${i} ${filler}`, 1 + (i % 2));
    await line.append("z".repeat(600_000));
    await line.arrivesWhole();
  });

  test("[T-F08] one message, then silence: it is at the receiver within a second, every time", async () => {
    await using line = await RelayLine.open();
    line.openTunnel();
    await line.tunnel.reaches("streaming");
    for (let i = 0; i < 20; i++) {
      await line.append(`${i}`);
      await line.append(`${i} again`);
      await until(
        `message ${i}`,
        async () => (await line.store.tail()).ackedSeq === BigInt(2 * i + 2),
        1_000,
      );
    }
    await line.arrivesWhole();
  });
});

test("[A8, TP28] the receiver is away at start: listeners open, messages are acknowledged, and leave later", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-away-"));
  const { agentConfig, receiverConfig, mllp } = await makePair({ folder });
  const config = loadLocalConfig(agentConfig);
  {
    await using agent = await Agent.open({ config, version: "0", log: silentLog });
    await using sender = await MllpSocket.open(mllp.port);
    await sender.send(framed(adt("M1")), framed(adt("M2")));
    assert.deepEqual(await sender.acknowledged(2), ["AA M1", "AA M2"]);
    const before = await agent.status();
    assert.deepEqual([before.health, before.channels[0]?.waiting], ["attention", 2n]);
    assert.equal(before.tunnel.lastError, "TUNNEL_TCP_REFUSED");
    await using receiver = startReceiver(receiverConfig);
    await receiver.ready();
    await until(
      "both have left",
      async () => (await agent.status()).channels[0]?.ackedSeq === 2n,
      30_000,
    );
    assert.equal((await agent.status()).health, "ok");
    assert.deepEqual(
      (await agent.trace("M1")).messages.map(({ delivery }) => delivery),
      ["accepted"],
    );
    await sender[Symbol.asyncDispose]();
  }
  rmSync(folder, { recursive: true });
});
