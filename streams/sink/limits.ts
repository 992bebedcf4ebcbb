/** Every bound of a sink that is not part of the protocol, with its unit and its reason. @module */

/** The same for one stream: half, so that one that cannot be stored leaves room for the others. */
export const STREAM_HELD_MAX_BYTES = 4_194_304;
/** Messages and skips that wait on one stream: skips cost no credit, so they are counted. */
export const STREAM_QUEUE_MAX_COUNT = 65_536;
/** SKIPs that wait on all streams of one connection: they cost no credit, so they are counted. */
export const SKIPS_MAX_COUNT = 4_096;
/** Calls of one connection that are with the store at once; each stream has one at most. */
export const CALLS_MAX_COUNT = 64;
/** Messages of one ingest call: what one savepoint holds. */
export const CALL_MAX_COUNT = 2_048;
/** Bodies of one ingest call, unless a single message is larger. */
export const CALL_MAX_BYTES = 1_048_576;
/** Pieces in which a large message goes to the store: each is a flush, and is lost with its connection. */
export const SPOOL_PIECE_BYTES = 262_144;
/** A store that answers BUSY is asked again for this long before the source hears of it (06 12). */
export const BUSY_MAX_MS = 30_000;
/** Between two such tries, give or take a half. */
export const BUSY_RETRY_MS = 1_000;
/** What a source is told to wait after REJECT BUSY. */
export const BUSY_RETRY_AFTER_MS = 5_000;
/** What a source is told to wait for a channel that is not served here (TP16). */
export const UNKNOWN_RETRY_AFTER_MS = 60_000;
