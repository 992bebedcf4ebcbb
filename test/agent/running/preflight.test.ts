import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ChannelSet } from "#agent/running/channel-set.ts";
import type { PreflightFinding } from "#agent/running/preflight.ts";
import { freePort } from "#scripts/free-port.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import {
  dropIn,
  EMPTY_SET,
  folderTo,
  listenerOn,
  RunningStage,
  senderTo,
} from "#test/support/running-stage.ts";
import { StubPort, silent } from "#test/support/stub-port.ts";
import { createTestCa, SERVER, SERVER_CA, TlsFiles } from "#test/support/test-certificates.ts";

const said = (findings: readonly PreflightFinding[]): string[] =>
  findings.map(({ channel, fault }) => {
    const { reason, step, sysCode } = fault.facts;
    return [channel, fault.code, reason ?? step ?? sysCode].join(" ").trim();
  });

const TIMES = { tlsHandshakeTimeoutSeconds: 5, clientCertificate: "optional" };

test("[U24] port in use, missing folder, bad certificate: each is named, and what runs is left as it is", async () => {
  const port = await freePort();
  await using taken = await StubPort.open(silent);
  await using stage = await RunningStage.open({
    ...EMPTY_SET,
    channels: [listenerOn("adt", port)],
  });
  using files = new TlsFiles(SERVER, SERVER_CA.certificatePem);
  const { certificate, key } = files;
  const broken = join(stage.folder, "broken.pem");
  writeFileSync(broken, "-----BEGIN CERTIFICATE-----\nnone\n");
  const at = join(stage.folder, "drops");
  const drop = dropIn("drop", at);
  rmSync(join(at, "in"), { recursive: true });
  const next: ChannelSet = {
    channels: [
      listenerOn("adt", port, { maxConnections: 3 }),
      listenerOn("taken", taken.port),
      listenerOn("elsewhere", 0, { host: "192.0.2.1", allow: ["10.0.0.0/8"] }),
      listenerOn("tls", 0, { tls: { certificate: broken, key, ...TIMES } }),
      listenerOn("fine", 0, { tls: { certificate, key, ...TIMES } }),
    ],
    drops: [drop, dropIn("good", join(stage.folder, "good"))],
    senders: [senderTo("orders", 2575, { tls: { serverCa: join(stage.folder, "none.pem") } })],
    folderSenders: [folderTo("results", join(stage.folder, "nowhere"))],
  };
  await using socket = await MllpSocket.open(port);
  const finding = stage.running.preflight(next);
  await socket.send(framed(adt("M1")));
  assert.deepEqual(said(await finding), [
    "taken LISTEN_PORT_IN_USE EADDRINUSE",
    "elsewhere LISTEN_ADDRESS_UNKNOWN EADDRNOTAVAIL",
    "tls LISTEN_TLS_MATERIAL noCertificate",
    "orders SENDER_TLS_MATERIAL unreadable",
    "drop FOLDER_FAILED open",
    "results FOLDER_FAILED exists",
  ]);
  await socket.send(framed(adt("M2")));
  assert.deepEqual(await socket.acknowledged(2), ["AA M1", "AA M2"]);
  assert.deepEqual(stage.conditionNames, []);
  assert.deepEqual(stage.running.set.channels.length, 1);
  assert.equal(stage.outbox.channels.length, 1);
});

test("[07 2.10] what can be applied has no finding, and leaves nothing behind where it was tried", async () => {
  const [first, second] = [await freePort(), await freePort()];
  await using stage = await RunningStage.open({
    ...EMPTY_SET,
    channels: [listenerOn("adt", first), listenerOn("oru", second)],
  });
  const target = join(stage.folder, "target");
  mkdirSync(target);
  const at = join(stage.folder, "drops");
  const next: ChannelSet = {
    // Ports that change places are not tried: they are ours.
    channels: [listenerOn("adt", second), listenerOn("oru", first), listenerOn("new", 0)],
    drops: [dropIn("drop", at)],
    senders: [senderTo("orders", 9)],
    folderSenders: [folderTo("results", target)],
  };
  assert.deepEqual(said(await stage.running.preflight(next)), []);
  assert.deepEqual([readdirSync(join(at, "in")), readdirSync(target)], [[], []]);
  await stage.applied(next);
});

test("[U24] an expired certificate is a finding; one that runs already is not asked again", async () => {
  const ca = await createTestCa("Hospital");
  const past = { notBefore: new Date(Date.UTC(2020, 0)), notAfter: new Date(Date.UTC(2021, 0)) };
  const expired = await ca.issueClient([{ CN: ["mllp"] }], past);
  using files = new TlsFiles(expired, ca.certificatePem);
  const tls = { certificate: files.certificate, key: files.key, ...TIMES };
  const port = await freePort();
  const withTls = { ...EMPTY_SET, channels: [listenerOn("adt", port, { tls })] };
  await using stage = await RunningStage.open({
    ...EMPTY_SET,
    channels: [listenerOn("adt", port)],
  });
  assert.deepEqual(said(await stage.running.preflight(withTls)), [
    "adt LISTEN_TLS_MATERIAL expired",
  ]);
  await stage.applied(withTls);
  const more = { ...EMPTY_SET, channels: [listenerOn("adt", port, { tls, maxConnections: 2 })] };
  assert.deepEqual(said(await stage.running.preflight(more)), []);
});

test("[05 S12] a set that would leave a channel's backlog above its share is not applied", async () => {
  const port = await freePort();
  const budget = { diskBudgetBytes: 268_435_456 };
  const some = (count: number) =>
    Array.from({ length: count }, (_, index) => listenerOn(`more-${index}`, 0));
  const tight = { highWaterPercent: 2, lowWaterPercent: 1 };
  const channels = [listenerOn("adt", port, tight)];
  await using stage = await RunningStage.open({ ...EMPTY_SET, channels }, budget);
  await using socket = await MllpSocket.open(port);
  await socket.send(framed(adt("M1", "x".repeat(500_000))));
  await socket.acknowledged(1);
  const with20 = { ...EMPTY_SET, channels: [...channels, ...some(20)] };
  assert.deepEqual(said(await stage.running.preflight(with20)), ["adt CHANNEL_SHARE_SMALL"]);
  const with2 = { ...EMPTY_SET, channels: [...channels, ...some(2)] };
  assert.deepEqual(said(await stage.running.preflight(with2)), []);
});

test("[05 S17] no more channels come together than the mark beside the store names", async () => {
  await using stage = await RunningStage.open({ ...EMPTY_SET, channels: [listenerOn("adt", 0)] });
  const names = Array.from({ length: 700 }, (_, index) => `c${index}`);
  await stage.outbox.serve({
    channels: ["adt", ...names.slice(1)].map((name) => ({ name })),
    downstream: [],
  });
  const next = (name: string) => ({ ...EMPTY_SET, channels: [listenerOn(name, 0)] });
  assert.deepEqual(said(await stage.running.preflight(next("one-more"))), [
    "one-more CHANNELS_TOO_MANY",
  ]);
  assert.deepEqual(said(await stage.running.preflight(next("c5"))), []);
});
