/**
 * Everything that can grow, with its bound, its unit and the reason for the number.
 *
 * A number that an operator may change stands in `config` and has its default from here; the rest
 * is fixed. I-8: memory is bounded by this file, whatever senders and receiver do.
 *
 * @module
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** 03 F7: the largest block accepted unless a channel says otherwise. */
export const BLOCK_MAX_BYTES = 32 * MIB;
/** 03 F7: what no channel may exceed; SQLite and the tunnel both hold twice as much. */
export const BLOCK_MAX_CEILING_BYTES = 256 * MIB;
/** 03 F7, 05 S11: above this a body goes to the store in slices while it arrives. */
export const SPOOL_THRESHOLD_BYTES = MIB;
/** 05 S11: one slice delays another channel's acknowledgment by one write of this size, about 1 ms. */
export const SLICE_BYTES = 128 * KIB;
/** Records of one commit and channel share a sealed row of at most this size: what one flipped bit can cost. */
export const SEGMENT_MAX_BYTES = 64 * KIB;
/** 03 F7: how much of a block over the limit is kept as a fragment. */
export const FRAGMENT_KEPT_BYTES = 64 * KIB;
/** 03 F2: bytes between blocks before the peer is taken for something else than MLLP. */
export const JUNK_MAX_BYTES = 64 * KIB;
/** 03 F2: how much of it is kept for diagnosis. */
export const JUNK_SAMPLE_BYTES = 256;

/** 03 F12: messages of one block that are told apart; beyond it the block is set aside as a whole. */
export const BATCH_MAX_COUNT = 10_000;
/** How much of each message of a large batch is held until the batch is complete: its MSH, up to this size. */
export const BATCH_HEAD_BYTES = 64 * KIB;
/** And of all of them together; beyond it the block is set aside as a whole. */
export const BATCH_HEADS_MAX_BYTES = 4 * MIB;
/** 04 P36: FHS, BHS, BTS and FTS together, which travel with each message; the wire allows 8 KiB of metadata. */
export const BATCH_ENVELOPE_MAX_BYTES = 3_000;
/** And that times the messages: so much a block may grow in the store. */
export const BATCH_ENVELOPES_MAX_BYTES = 8 * MIB;

/** 04 P40: messages of one file, and what is set aside of it, unless a channel says otherwise. */
export const FILE_MAX_MESSAGES = 100_000;
/** 04 P38: a larger message of a file is not taken, unless a channel says otherwise. */
export const FILE_MESSAGE_MAX_BYTES = 32 * MIB;
/** What is held of all messages of a file until it is complete: their first segments, together. */
export const FILE_HEADS_MAX_BYTES = 64 * MIB;
/**
 * What is to be set aside of a file in slices goes to quarantine by itself while it is small
 * (`BATCH_HEAD_BYTES`) and all of it together is no more than this: a bad message of a kilobyte must not
 * keep the slices of the whole file.
 */
export const FILE_ASIDE_MAX_BYTES = 32 * MIB;
/** 06 section 6: most attributes that an operator's release and replay, the control id and flags leave room for. */
export const FILE_ATTRIBUTES_MAX_COUNT = 11;
/** One less, for release adds two. */
export const FILE_ASIDE_ATTRIBUTES_MAX_COUNT = 10;
/**
 * What the messages of a file have in common, in bytes as it travels with each: name, side-car, envelope. The
 * wire allows 8,192 for everything; the rest is for the message's own.
 */
export const FILE_ATTRIBUTES_MAX_BYTES = 6_700;
/** And that times the messages: so much a file may grow in the store, and take while it is handed over. */
export const FILE_ATTRIBUTES_TOTAL_MAX_BYTES = 128 * MIB;
/** 04 P44: a side-car as it lies in the folder. */
export const SIDECAR_MAX_BYTES = 64 * KIB;
/** 04 P44: and what is made of it, as it travels. */
export const SIDECAR_METADATA_MAX_BYTES = 4_000;
/** 04 P43: what `namePattern` finds in a name, as it travels. */
export const NAME_METADATA_MAX_BYTES = KIB;
/**
 * 04 P1, 03 A9: messages of a file that are stored in one commit, and what they take with their attributes. A file with
 * more is stored in steps, between which others are: a commit of this size takes some tens of milliseconds.
 */
