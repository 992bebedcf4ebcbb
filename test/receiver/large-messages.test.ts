import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { ERROR_CODE, REJECT_CODE } from "#protocol/frame.ts";
import { CHUNK_MAX_BYTES } from "#protocol/limits.ts";
import { askInParts } from "#receiver/local-client.ts";
import { LargeSender } from "./support/large-sender.ts";
import { LargeMessage } from "./support/partial-suite.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const folder = new ReceiverFolder({ more: "messageLimitBytes: 70000000" });
let receiver = await folder.open();
let { port } = receiver.address;
after(async () => {
  await receiver[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const MIB = 1_048_576;
const large = new LargeMessage(4 * MIB + 100_001);
const other = new LargeMessage(large.totalBytes, 2);

const latin1 = ({ bytes }: LargeMessage): string => Buffer.from(bytes).toString("latin1");

/** Bodies by their digests: a difference in megabytes says nothing to a reader. */
function assertStored(stored: readonly string[], ...expected: readonly string[]): void {
  assert.deepEqual(
    stored.map((body) => body.length),
    expected.map((body) => body.length),
  );
  for (const [index, body] of stored.entries())
    assert.ok(body === expected[index], `body ${index}`);
}

describe("large messages", () => {
  test("[TP25] PARTIAL tells of each MiB that is durable, and the ACK of the whole", async () => {
    const { identity, stored } = await folder.newAgent();
    await using sender = await LargeSender.open(port, identity);
    await sender.send(1n, large);
    const ack = await sender.until("ack");
    assert.ok(ack.type === "ack" && ack.lastSeq === 1n);
    const told = sender.partials;
    assert.ok(told.length >= 2, String(told));
    for (const [index, offset] of told.entries()) {
      const step = offset - (told[index - 1] ?? 0);
      // Less than 1 MiB may be untold when a call brings up to 1 MiB more at once.
      assert.ok(step < 2 * MIB, `${offset} comes ${step} bytes after the one before`);
      assert.ok(offset < large.totalBytes);
    }
    assertStored(await stored(), latin1(large));
  });

  test("[TP14] after a lost connection it goes on where OPENED says, which is all that arrived", async () => {
    const { identity, stored } = await folder.newAgent();
    let from = 0;
    for (const to of [50_000, 1_300_000, 1_300_001, 3 * MIB]) {
      await using sender = await LargeSender.open(port, identity);
      const { partial } = sender.opened;
      assert.deepEqual(partial?.durableOffset ?? 0, from);
      await sender.send(1n, large, from, to);
      const received = chunkBytes(from, to);
      await sender.received(received);
      from = to;
    }
    await using sender = await LargeSender.open(port, identity);
    assert.deepEqual(sender.opened.partial, { seq: 1n, durableOffset: 3 * MIB });
    await sender.send(1n, large, 3 * MIB);
    await sender.send(2n, other);
    await sender.until("ack");
    while (!sender.isAcked(2n)) await sender.until("ack");
    assertStored(await stored(), latin1(large), latin1(other));
  });

  test("[TP14] of a message that is all there but one byte, that byte is enough", async () => {
    const { identity, stored } = await folder.newAgent();
    {
      await using sender = await LargeSender.open(port, identity);
      await sender.send(1n, large, 0, large.totalBytes - 1);
      await sender.received(chunkBytes(0, large.totalBytes - 1));
    }
    await using sender = await LargeSender.open(port, identity);
    assert.equal(sender.opened.partial?.durableOffset, large.totalBytes - 1);
    await sender.send(1n, large, large.totalBytes - 1);
    await sender.until("ack");
    assertStored(await stored(), latin1(large));
  });

  test("[TP25] [TP12] without the capability there is no PARTIAL, and it begins again", async () => {
    const { identity, stored } = await folder.newAgent();
    {
      await using sender = await LargeSender.open(port, identity, []);
      await sender.send(1n, large, 0, 3 * MIB);
      await sender.received(chunkBytes(0, 3 * MIB));
      assert.deepEqual(sender.partials, []);
    }
    await using sender = await LargeSender.open(port, identity, ["zstd", "unheardOf"]);
    assert.equal(sender.opened.partial, undefined);
    await sender.send(1n, large);
    await sender.until("ack");
    assert.deepEqual(sender.partials, []);
    assertStored(await stored(), latin1(large));
  });

  test("[TP8] [TP14] FIRST at an offset that nobody told is out of order", async () => {
    const { identity } = await folder.newAgent();
    {
      await using sender = await LargeSender.open(port, identity);
      await sender.send(1n, large, 0, 300_000);
      await sender.received(chunkBytes(0, 300_000));
    }
    for (const [seq, from] of [
      [1n, 299_999],
      [1n, 300_001],
      [2n, 300_000],
    ] as const) {
      await using sender = await LargeSender.open(port, identity);
      assert.equal(sender.opened.partial?.durableOffset, 300_000);
      await sender.send(seq, large, from, from + 10);
      const error = await sender.until("error");
      assert.ok(error.type === "error");
      assert.equal(error.code, ERROR_CODE.outOfOrder);
    }
  });

  test("[TP29] [TP14] another message at the offset of the old one is rejected with RESTART, once", async () => {
    const { identity, stored } = await folder.newAgent();
    {
      await using sender = await LargeSender.open(port, identity);
      await sender.send(1n, large, 0, 2 * MIB);
      await sender.received(chunkBytes(0, 2 * MIB));
    }
    await using sender = await LargeSender.open(port, identity);
    // Of what was on its way the last piece may not be kept yet.
    const offset = sender.opened.partial?.durableOffset ?? 0;
    assert.ok(offset > MIB);
    await sender.send(1n, other, offset);
    const reject = await sender.until("reject");
    assert.ok(reject.type === "reject");
    const { seq, code, permanent } = reject;
    assert.deepEqual([seq, code, permanent], [1n, REJECT_CODE.restart, false]);
    await using again = await LargeSender.open(port, identity);
    assert.equal(again.opened.partial, undefined);
    await again.send(1n, other);
    await again.until("ack");
    assertStored(await stored(), latin1(other));
  });

  test("[RI1] [TP29] bytes that are not those of the hash are rejected with HASH, and not stored", async () => {
    const { identity, stored } = await folder.newAgent();
    await using sender = await LargeSender.open(port, identity);
    await sender.send(
      1n,
      Object.assign(new LargeMessage(large.totalBytes), { sha256: other.sha256 }),
    );
    const reject = await sender.until("reject");
    assert.ok(reject.type === "reject");
    assert.deepEqual([reject.seq, reject.code], [1n, REJECT_CODE.hash]);
    assert.deepEqual(await stored(), []);
    await sender.send(1n, large);
    await sender.until("ack");
    assertStored(await stored(), latin1(large));
  });

  test("[TP32] a receiver that stops keeps what has arrived of a large message", async () => {
    const { identity } = await folder.newAgent();
    await using sender = await LargeSender.open(port, identity);
    await sender.send(1n, large, 0, 100_000);
    await sender.received(chunkBytes(0, 100_000));
    await receiver[Symbol.asyncDispose]();
    receiver = await folder.open();
    ({ port } = receiver.address);
    await using again = await LargeSender.open(port, identity);
    assert.deepEqual(again.opened.partial, { seq: 1n, durableOffset: 100_000 });
  });

  test("[I-8] an export gives a large body out in parts, which are one line", async () => {
    const { identity, name } = await folder.newAgent();
    await using sender = await LargeSender.open(port, identity);
    await sender.send(1n, large);
    await sender.until("ack");
    const [tenant = "", agent = ""] = name.split("/");
    const who = { tenant, name: agent };
    const question = { ask: "export", withBody: true, channel: null, agent: who } as const;
    const begun: string[] = [];
    const ends: string[] = [];
    for await (const part of askInParts(folder.stateDir, question, { kind: "sqlite" })) {
      if (typeof part === "string") ends.push(part);
      else begun.push(part.begun);
    }
    assert.equal(ends.length, 1);
    assert.ok(begun.length > 16, `${begun.length} parts`);
    assert.ok(begun.every((text) => text.length <= 262_144));
    const line = JSON.parse(begun.join("") + ends[0]) as { readonly body: string };
    assert.ok(Buffer.from(line.body, "base64").equals(large.bytes));
  });

  test("[TP19] small messages before and behind it keep their order", async () => {
    const { identity, stored } = await folder.newAgent();
    await using sender = await LargeSender.open(port, identity);
    const small = (name: string): LargeMessage => new LargeMessage(name.length + 5);
    await sender.send(1n, small("a"));
    await sender.send(2n, small("bb"));
    await sender.send(3n, large);
    await sender.send(4n, small("ccc"));
    while (!sender.isAcked(4n)) await sender.until("ack");
    const expected = [small("a"), small("bb"), large, small("ccc")].map(latin1);
    assertStored(await stored(), ...expected);
  });
});

/** What credit counts for the bytes `from` to `to`: payload, 18 bytes a chunk, metadata of the first. */
function chunkBytes(from: number, to: number): number {
  const chunks = Math.max(1, Math.ceil((to - from) / CHUNK_MAX_BYTES));
  return to - from + chunks * 18 + META_BYTES;
}
const META_BYTES = 46;
