/** A channel that a person, or support with a person's yes, has stopped: it accepts, and nothing leaves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { heldQueue } from "#agent/deliver/held-queue.ts";
import type { DeliveryQueue } from "#agent/deliver/queue.ts";
import { Subscribers } from "#agent/host/subscribers.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { agentStatus, Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { ASKED_AGENT, QuestionedPair } from "#test/support/questioned-pair.ts";

async function send(pair: QuestionedPair, id: string): Promise<void> {
  await using socket = await MllpSocket.open(pair.pair.mllp.port);
  await socket.send(framed(adt(id)));
  assert.equal((await socket.acknowledged(1)).length, 1, "accepting goes on");
}

const waitingIn = async (pair: QuestionedPair): Promise<number> => {
  const { channels } = await agentStatus(pair.pair.agentConfig);
  return channels.find(({ name }) => name === "adt")?.waiting ?? -1;
};

test("[08 4.4] a held channel accepts and sends nothing, also after a kill; released it goes on, in order", async () => {
  await using pair = await QuestionedPair.open("policy:\n  support: { consentLevel: 2 }\n");
  assert.equal(pair.hospital("channel", "hold", "nobody").status, 65);
  const held = pair.hospital("channel", "hold", "adt");
  assert.equal(held.status, 0, held.stderr);
  await send(pair, "M1");
  await pair.stop("SIGKILL");
  await pair.start();
  await send(pair, "M2");
  assert.equal(await waitingIn(pair), 2);
  const { conditions } = await agentStatus(pair.pair.agentConfig);
  assert.ok(
    conditions.some(
      ({ condition, subject }) => condition === "channelHeldByHand" && subject === "adt",
    ),
  );
  assert.equal(pair.hospital("channel", "release", "adt").status, 0);
  await until("all is at the receiver", async () => (await waitingIn(pair)) === 0);
  assert.notEqual(pair.hospital("channel", "release", "adt").status, 0, "not held any more");

  // By question: it waits for a person, and holds nothing else up.
  pair.hospital("support", "open", "--hours", "1", "--ticket", "T-1");
  const file = pair.sign("channel.hold", { channel: "adt" });
  const { receiverConfig } = pair.pair;
  await using asking = new Started([
    ...[process.execPath, programFile("receiver/main.ts"), "ask", ASKED_AGENT, "--command", file],
    ...["--wait", "60", "--config", receiverConfig],
  ]);
  let digest = "";
  await until("it waits for a yes", () => {
    const status = JSON.parse(pair.hospital("support", "status", "--json").stdout) as {
      waiting: { digest: string; op: string }[];
    };
    digest = status.waiting[0]?.digest ?? "";
    return digest !== "";
  });
  pair.answer("status.get");
  await send(pair, "M3");
  await until("nothing is held before", async () => (await waitingIn(pair)) === 0);
  assert.notEqual(pair.hospital("config", "approve", digest.slice(0, 12)).status, 0, "the whole");
  assert.equal(pair.hospital("config", "approve", digest).status, 0);
  assert.match(await asking.ready(), /"isHeld":true/);
  await send(pair, "M4");
  assert.equal(await waitingIn(pair), 1);
  const actions = pair.audit().map(({ action }) => action);
  for (const action of ["question.approved", "channel.held", "channel.released"]) {
    assert.ok(actions.includes(action), action);
  }
});

test("[08 4.4] of a held channel that delivers nothing more is taken, and what came meanwhile is when it is released", async () => {
  const changes = new Subscribers<[string]>();
  let isHeld = true;
  const holds = {
    isHeld: (channel: string) => isHeld && channel === "orders",
    onChange: (tell: (channel: string) => void) => changes.add(tell),
  };
  const message = { id: 1 } as Awaited<ReturnType<DeliveryQueue["next"]>>;
  const arrivals = new Subscribers();
  const inner = {
    next: async () => message,
    onArrival: (listener: () => void) => arrivals.add(listener),
  } as unknown as DeliveryQueue;
  const queue = heldQueue(inner, "orders", holds);
  let told = 0;
  using arrival = queue.onArrival(() => {
    told += 1;
  });
  assert.equal(await queue.next(), undefined);
  assert.equal(await heldQueue(inner, "other", holds).next(), message);
  isHeld = false;
  changes.tell("other");
  assert.equal(told, 0);
  changes.tell("orders");
  assert.equal(told, 1);
  assert.equal(await queue.next(), message);
  arrivals.tell();
  assert.equal(told, 2);
  arrival[Symbol.dispose]();
  changes.tell("orders");
  assert.equal(told, 2);
});
