/**
 * What a receiver that has been taken over can put on an open websocket, below frames of the tunnel: RFC 6455 broken
 * in every way that costs somebody something, as bytes.
 *
 * @module
 */
import type { Socket } from "node:net";
import { encodeFrame } from "#protocol/codec.ts";
import type { Frame } from "#protocol/frame.ts";
import { FRAME_MAX_BYTES } from "#protocol/limits.ts";

/** RFC 6455 section 5.2: FIN and the reserved bits. */
const [FIN, RSV1, RSV2, RSV3] = [0x80, 0x40, 0x20, 0x10];
const [CONTINUED, TEXT, BINARY, PING] = [0x0, 0x1, 0x2, 0x9];
const MASKED = 0x80;
/** What follows a length of 126 has 2 bytes, 127 has 8. */
const [LENGTH_16, LENGTH_64] = [126, 127];
const FLOOD_COUNT = 50_000;
const ENDLESS_BYTES = 32 * 1_048_576;

/** One frame with a short payload, unmasked as a server's are. */
const short = (first: number, payload: Uint8Array = new Uint8Array()): Buffer =>
  Buffer.concat([Buffer.of(first, payload.length), payload]);

const ONE = Uint8Array.of(0x0b);
const times = (count: number, bytes: Uint8Array): Buffer =>
  Buffer.alloc(count * bytes.length, bytes);
const begun = (announcedBytes: bigint): Buffer => {
  const head = Buffer.alloc(10);
  head.set([FIN | BINARY, LENGTH_64]);
  head.writeBigUInt64BE(announcedBytes, 2);
  return head;
};
const LARGEST = Buffer.concat([begun(BigInt(FRAME_MAX_BYTES)), Buffer.alloc(FRAME_MAX_BYTES)]);
const tunnelled = (frame: Frame): Buffer => short(FIN | BINARY, encodeFrame(frame));

/** As much as the other side takes, in one go. */
const write =
  (bytes: Uint8Array) =>
  (socket: Socket): void =>
    void socket.write(bytes);

/** A frame's beginning, and then bytes for as long as somebody takes them. */
const pour =
  (head: Uint8Array) =>
  (socket: Socket): void => {
    socket.write(head);
    for (let sent = 0; sent < ENDLESS_BYTES; sent += FRAME_MAX_BYTES) {
      socket.write(Buffer.alloc(FRAME_MAX_BYTES));
    }
  };

/** Each byte is a TLS record of its own: what is written while another write is under way would go with others. */
const dribble =
  (bytes: Uint8Array) =>
  (socket: Socket): void => {
    const next = (at: number): void => {
      if (at >= bytes.length || socket.destroyed) return;
      socket.write(bytes.subarray(at, at + 1), () => next(at + 1));
    };
    next(0);
  };

const unknownOpcodes = [0x3, 0x7, 0xb, 0xf].map(
  (opcode) => [`unknown opcode ${opcode}`, write(short(FIN | opcode, ONE))] as const,
);
const reservedBits = Object.entries({ RSV1, RSV2, RSV3 }).map(
  ([name, bit]) => [`${name} on data`, write(short(FIN | bit | BINARY, ONE))] as const,
);

/** By name; what is done on a connection that has been welcomed with the capability `commands`. */
export const WEBSOCKET_ABUSE: readonly (readonly [string, (socket: Socket) => void])[] = [
  [
    "fragments of 1 byte",
    write(Buffer.concat([short(BINARY, ONE), times(FRAME_MAX_BYTES - 1, short(CONTINUED, ONE))])),
  ],
  [
    "empty fragments without end",
    write(Buffer.concat([short(BINARY), times(FLOOD_COUNT, short(CONTINUED))])),
  ],
  ["the largest frame in records of 1 byte", dribble(LARGEST)],
  ["a frame that announces 1 GB", pour(begun(1n << 30n))],
  ["a frame that announces 2^63 - 1 bytes", pour(begun((1n << 63n) - 1n))],
  ...unknownOpcodes,
  ...reservedBits,
  ["RSV1 on a ping", write(short(FIN | RSV1 | PING, ONE))],
  [
    "a ping of 126 bytes",
    write(Buffer.concat([Buffer.of(FIN | PING, LENGTH_16, 0, 126), Buffer.alloc(126)])),
  ],
  ["a ping in fragments", write(short(PING, ONE))],
  ["a continuation of nothing", write(short(FIN | CONTINUED, ONE))],
  [
    "a second beginning inside a message",
    write(Buffer.concat([short(BINARY, ONE), short(BINARY, ONE)])),
  ],
  ["a masked frame", write(Buffer.of(FIN | BINARY, MASKED | 1, 0, 0, 0, 0, 1))],
  ["text that is not UTF-8", write(short(FIN | TEXT, Uint8Array.of(0xff)))],
  ["a flood of websocket pings", write(times(FLOOD_COUNT, short(FIN | PING, new Uint8Array(125))))],
  ["a flood of empty websocket pings", write(times(FLOOD_COUNT, short(FIN | PING)))],
  ["a flood of PING", write(times(FLOOD_COUNT, tunnelled({ type: "ping", stream: 0, nonce: 1 })))],
  [
    "a flood of commands",
    write(
      times(
        FLOOD_COUNT,
        tunnelled({ type: "cmd", stream: 0, id: new Uint8Array(16), document: ONE }),
      ),
    ),
  ],
];
