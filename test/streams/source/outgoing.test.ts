import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decodeFrame } from "#protocol/codec.ts";
import type { DataFrame } from "#protocol/frame.ts";
import { PRIORITY, type Priority } from "#protocol/frame.ts";
import { CHUNK_MAX_BYTES, FRAME_MAX_BYTES } from "#protocol/limits.ts";
import { Flow } from "#streams/source/flow.ts";
import { type FrameSink, Outgoing, SendingStream } from "#streams/source/outgoing.ts";
import { ListedSource } from "../../support/listed-source.ts";

const FAR = 1 << 30;

/** A socket that keeps what it is given until it is drained. */
class HeldSink implements FrameSink {
  unsentBytes = 0;
  /** Frames with what was unsent when each was chosen. */
  readonly sent: { readonly bytes: Uint8Array; readonly unsentBefore: number }[] = [];
  readonly corks: string[] = [];

  send(bytes: Uint8Array): void {
    this.sent.push({ bytes, unsentBefore: this.unsentBytes });
    this.unsentBytes += bytes.length;
  }
  cork(): void {
    this.corks.push("cork");
  }
  uncork(): void {
    this.corks.push("uncork");
  }

  get data(): DataFrame[] {
    return this.sent.flatMap(({ bytes }) => {
      const frame = decodeFrame(bytes);
      return frame?.type === "data" ? [frame] : [];
    });
  }
}

class Desk {
  readonly sink = new HeldSink();
  readonly flow: Flow;
  readonly outgoing: Outgoing;
  readonly faults: unknown[] = [];
  readonly streams: SendingStream[] = [];

  constructor(options: { readonly credit?: number; readonly frameLimit?: number } = {}) {
    this.flow = new Flow(options.credit ?? FAR);
    const fault = (error: unknown): void => void this.faults.push(error);
    const frameLimit = options.frameLimit ?? FRAME_MAX_BYTES;
    this.outgoing = new Outgoing(this.sink, this.flow, frameLimit, fault);
  }

  stream(source: ListedSource, creditLimit = FAR): SendingStream {
    const stream = new SendingStream(this.streams.length * 2 + 1, source);
    stream.flowing = true;
    stream.creditLimit = creditLimit;
    this.streams.push(stream);
    this.outgoing.add(stream);
    return stream;
  }

  /** Drains the socket and reports everything as received, until nothing more comes. */
  run(): void {
    for (let before = -1; before !== this.sink.sent.length; ) {
      before = this.sink.sent.length;
      this.sink.unsentBytes = 0;
      this.flow.credited({ bytesReceived: this.bodyBytes });
      this.outgoing.pump();
    }
  }

  get bodyBytes(): number {
    return this.sink.sent.reduce((sum, { bytes }) => sum + bytes.length - 4, 0);
  }
}

const bodyOf = (bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, index) => index % 253);

function withPriority(priority: Priority, bytes: number): ListedSource {
  const source = new ListedSource("any", ...(bytes === 0 ? [] : [bodyOf(bytes)]));
  source.priority = priority;
  return source;
}