export const FILE_STEP_MAX_COUNT = 1_000;
export const FILE_STEP_MAX_BYTES = 2 * MIB;
/** Nobody waits for an answer while a step of a file is committed; by then it counts as "cannot store now". */
export const FILE_STORE_DEADLINE_MS = 60_000;
/** 04 P34: a name as it is shown. */
export const SHOWN_NAME_MAX_CHARACTERS = 1_024;

/** 03 F3: how long FS may wait for its CR. */
export const END_OF_BLOCK_WAIT_MS = 250;
/** 03 F5: silence inside a block. Not shorter: senders behind a VPN stall for seconds. */
export const BLOCK_IDLE_TIMEOUT_MS = 60_000;
/** 03 F5: a whole block, however it trickles. */
export const BLOCK_MAX_DURATION_MS = 600_000;
/** 03 C2: idle for so long, a connection gives its place to a new one of the same peer. */
export const STALE_AFTER_MS = 120_000;
/** 03 C4: what a TLS handshake may take. */
export const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;
/** 03 C4: how often a listener's certificate is read again, and its end looked at. */
export const CERTIFICATE_CHECK_MS = 3_600_000;
/** 03 A3 `deferred`: what the receiver may take. */
export const DEFERRED_TIMEOUT_MS = 20_000;
/** 05 S12: what the store may take of the disk. */
export const DISK_BUDGET_BYTES = 20 * 1024 * MIB;
/** As many as the mark beside the store names (05 S17), those that were removed from the configuration included. */
export const CHANNELS_MAX_COUNT = 700;
/** 05 S13: given back to a full disk, so that what is stored can still leave. */
export const BALLAST_BYTES = 128 * MIB;
/** 05 S14: how long a settled message's body stays, should the receiver ask for it again. */
export const RETAIN_HOURS = 72;
/** 05 S14: and its ledger entry, for trace and reconciliation. */
export const LEDGER_DAYS = 400;
/** 03 F6: TCP keep-alive between blocks, where there is no timeout. */
export const KEEP_ALIVE_MS = 60_000;

/** 03 C1: connections per channel. */
export const CONNECTIONS_MAX_COUNT = 16;
/** 03 C5: complete blocks of one connection that wait for their commit. */
export const PENDING_BLOCKS_MAX_COUNT = 100;
/** 03 C5: and their bytes; then reading pauses. */
export const PENDING_BLOCKS_MAX_BYTES = 8 * MIB;

/** A reply that TCP does not take for so long: the peer does not read, and holds a connection. */
export const REPLY_WRITE_TIMEOUT_MS = 60_000;
/** Replies whose outcome is open; beyond it the oldest counts as undelivered until it is known. */
export const OPEN_REPLIES_MAX_COUNT = 100_000;

/** 05 S7: what one group commit takes at most; a commit of this size stays under 100 ms. */
export const COMMIT_MAX_COUNT = 1_000;
export const COMMIT_MAX_BYTES = 8 * MIB;
/** How long the writer looks for the next order before it sleeps: about one flush. */
export const WRITER_SPIN_MS = 0.2;
/** 05 S8: what waits for a commit over all connections; past it the sockets are paused. */
export const WAITING_MAX_BYTES = 64 * MIB;
/**
 * Slices of one body that may wait for their commit before its connection is not read from: so a peer
 * that writes without end takes its turn like any other (03 F11).
 */
export const UPLOAD_WAITING_MAX_BYTES = MIB;
/** 03 A9: a commit that has not returned by then counts as "cannot store now". */
export const STORE_DEADLINE_MS = 3_000;
/** 03 E1: how often a failing store is probed. */
export const HEALTH_PROBE_MS = 5_000;
/** 03 E8: how long an orderly stop may finish what it has read. */
export const SHUTDOWN_GRACE_MS = 10_000;
/**
 * Progress (cursors, outcomes of replies) is written so often at most: each kind is a page more in a
 * commit, and repeating it after a crash costs nothing.
 */
