/** Each alarm that a hospital will see, provoked for real (08 PL9, PL10): one opening, one close, its runbook. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { LoopDisk } from "#test/support/loop-disk.ts";
import { AlarmedSite } from "./provoked-alarms/alarmed-site.ts";
import { SteppedClock } from "./stepped-clock.ts";

/** The log's, and the receiver's. */
const PROVOKED = [
  ...["certificateExpiring secure", "peerRefused guarded", "channelSilent adt", "tunnelDown"],
  ...["diskLow", "clockSkewed"],
];

async function refused(port: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {}).on("close", () => resolve());
  await promise;
}

test("[PL9] [PL10] link cut, disk filled, sender stopped, certificate near its end, clock jumped, ten connections refused: each opens once and closes once, and nothing else is an alarm", {
  timeout: 240_000,
}, async (context) => {
  const made = [LoopDisk.make(24), SteppedClock.make(), SteppedClock.make()] as const;
  const [disk, agentClock, receiverClock] = made;
  const missing = made.find((one) => typeof one === "string");
  if (
    typeof disk === "string" ||
    typeof agentClock === "string" ||
    typeof receiverClock === "string"
  ) {
    return context.skip(String(missing));
  }
  using stack = new DisposableStack();
  for (const one of [disk, agentClock, receiverClock]) stack.use(one);
  await using site = await AlarmedSite.open(disk, { agent: agentClock, receiver: receiverClock });
  await site.says("opened certificateExpiring secure", 1);
  for (let number = 0; number < 12; number++) await refused(site.ports.guarded);
  await site.says("opened peerRefused guarded", 1);
  await site.certificate(400);

  assert.equal((await site.sends()).kind, "accepted");
  await site.says("opened channelSilent adt", 25);
  assert.equal((await site.sends()).kind, "accepted");
  await site.says("closed channelSilent adt", 2);
  await site.says("closed peerRefused guarded", 12);

  site.isBusy = true;
  await site.killReceiver();
  await site.says("opened tunnelDown", 4);
  // Longer than messages may wait: what a dead tunnel explains is no alarm of its own.
  await site.passes(18);
  assert.ok((await site.explainedBy("tunnelDown")).includes("queueAge adt"));
  await site.startReceiver();
  await site.streams();
  await site.says("closed tunnelDown", 6);

  site.isBusy = false;
  disk.fill();
  await site.says("opened diskLow", 2);
  assert.equal((await site.sends()).kind, "closed");
  disk.free();
  await site.says("closed diskLow", 4);
  site.isBusy = true;

  // As a machine that was put right by the wrong hour.
  agentClock.set(agentClock.hours + 1);
  await site.streams();
  await site.says("opened clockSkewed", 3);
  await site.says("closed certificateExpiring secure", 3);
  receiverClock.set(receiverClock.hours + 1);
  await site.killReceiver();
  await site.startReceiver();
  await site.streams();
  await site.says("closed clockSkewed", 3);

  const both = PROVOKED.flatMap((one) => [`opened ${one}`, `closed ${one}`]).sort();
  // The last record is on its way.
  await site.passes(1);
  assert.deepEqual(site.logged().sort(), both);
  assert.deepEqual((await site.told()).sort(), both);
});
