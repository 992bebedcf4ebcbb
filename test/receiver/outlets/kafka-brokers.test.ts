import assert from "node:assert/strict";
import { test } from "node:test";
import type { IngestItem } from "#streams/sink/sink-store.ts";
import { connect, taken } from "../support/kafka-outlet.ts";
import { MockKafka, withoutKcat } from "../support/mock-kafka.ts";
import { OutletStage } from "../support/outlet-stage.ts";
import { LargeMessage } from "../support/partial-suite.ts";
import { itemOf } from "../support/store-suite.ts";

const skip = withoutKcat();
/** Around every border of a variable-length integer, of a batch, and of the page of a store. */
const BORDERS = [0, 1, 2, 63, 64, 127, 128, 8_191, 8_192, 16_384, 261_120, 262_145, 999_999];

const itemOfBytes = ({ bytes, sha256 }: LargeMessage): IngestItem => ({
  ...itemOf(""),
  sha256,
  body: bytes,
});

test("[TP38] brokers of librdkafka hold every message once, in order, byte for byte", {
  skip,
}, async () => {
  await using stage = await OutletStage.open();
  await using kafka = await MockKafka.start(3);
  const more = Array.from({ length: 700 }, (_, index) => (index * 7_919) % 2_500);
  const bodies = [...BORDERS, ...more].map((bytes, index) => new LargeMessage(bytes, index));
  for (let first = 0; first < bodies.length; first += 50) {
    const items = bodies.slice(first, first + 50).map(itemOfBytes);
    await stage.caller.ingest(1n, BigInt(first + 1), ...items);
  }
  await using _outlet = await connect(stage, [kafka.port]);
  await taken(stage, `1.${bodies.length}`);
  const records = await kafka.read("hl7");
  assert.equal(records.length, bodies.length);
  assert.equal(new Set(records.map(({ partition }) => partition)).size, 1);
  for (const [index, { key, value, headers }] of records.entries()) {
    const message = bodies[index] ?? assert.fail();
    assert.equal(Buffer.compare(value, message.bytes), 0, `message ${index + 1}`);
    assert.equal(key, "north/ward-1/adt");
    assert.equal(headers["Holdfast-Seq"], `${index + 1}`);
    assert.equal(headers["Holdfast-Sha256"], Buffer.from(message.sha256).toString("hex"));
  }
});