export const LAZY_WRITE_MS = 100;

/**
 * SQLite's WAL: a checkpoint each 1,000 pages (4 MiB). A longer log is extended more often than it is
 * overwritten, and flushing a file that grows costs more: single commits were a quarter slower at 16,000.
 */
export const WAL_CHECKPOINT_PAGES = 1_000;
/** What the WAL is cut back to after a checkpoint. */
export const WAL_KEPT_BYTES = 32 * MIB;
/** A WAL above this should have been cut back long ago. */
export const WAL_ALARM_BYTES = 4 * WAL_KEPT_BYTES;
/** SQLite's page cache. */
export const PAGE_CACHE_BYTES = 16 * MIB;
/** Waiting for another process's lock before the store counts as taken. */
export const STORE_LOCK_WAIT_MS = 5_000;

/** 03 D1: how long a repeat is recognised. */
export const DUPLICATE_WINDOW_MS = 24 * 3_600_000;
/** 03 D6: for messages without a control id, of which the content alone decides. */
export const ANONYMOUS_DUPLICATE_WINDOW_MS = 600_000;
/** 03 D1: and how many messages back, whatever the time. */
export const DUPLICATE_MEMORY_KEYS = 1_000_000;
/** Keys of one generation, fewer than 65,536 (two bytes an index); the oldest generation is forgotten whole (05 S22). */
export const DUPLICATE_GENERATION_KEYS = 62_500;
/** 03 E7: what quarantine may hold. */
export const QUARANTINE_MAX_BYTES = 1024 * MIB;

/** What a row of it costs besides the bytes that are kept, so that many small ones count, too. */
export const QUARANTINE_ROW_BYTES = 512;

/** 04 P26, P29: rows of dropped files that are moved stay so long at least: the same file, or its content, may come again. */
export const FILE_ROW_KEEP_MS = 24 * 3_600_000;
/** 04 P31: the row of a file that was set aside is the report of it, as long as the file is kept by default. */
export const FILE_ASIDE_KEEP_MS = 90 * 24 * 3_600_000;
/** Rows of dropped files that one step of their retention looks at: a few milliseconds. */
export const FILE_STEP_ROWS = 500;
/** 04 P11: files that are looked at again after they were archived. */
export const MOVED_FILES_MAX_COUNT = 1_000;

/** 05 S15: what one step of pruning takes at most; a few milliseconds. */
export const PRUNE_RANGE_ROWS = 1_000;
export const PRUNE_RANGE_BYTES = 2 * MIB;
/** Slices of one upload that go in one step: 2 MiB. */
export const UPLOAD_STEP_SLICES = 16;
/** 05 S13: the least free space at which messages are taken: what may be waiting for its commit (05 S8). */
export const FREE_SPACE_FLOOR_BYTES = 64 * MIB;
/**
 * On a small disk half the ballast: what is released then lifts free space above the floor and no further
 * than what a drain needs. 0, no floor, where there is no ballast.
 */
export const freeSpaceFloor = (ballastBytes: number): number =>
  Math.min(FREE_SPACE_FLOOR_BYTES, ballastBytes / 2);
/** Of the outbox's budget: above it no downstream message is taken, so that what hospital systems send has the rest. */
export const INBOX_ROOM_PERCENT = 85;
/** How often free space is looked at; faster than a disk fills below the floor by what we write. */
export const FREE_SPACE_CHECK_MS = 1_000;

/** What one read for the relay brings at most: half a window, so that the next read overlaps. */
export const READ_MAX_BYTES = 512 * KIB;
export const READ_MAX_COUNT = 512;
/** Rows that one slice of a search by control id looks at before ingest gets its turn. */
export const SEARCH_SLICE_ROWS = 2_000;
/** Messages that one trace shows. */
export const TRACE_MAX_COUNT = 50;

