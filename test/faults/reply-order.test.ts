/** The store answers in another order than the blocks came: the replies keep the order of the blocks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ChannelRecord } from "#agent/health/channel-record.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import type { Doorway, Verdict } from "#agent/ingest/accept.ts";
import type { Arrival } from "#agent/ingest/channel.ts";
import { MllpListener } from "#agent/ingest/mllp/listener.ts";
import { freePort } from "#scripts/free-port.ts";
import { DEFAULT_RULES, LISTENER_SETTINGS } from "#test/support/default-channel.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { until } from "#test/support/processes.ts";

const COUNT = 5;

/** Takes everything and answers when told, newest first. */
class LateDoorway {
  readonly room = { mayRead: () => true, onRoom: () => {} };
  readonly isOpen = true;
  readonly waiting: { readonly controlId: string; readonly settle: (verdict: Verdict) => void }[] =
    [];

  accept({ bytes }: Arrival, settle: (verdict: Verdict) => void): void {
    const controlId = Buffer.from(bytes).toString("latin1").split("|")[9] ?? "";
    this.waiting.push({ controlId, settle });
  }

  answerNewestFirst(): void {
    for (const { controlId, settle } of this.waiting.toReversed()) {
      const reply = Buffer.from(`MSH|^~\\&\rMSA|AA|${controlId}\r`);
      settle({ kind: "answer", reply, ids: [], close: false });
    }
  }

  onGate(): void {}
  replied(): void {}
}

test("[A2] [T-I05] replies leave in the order of their blocks, whatever the order of the answers", async () => {
  const doorway = new LateDoorway();
  const port = await freePort();
  await using _listener = await MllpListener.open({
    channel: {
      ...{ name: "adt", id: 1, rules: DEFAULT_RULES },
      record: new ChannelRecord({ channel: "adt", clock: systemClock, log: silentLog }),
    },
    settings: { ...LISTENER_SETTINGS, port },
    // Only what a listener calls.
    doorway: doorway as unknown as Doorway,
    conditions: new Conditions(),
    clock: systemClock,
    log: silentLog,
  });
  await using sender = await MllpSocket.open(port);
  const ids = Array.from({ length: COUNT }, (_, index) => `M${index}`);
  await sender.send(...ids.map((id) => framed(adt(id))));
  await until("all have come", () => doorway.waiting.length === COUNT);
  doorway.answerNewestFirst();
  assert.deepEqual(
    await sender.acknowledged(COUNT),
    ids.map((id) => `AA ${id}`),
  );
});