describe("outgoing sends messages in chunks", () => {
  for (const bytes of [0, 1, 32_767, 32_768, 32_769, 100_000]) {
    test(`[TP8, TP23] ${bytes} bytes leave in chunks of at most 32,768, FIRST and LAST where they belong`, () => {
      const desk = new Desk();
      const body = bodyOf(bytes);
      desk.stream(new ListedSource("adt", body));
      desk.run();
      const frames = desk.sink.data;
      assert.equal(frames.length, Math.max(1, Math.ceil(bytes / CHUNK_MAX_BYTES)));
      assert.deepEqual(Buffer.concat(frames.map(({ payload }) => payload)), Buffer.from(body));
      let offset = 0;
      for (const [index, frame] of frames.entries()) {
        assert.deepEqual([frame.seq, frame.offset, frame.total], [1n, offset, bytes]);
        assert.equal(frame.first, index === 0);
        assert.equal(frame.meta !== undefined, index === 0);
        assert.equal(frame.last, index === frames.length - 1);
        offset += frame.payload.length;
      }
    });
  }

  test("[TP8] a body that comes in parts leaves as one message, and every byte of it", async () => {
    for (const partBytes of [1_000, 32_768, 50_000]) {
      const desk = new Desk();
      const body = bodyOf(130_000);
      const source = new ListedSource("adt");
      source.messages.push({ body, partBytes });
      desk.stream(source);
      for (let turn = 0; turn < 400; turn++) {
        desk.run();
        await Promise.resolve();
      }
      const frames = desk.sink.data;
      assert.deepEqual(Buffer.concat(frames.map(({ payload }) => payload)), Buffer.from(body));
      assert.equal(frames.filter(({ first }) => first).length, 1);
      assert.equal(frames.filter(({ last }) => last).length, 1);
    }
  });

  test("[06 3] a smaller frame limit makes smaller chunks, metadata included", () => {
    const desk = new Desk({ frameLimit: 32_768 });
    desk.stream(new ListedSource("adt", bodyOf(100_000)));
    desk.run();
    for (const { bytes } of desk.sink.sent) assert.ok(bytes.length <= 32_768);
    assert.equal(desk.sink.data[0]?.payload.length, 32_768 - 8_448);
  });

  test("[TP8] messages of a stream leave one after another, in order, until there is none", () => {
    const desk = new Desk();
    const source = new ListedSource("adt", "a", "b", "c");
    const stream = desk.stream(source);
    desk.run();
    assert.deepEqual(
      desk.sink.data.map(({ seq }) => seq),
      [1n, 2n, 3n],
    );
    source.add("d");
    desk.run();
    assert.equal(desk.sink.data.length, 3, "an idle stream is not asked before it wakes");
    stream.idle = false;
    desk.run();
    assert.equal(desk.sink.data.length, 4);
  });

  test("[TP14] nothing leaves on a stream whose OPENED was not OK", () => {
    const desk = new Desk();
    desk.stream(new ListedSource("adt", "a")).flowing = false;
    desk.run();
    assert.equal(desk.sink.sent.length, 0);
  });

  test("[TP32] after stopAfterCurrent the message in hand is finished, and no other begun", () => {
    const desk = new Desk();
    desk.stream(new ListedSource("adt", bodyOf(100_000), "next"));
    desk.outgoing.pump();
    desk.outgoing.stopAfterCurrent();
    desk.run();
    assert.deepEqual([desk.sink.data.length, desk.sink.data.at(-1)?.last], [4, true]);
  });

  test("[TP19] nothing is taken or sent once the connection is over, whatever still arrives", async () => {
    const desk = new Desk();
    const large = new ListedSource("adt");
    large.messages.push({ body: bodyOf(40_000), partBytes: 40_000 });
    const other = new ListedSource("oru");
    desk.stream(large);
    const stream = desk.stream(other);
    desk.run();
    other.add("taken by the next connection alone");
    stream.idle = false;
    desk.outgoing.end();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([desk.sink.sent.length, other.nextIndex], [0, 0]);
  });

  test("[S16] a part that cannot be read is a fault of the connection", async () => {
    const desk = new Desk();
    const source = new ListedSource("adt", "a");
    const take = source.take.bind(source);
    source.take = () => {
      const message = take();
      return message && { ...message, body: () => Promise.reject(new Error("gone")) };
    };
    desk.stream(source);
    desk.run();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(desk.faults.length, 1);
    assert.equal(desk.sink.sent.length, 0);
  });
});