/** What the tunnel's socket may hold when the receiver does not read; control frames included. */
export const SOCKET_UNSENT_LIMIT_BYTES = MIB;
/**
 * Websocket pings, PINGs and commands that one second may bring. 06 TP26 has a PING each second, 08 section 4.4 ten
 * commands a minute; those of a long outage may come together.
 */
export const QUESTIONS_PER_SECOND = 200;
/** Of one frame of the tunnel, which nobody who keeps to TP3 cuts; a middlebox might, into parts of a packet's size. */
export const FRAGMENTS_MAX_COUNT = 64;
/** Reads of which the largest frame may consist: a TLS record each, of a packet's size as well. */
export const BUFFERED_PARTS_MAX_COUNT = 1_024;
/** What a receiver may ask us to wait; longer would be an outage that somebody typed. */
export const RETRY_AFTER_MAX_MS = 3_600_000;

/** 06 TP27. */
export const BACKOFF_BASE_MS = 1_000;
export const BACKOFF_MAX_MS = 60_000;
/** 06 TP27: streaming for so long forgives the attempts before. */
export const BACKOFF_RESET_MS = 60_000;
/** 06 TP27: first delay after a long-lived connection, so that a fleet does not return at once. */
export const FIRST_DELAY_MAX_MS = 30_000;
/** 06 TP27: states that a person must look at are tried again after a random time between these. */
export const STICKY_MIN_MS = 150_000;
export const STICKY_MAX_MS = 300_000;
/** Being fenced is no matter for a person unless it happens twice within a day: see `tunnel-state`. */
export const FENCED_AGAIN_MS = 86_400_000;
/** 06 section 10: TLS and upgrade, then WELCOME. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** One address of several gets so long before the next is tried, so that three of them fit into the above. */
export const ADDRESS_ATTEMPT_MS = 3_000;
/** 07 1.10: how far the receiver's clock may be from ours before a person hears of it. */
export const CLOCK_SKEW_ALARM_MS = 300_000;
/** 07 1.10: what a proxy's answer to CONNECT may hold. */
export const PROXY_HEADER_MAX_BYTES = 16 * KIB;
/** 06 TP32: what a draining tunnel waits for acks. */
export const DRAIN_MAX_MS = 10_000;
/** 06 section 3: what the agent holds of downstream messages that are not yet durable. */
export const DOWNSTREAM_CREDIT_BYTES = MIB;
/** Messages from the receiver that are being put together; larger ones go to the inbox in pieces. */
export const DOWNSTREAM_ASSEMBLING_BYTES = 8 * MIB;

/** 03 O8: connecting to a hospital system. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** 03 O4: its reply, from the last byte written. */
export const REPLY_TIMEOUT_MS = 30_000;
/** 03 O4: waits between tries begin below the first and never exceed the second. */
export const RETRY_MIN_MS = 1_000;
export const RETRY_MAX_MS = 60_000;
/** 03 O6: its application acknowledgment, from the accept acknowledgment. */
export const APPLICATION_ACK_TIMEOUT_MS = 300_000;
/** What is kept of a hospital system's reply, with the row and for the report (03 O10). */
export const REPLY_KEPT_BYTES = 64 * KIB;
/** And of its MSA-3. */
export const REPLY_TEXT_KEPT_BYTES = KIB;
/** 03 O3: a longer MSH-10 is no control id; what waits for an acknowledgment holds one in memory. */
export const SENT_CONTROL_ID_MAX_BYTES = KIB;
/** 03 O6: messages of a channel that wait for their application acknowledgment; then no further one is sent. */
export const AWAITING_MAX_COUNT = 10_000;

