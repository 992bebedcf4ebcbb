/**
 * Every bound of the tunnel protocol, with its unit and its reason. Source: 06 sections 3, 6 and 7.
 *
 * @module
 */

/** The websocket subprotocol: this major version and no other (TP2). */
export const SUBPROTOCOL = "holdfast.v1";
/** Where the receiver accepts tunnels (TP1). */
export const TUNNEL_PATH = "/v1/tunnel";
/** The one minor version spoken here (TP11). */
export const MINOR = 0;

/** Of a store, of a start of the agent, of a command. */
export const ID_BYTES = 16;
/** Type u8, flags u8, stream u16 (TP6). */
export const FRAME_HEADER_BYTES = 4;
/** Largest frame offered by default, header included: a chunk and its metadata, with room. */
export const FRAME_MAX_BYTES = 65_536;
/** A frame limit below this could not carry the largest metadata and a useful chunk. */
export const FRAME_MIN_NEGOTIABLE_BYTES = 32_768;
/** A frame limit above this would let one frame delay an urgent one for too long. */
export const FRAME_MAX_NEGOTIABLE_BYTES = 262_144;
/** Largest payload of one DATA: the unit in which streams take turns (TP23). */
export const CHUNK_MAX_BYTES = 32_768;
/** A chunk stays this far below the frame limit: header, largest metadata, and some to spare. */
export const CHUNK_FRAME_MARGIN_BYTES = 8_448;

/** Largest message, as sent and unpacked: 512 MiB, the largest file that 04 accepts. */
export const MESSAGE_MAX_BYTES = 536_870_912;
/** Above this a message is large: its sink spools it, and says how far it has come (TP20, TP25). */
export const LARGE_MESSAGE_BYTES = 1_048_576;
/** PARTIAL is sent after this many bytes of durable progress (TP25). */
export const PARTIAL_BYTES = 1_048_576;
/** PARTIAL is sent after this long with durable progress (TP25). */
export const PARTIAL_MS = 5_000;
/** Largest metadata of one message, in CBOR: it travels in one frame with the first chunk. */
export const META_MAX_BYTES = 8_192;
/** Longest channel name, in bytes of UTF-8. */
export const CHANNEL_NAME_MAX_BYTES = 128;
/** Most attributes of one message: they are copied with every row that the receiver keeps. */
export const ATTRIBUTES_MAX_COUNT = 16;
/** Longest `text` of any frame, in bytes of UTF-8: a sentence for a person, never data. */
export const TEXT_MAX_BYTES = 256;
/** Most streams open on one connection, of both sides together (TP6). */
export const STREAMS_MAX_COUNT = 1_024;

/** From the upgrade to HELLO: a silent peer must not hold a connection. */
export const HELLO_TIMEOUT_MS = 10_000;
/** From HELLO to WELCOME: it takes one commit at the receiver. */
export const WELCOME_TIMEOUT_MS = 10_000;
/** From OPEN to OPENED: a sink may first have to close an epoch. */
export const OPENED_TIMEOUT_MS = 30_000;
/** Silence after which a PING is due, unless WELCOME says otherwise (TP26). */
export const HEARTBEAT_MS = 10_000;

/** Bytes sent and not yet reported as received, at the start of a connection (TP22). */
export const WINDOW_INITIAL_BYTES = 131_072;
/** Smallest window: one chunk on the way and one being written. */
export const WINDOW_MIN_BYTES = 65_536;
/** Largest window: 100 Mbit/s at 300 ms need no more. */
export const WINDOW_MAX_BYTES = 4_194_304;
/** The sink reports received bytes at the latest after this many: half of the smallest window (TP21). */
export const REPORT_BYTES = 32_768;
/** The sink reports received bytes at the latest after this long (TP21). */
export const REPORT_MS = 20;
