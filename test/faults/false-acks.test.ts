/** The receiver says more than is true: nothing is settled that was not sent. */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { Conditions } from "#agent/health/conditions.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { EPOCH_END } from "#agent/outbox/epochs/channel-tails.ts";
import type { Outbox } from "#agent/outbox/outbox.ts";
import type { ReadRange, ReadResult } from "#agent/outbox/reader.ts";
import { ChannelFeed } from "#agent/relay/channel-feed.ts";
import { OPENED_STATUS } from "#protocol/frame.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { messageIn } from "#test/support/feed-bench.ts";

const EPOCH = 1n;
const LAST_SEQ = 5n;
const body = new Uint8Array([1]);

/** The outbox as a feed uses it: five messages of one byte, and what was settled. */
class FiveMessages {
  readonly settled: bigint[] = [];

  read({ afterSeq }: ReadRange): Promise<ReadResult> {
    const seqs = [1n, 2n, 3n, 4n, LAST_SEQ].filter((seq) => seq > afterSeq);
    const sha256 = hash("sha256", body, "buffer");
    const common = {
      ...{ receivedAtMs: 1, length: 1, sha256, controlId: body, body, upload: 0, uploadAt: 0 },
      ...{ controlIdReused: false, duplicate: false, refused: false, attributes: "" },
      ...{ source: "", flags: 0, replaces: undefined },
    };
    const messages = seqs.map((seq) => ({ ...common, id: Number(seq), seq }));
    return Promise.resolve({ messages, damagedSeq: undefined });
  }

  settle(_channel: number, _epoch: bigint, seq: bigint): void {
    this.settled.push(seq);
  }
}

async function openFeed(outbox: FiveMessages): Promise<ChannelFeed> {
  const tail = {
    ...{ channel: 1, name: "adt", epoch: EPOCH, lastSeq: LAST_SEQ, ackedSeq: 0n, trimmedSeq: 0n },
    ...{ lastChain: new Uint8Array(32), lastBytes: 5, ackedBytes: 0 },
    ...{ ended: EPOCH_END.current, final: null, earlier: [], moved: undefined, filling: undefined },
  };
  const woken = Promise.withResolvers<void>();
  const feed = new ChannelFeed(tail, {
    // Only what a feed calls.
    outbox: outbox as unknown as Outbox,
    clock: new ManualClock(),
    log: silentLog,
    conditions: new Conditions(),
    tasks: new Tasks((_name, error) => woken.reject(error)),
    wake: () => woken.resolve(),
    reopen: () => {},
    rules: { priority: "normal", onReceiverReject: "hold" },
  });
  const credit = { connectionLimit: 1e6, streamLimit: 1e6, messageLimit: 1e6 } as never;
  const status = OPENED_STATUS.ok;
  const opened = {
    stream: 1,
    status,
    epoch: EPOCH,
    lastSeq: 0n,
    credit,
    chain: new Uint8Array(32),
  };
  assert.ok(await feed.opened({ type: "opened", ...opened }));
  await woken.promise;
  return feed;
}

test("[TP18] an ACK beyond what was taken, or of another epoch, settles nothing", async () => {
  const outbox = new FiveMessages();
  const feed = await openFeed(outbox);
  assert.equal(messageIn(feed.take()).seq, 1n);
  assert.equal(messageIn(feed.take()).seq, 2n);
  feed.acked(EPOCH, 3n);
  feed.acked(EPOCH, LAST_SEQ);
  feed.acked(EPOCH, 99n);
  feed.acked(EPOCH + 1n, 1n);
  assert.deepEqual(outbox.settled, []);
  feed.acked(EPOCH, 1n);
  feed.acked(EPOCH, 2n);
  feed.acked(EPOCH, 1n);
  assert.deepEqual(outbox.settled, [1n, 2n]);
});