/** 04 P12: how often a drop folder is listed. */
export const FOLDER_POLL_MS = 5_000;
/** 04 P13: files that one poll hands out. */
export const FILES_A_POLL_MAX_COUNT = 500;
/** 04 P13: so many files in a drop folder mean that they are not taken. */
export const FOLDER_ALARM_FILES = 10_000;
/** 04 P8: data without control file, or the other way round. */
export const FILE_CONTROL_MISSING_MS = 900_000;
/** Files that share their commits and folder flushes. */
export const FILE_GROUP_MAX_COUNT = 128;
export const FILE_GROUP_MAX_BYTES = 8 * MIB;
/** What of them is read, and held, together; a larger file goes to the store in slices while it is read. */
export const FILE_READ_MAX_BYTES = MIB;
/** 04 P11: archived files that wait to be looked at again; beyond it the oldest are looked at early. */
export const LOOK_BACK_MAX_COUNT = 20_000;
/** 04 P22: the largest files. The tunnel carries the latter. */
export const FILE_HL7_MAX_BYTES = 256 * MIB;
export const FILE_BINARY_MAX_BYTES = 512 * MIB;
/** 04 P46: a folder worker that shows no sign of life for so long is ended. */
export const SHARE_SILENCE_MS = 30_000;
/** 04 P58: how long copies of what was sent stay. */
export const SENT_KEEP_DAYS = 30;
/** 04 P58: names of files that are looked after until somebody takes them, a channel; of further ones nothing is said. */
export const UNCOLLECTED_MAX_COUNT = 10_000;
/** 04 P56: names that are tried for one message before its channel is held. */
export const NAMES_TRIED_MAX_COUNT = 100;
/** 04 P47: how often a target folder is looked at while nothing goes there. */
export const FOLDER_LOOK_MS = 60_000;

/** 07 1.5, 1.6: one request at a door beside the tunnel's, with its answer. */
export const DOOR_TIMEOUT_MS = 60_000;
/** 07 1.6: renewal starts when so much of the lifetime is left. */
export const RENEWAL_SHARE_LEFT = 1 / 3;
/** 07 1.6: plus a random time, so that agents that were enrolled together do not renew together. */
export const RENEWAL_SPREAD_MS = 12 * 3_600_000;
/** A renewal that failed is tried again after the first, then ever later up to the second. */
export const RENEWAL_RETRY_MIN_MS = 60_000;
export const RENEWAL_RETRY_MAX_MS = 3_600_000;
/** How often the agent looks whether a renewal is due: a machine that slept has other timers. */
export const RENEWAL_LOOK_MS = 3_600_000;
/** 07 N7: how long the identity before is kept. */
export const PREVIOUS_IDENTITY_KEPT_MS = 86_400_000;
/** 08 PL10: so many days before its end a certificate that was not renewed is an alarm. */
export const RENEWAL_OVERDUE_DAYS = 7;

/** One request on the local socket. */
export const LOCAL_REQUEST_MAX_BYTES = 16 * KIB;
/** One that brings a bundle: 5 MB in base64 (07 2.13). */
export const LOCAL_BUNDLE_MAX_BYTES = 7_168 * KIB;
/** What is kept of a control id for trace; MSA-2 always carries it whole (03 A11). */
export const CONTROL_ID_KEPT_BYTES = 256;

/**
 * 04 P13: files of a drop folder that are watched for completeness at a time, at most 512 bytes each. What is
 * above waits until some of these have been taken.
 */
export const FOLDER_TRACKED_MAX_COUNT = 200_000;
/** 04 P12, P13: complete files of one listing that are handed out after the first ones, without another listing. */
export const FOLDER_AHEAD_MAX_COUNT = 5_000;
/** Of these, what is no file at all (links, pipes, devices) or has an ignored name: only so that it is told once. */
export const FOLDER_JUNK_MAX_COUNT = 20_000;
/** 04 P15: subfolders that are listed in one poll. */
export const FOLDER_SUBFOLDERS_MAX_COUNT = 10_000;
/** 04 P62: how long one call waits for files that are held, all together; what takes longer is asked for again. */
export const FOLDER_BUSY_WAIT_MS = 1_000;
/** 04 P20: claims whose files could not be put back, and are tried again; further ones wait for the next start. */
export const STRANDED_MAX_COUNT = 1_000;
/** 04 P20: files without a row that are put back together; a flood of them is never held at once, nor their folders open. */
export const STRAYS_AT_ONCE = 200;
/** 04 P30: files that one step of pruning deletes. */
export const FOLDER_PRUNE_FILES = 1_000;
/** 04 P27: names that are tried for one file in one folder, before the folder counts as unusable. */
export const FOLDER_NAMES_MAX_COUNT = 100_000;
/** 04 P12: the least time between two hints that something in a folder has changed. */
export const FOLDER_HINT_EVERY_MS = 200;
/** 04 P43: time for one name against `namePattern`, and what is matched of it. */
export const NAME_PATTERN_LIMIT_MS = 100;
export const NAME_PATTERN_MAX_BYTES = 255;

