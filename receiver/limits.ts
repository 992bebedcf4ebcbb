/**
 * Every bound of the receiver that is not part of the protocol, with its unit and its reason.
 *
 * @module
 */

/** Bytes of DATA received and not yet durable, held for one connection at most (06 section 3). */
export const HELD_MAX_BYTES = 8_388_608;
/** The same for one stream: half, so that one that cannot be stored leaves room for the others. */
export const STREAM_HELD_MAX_BYTES = 4_194_304;
/** The same for the whole process; the connections share it (I-8). */
export const PROCESS_HELD_MAX_BYTES = 536_870_912;
/** The share of one connection never falls below this: the initial window of a source (TP22). */
export const HELD_MIN_BYTES = 131_072;
/** Messages of several chunks that are being put together, for the whole process (I-8). */
export const ASSEMBLING_MAX_BYTES = 536_870_912;

/** Largest message accepted unless the configuration says otherwise (01: 64 MiB in memory). */
export const MESSAGE_LIMIT_DEFAULT_BYTES = 67_108_864;

/** Connections at most: above it the upgrade is answered 503 before the store is touched (TP5). */
export const CONNECTIONS_MAX_COUNT = 4_096;
/** Sockets beyond those, for handshakes and refusals; more are dropped as they come. */
export const UNADMITTED_MAX_COUNT = 1_024;
/** Waits of a shed agent before it knocks again (TP5). */
export const SHED_RETRY_AFTER_S = 30;
/** From the first byte to a finished TLS handshake: a silent peer must not hold a socket. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Largest header of an upgrade request; ours are below 1 KiB. */
export const HEADER_MAX_BYTES = 16_384;
/** Frames written that the peer does not read: beyond it the connection is worth nothing. */
export const UNSENT_MAX_BYTES = 1_048_576;
/** Messages and skips that wait on one stream: skips cost no credit, so they are counted. */
export const STREAM_QUEUE_MAX_COUNT = 65_536;
/** From the close frame to the end of the socket. */
export const CLOSE_GRACE_MS = 2_000;
/** What is in hand is awaited this long when the receiver stops (TP32). */
export const DRAIN_MAX_MS = 10_000;
/** A socket that went silent is noticed after three heartbeats and one such step (TP26). */
export const LIVENESS_CHECKS_PER_HEARTBEAT = 4;

/** Messages of one ingest call: what one savepoint holds. */
export const CALL_MAX_COUNT = 2_048;
/** Bodies of one ingest call, unless a single message is larger. */
export const CALL_MAX_BYTES = 1_048_576;
/** Bodies of one transaction: a commit of more delays the others without saving flushes (S7). */
export const COMMIT_MAX_BYTES = 8_388_608;
/** A store that answers BUSY is asked again for this long before the source hears of it (06 12). */
export const BUSY_MAX_MS = 30_000;
/** Between two such tries. */
export const BUSY_RETRY_MS = 1_000;
/** What a source is told to wait after REJECT BUSY. */
export const BUSY_RETRY_AFTER_MS = 5_000;
/** What a source is told to wait for a channel that is not served here (TP16). */
export const UNKNOWN_RETRY_AFTER_MS = 60_000;

/** Rows of one page of an export. */
export const PAGE_MAX_COUNT = 500;
/** Bodies of one page of an export: it passes through memory while ingest goes on (S7). */
export const PAGE_MAX_BYTES = 1_048_576;

/** A question to the running receiver, in one line: names and flags only. */
export const QUESTION_MAX_BYTES = 65_536;

/** The write-ahead log is moved into the database at this many pages of 4 KiB (16 MiB). */
export const WAL_CHECKPOINT_PAGES = 4_096;
/** The write-ahead log file is cut back to this after a checkpoint. */
export const WAL_MAX_BYTES = 67_108_864;
/** How long an open waits for another process that holds the store. */
export const STORE_LOCK_WAIT_MS = 5_000;