describe("outgoing is fair and bounded", () => {
  test("[TP23] streams take turns of one chunk's bytes, whatever the size of their messages", () => {
    const desk = new Desk();
    const small = Array.from({ length: 2_000 }, () => bodyOf(1_000));
    desk.stream(new ListedSource("small", ...small));
    desk.stream(new ListedSource("large", bodyOf(2_000_000)));
    desk.stream(new ListedSource("single", bodyOf(50_000), bodyOf(50_000)));
    const sent = [0, 0, 0];
    const taken = (): void => {
      for (const frame of desk.sink.data.slice(counted)) {
        const index = (frame.stream - 1) / 2;
        sent[index] = (sent[index] ?? 0) + frame.payload.length;
        counted += 1;
        const [a = 0, b = 0] = sent;
        assert.ok(Math.abs(a - b) <= 2 * (CHUNK_MAX_BYTES + 1_100), `${a} and ${b}`);
      }
    };
    let counted = 0;
    for (let round = 0; round < 20; round++) {
      desk.outgoing.pump();
      desk.sink.unsentBytes = 0;
      desk.flow.credited({ bytesReceived: desk.bodyBytes });
      taken();
    }
    assert.equal(sent[2], 100_000, "a short one is through long before the long one");
    assert.ok((sent[1] ?? 0) > 200_000 && (sent[1] ?? 0) < 2_000_000);
  });

  test("[TP23] eight turns of a priority, then one of what is lower, while all have something", () => {
    const desk = new Desk();
    const sources = Object.values(PRIORITY).map((priority) => withPriority(priority, 9_000_000));
    for (const source of sources.toReversed()) desk.stream(source);
    const turns = 2 * 9 * (8 + 1);
    while (desk.sink.data.length < turns) {
      desk.outgoing.pump();
      desk.sink.unsentBytes = 0;
      desk.flow.credited({ bytesReceived: desk.bodyBytes });
    }
    const counts = [5, 3, 1].map(
      (stream) => desk.sink.data.slice(0, turns).filter((frame) => frame.stream === stream).length,
    );
    assert.deepEqual(counts, [2 * 9 * 8, 2 * 8, 2]);
  });

  test("[TP23] an urgent message that comes late leaves before what is left of the others", () => {
    const desk = new Desk();
    desk.stream(withPriority(PRIORITY.bulk, 500_000));
    desk.stream(withPriority(PRIORITY.normal, 500_000));
    const urgent = withPriority(PRIORITY.urgent, 0);
    const stream = desk.stream(urgent);
    desk.outgoing.pump();
    const before = desk.sink.data.length;
    urgent.add("now");
    stream.idle = false;
    desk.run();
    assert.equal(
      desk.sink.data.findIndex((frame) => frame.stream === stream.number),
      before,
    );
  });

  test("[TP23] a small message of a lower priority takes no room that the next chunk of a higher one waits for", () => {
    const desk = new Desk();
    desk.stream(withPriority(PRIORITY.urgent, 500_000));
    desk.stream(new ListedSource("small", ...Array.from({ length: 100 }, () => bodyOf(100))));
    desk.outgoing.pump();
    desk.sink.unsentBytes = 0;
    desk.outgoing.pump();
    desk.sink.unsentBytes = 0;
    desk.outgoing.pump();
    const room = desk.flow.room;
    assert.ok(room > 1_000 && room < CHUNK_MAX_BYTES, `${room} bytes of the window are left`);
    assert.deepEqual(
      desk.sink.data.filter((frame) => frame.stream === 3),
      [],
    );
  });

  test("[TP23] each frame is chosen while the socket holds less than 64 KiB", () => {
    for (const sizes of [[1_000], [60_000], [1_000, 33_000], [32_768, 10]]) {
      const desk = new Desk();
      const bodies = Array.from({ length: 300 }, (_, i) => bodyOf(sizes[i % sizes.length] ?? 0));
      desk.stream(new ListedSource("one", ...bodies));
      desk.stream(new ListedSource("two", ...bodies));
      for (let round = 0; round < 200; round++) {
        desk.outgoing.pump();
        desk.sink.unsentBytes = Math.max(0, desk.sink.unsentBytes - 10_000);
        desk.flow.credited({ bytesReceived: desk.bodyBytes });
      }
      assert.ok(desk.sink.sent.length > 30);
      for (const { unsentBefore } of desk.sink.sent) assert.ok(unsentBefore < 65_536, sizes.join());
    }
  });

  test("[TP20] credit that fits exactly is used up; one byte less holds the frame back", () => {
    const measured = new Desk();
    measured.stream(new ListedSource("adt", "exact"));
    measured.run();
    const bytes = measured.bodyBytes;
    for (const [credit, frames] of [
      [bytes, 1],
      [bytes - 1, 0],
    ] as const) {
      const byConnection = new Desk({ credit });
      byConnection.stream(new ListedSource("adt", "exact"));
      byConnection.run();
      assert.equal(byConnection.sink.sent.length, frames);
      const byStream = new Desk();
      byStream.stream(new ListedSource("adt", "exact"), credit);
      byStream.run();
      assert.equal(byStream.sink.sent.length, frames);
    }
  });

  test("[TP20, TP22] credit and window are never exceeded, by no byte, whatever is granted", () => {
    const grant = fc.record({
      stream: fc.nat(80_000),
      connection: fc.nat(80_000),
      received: fc.nat(60_000),
      drained: fc.boolean(),
    });
    const sizes = fc.array(fc.integer({ min: 0, max: 90_000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.array(grant, { maxLength: 30 }), (bodies, grants) => {
        const desk = new Desk({ credit: 0 });
        const limits = [0, 0];
        const streams = ["one", "two"].map((name) =>
          desk.stream(new ListedSource(name, ...bodies.map(bodyOf)), 0),
        );
        let [connection, received] = [0, 0];
        for (const [index, one] of grants.entries()) {
          const at = index % 2;
          limits[at] = (limits[at] ?? 0) + one.stream;
          connection += one.connection;
          received = Math.min(received + one.received, desk.bodyBytes);
          for (const [i, stream] of streams.entries()) stream.creditLimit = limits[i] ?? 0;
          desk.flow.credited({ connectionLimit: connection, bytesReceived: received });
          if (one.drained) desk.sink.unsentBytes = 0;
          desk.outgoing.pump();
          assert.ok(desk.bodyBytes <= connection);
          assert.ok(desk.bodyBytes - received <= 131_072);
          for (const [i, stream] of streams.entries())
            assert.ok(stream.sentBytes <= (limits[i] ?? 0));
          assert.equal(
            streams[0] && streams[0].sentBytes + (streams[1]?.sentBytes ?? 0),
            desk.bodyBytes,
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  test("[TP22] small messages, too, fill the window, and let it grow", () => {
    const desk = new Desk();
    desk.stream(new ListedSource("adt", ...Array.from({ length: 500 }, () => bodyOf(1_000))));
    for (let round = 0; round < 3; round++) {
      desk.outgoing.pump();
      desk.sink.unsentBytes = 0;
    }
    desk.flow.ponged(10, 0);
    assert.ok(desk.flow.windowBytes > 131_072, `${desk.flow.windowBytes}`);
  });

  test("[06 10] starved says that credit or window holds back every stream that has something", () => {
    const desk = new Desk();
    const [rich, poor] = [new ListedSource("rich", "a"), new ListedSource("poor", "b")];
    const flowing = desk.stream(rich);
    const held = desk.stream(poor, 5);
    desk.run();
    assert.equal(desk.outgoing.starved, true, "the rich one is idle");
    rich.add(bodyOf(100_000));
    flowing.idle = false;
    desk.outgoing.pump();
    assert.equal(desk.outgoing.starved, false, "the rich one has more to send");
    desk.run();
    assert.equal(desk.outgoing.starved, true);
    held.creditLimit = FAR;
    desk.run();
    assert.equal(desk.outgoing.starved, false, "all is sent");
  });

  test("frames of one pump are gathered, and the gathering always ends", () => {
    const desk = new Desk();
    desk.stream(new ListedSource("adt", "a", "b"));
    desk.outgoing.pump();
    assert.deepEqual(desk.sink.corks, ["cork", "uncork"]);
  });
});