/** A day by the minute: what the charts of the status page show. */
export const HISTORY_POINTS_MAX_COUNT = 1_440;
/** How often it is looked at: so old at most is the rate of a channel. One look costs the writer a few look-ups. */
export const HISTORY_SAMPLE_MS = 10_000;
/** 08 PL8: where the status page is, unless local.yaml says otherwise. */
export const STATUS_PAGE_PORT = 8_515;
/** Its snapshot is made once for everybody, and so often at most: looking costs the messages nothing. */
export const STATUS_SNAPSHOT_MS = 1_000;
/** A store that does not say for so long how it stands: the page shows what it knows, and says that. */
export const STATUS_PATIENCE_MS = 2_000;
/** Connections to the page, and those of them that are told when to look again. */
export const STATUS_CONNECTIONS_MAX_COUNT = 32;
export const STATUS_WATCHERS_MAX_COUNT = 8;
/** Requests that are answered in a second; a browser asks for about one, a scraper for less. */
export const STATUS_REQUESTS_PER_SECOND = 50;
/** From the first byte of a request, and of its answer, to the last. */
export const STATUS_REQUEST_TIMEOUT_MS = 10_000;
/** Channels, and lines in each list of one, that the page names; the rest it counts. */
export const STATUS_CHANNELS_MAX_COUNT = 200;
export const STATUS_LINES_MAX_COUNT = 20;

/** 08 6: how long entries of the audit are kept, in days. Six years. */
export const AUDIT_KEEP_DAYS = 2_190;

/** 08 PL9: events of alarms that are kept for those who are told of them and were away; 60 KB. */
export const ALARM_EVENTS_KEPT_COUNT = 256;
/** 08 PL10: what waits longer in a channel is an alarm. */
export const OUTBOX_AGE_ALARM_MINUTES = 15;
/** 08 PL10: so many times the usual silence of that hour and weekday is an alarm. */
export const SILENCE_FACTOR = 4;
/** A maintenance window is no longer: one that was forgotten ends. A week. */
export const MAINTENANCE_MAX_MINUTES = 10_080;
/** Windows at once: one for all, and channels one by one. */
export const MAINTENANCE_WINDOWS_MAX_COUNT = 100;
/** Alarms that one report to the receiver names; 200 KB. */
export const REPORTED_ALARMS_MAX_COUNT = 1_000;
/** Events that one alarm mail tells in words; of more it says how many. */
export const MAILED_EVENTS_MAX_COUNT = 100;
/** 08 4.4: questions of support in a minute, those that are refused included. */
export const QUESTIONS_PER_MINUTE = 10;
/** 08 4.4: how long one of them may take, and how large its answer may be. */
export const QUESTION_MAX_MS = 30_000;
export const ANSWER_MAX_BYTES = 10_485_760;
/** 06 TP35: answers above it go up on a channel of their own. */
export const INLINE_ANSWER_MAX_BYTES = 16_384;
/** Commands that wait to be judged; the receiver has sixteen under way. */
export const COMMANDS_WAITING_MAX_COUNT = 32;
/** 06 TP36: an answer is repeated so long after each reconnect. */
export const ANSWER_OWED_MS = 86_400_000;
/** 07 VM3: so long after its end the nonce of a command is kept. */
export const NONCE_KEPT_MS = 600_000;
/** 08 4.4: between two probes of a host, and how many of them in one window. */
export const PROBE_EVERY_MS = 10_000;
export const PROBES_PER_WINDOW = 20;
