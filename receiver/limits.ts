/**
 * Every bound of the receiver that is not part of the protocol, with its unit and its reason.
 *
 * @module
 */

/** Bytes of DATA received and not yet durable, held for one connection at most (06 section 3). */
export const HELD_MAX_BYTES = 8_388_608;
/** The same for the whole process, beyond the floors of the connections (I-8). */
export const PROCESS_HELD_MAX_BYTES = 268_435_456;
/** The floor of one connection: one full frame may always come (TP20). With 4,096 of them, 256 MiB. */
export const HELD_MIN_BYTES = 65_536;
/** Messages of several chunks that are being put together, for the whole process (I-8). */
export const ASSEMBLING_MAX_BYTES = 536_870_912;

/** The same for one connection: another agent's messages are not refused because of it. */
export const CONNECTION_ASSEMBLING_MAX_BYTES = 33_554_432;

/** Largest message accepted unless the configuration says otherwise (01: 64 MiB in memory). */
export const MESSAGE_LIMIT_DEFAULT_BYTES = 67_108_864;

/** `limits.connections`: above it the upgrade is answered 503 before the store is touched (TP5). */
export const CONNECTIONS_DEFAULT_COUNT = 4_096;
/**
 * Upgrades that wait for the store, and connections without a WELCOME; more are answered 503 (TP5).
 * A store that commits in 10 ms greets 10,000 a second with so many at once.
 */
export const GREETINGS_MAX_COUNT = 256;
/** Sockets beyond those, for handshakes and refusals; more are dropped as they come. */
export const UNADMITTED_MAX_COUNT = 1_024;
/** A shed agent knocks again after this time (TP5), and up to as much again, so that not all do together. */
export const SHED_RETRY_AFTER_S = 30;
/** From the first byte to a finished TLS handshake: a silent peer must not hold a socket. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Largest header of an upgrade request; ours are below 1 KiB. */
export const HEADER_MAX_BYTES = 16_384;
/** Frames written that the peer does not read: beyond it the connection is worth nothing. */
export const UNSENT_MAX_BYTES = 1_048_576;
/** From the close frame to the end of the socket. */
export const CLOSE_GRACE_MS = 2_000;
/** What is in hand is awaited this long when the receiver stops (TP32). */
export const DRAIN_MAX_MS = 10_000;

/** One row of a large body. */
export const BODY_SLICE_MAX_BYTES = 262_144;
/** What is read of a large body between two commits, a few milliseconds, to verify it (RI1). */
export const BODY_CHECK_STEP_BYTES = 4_194_304;
/** Rows of a forgotten body that go in one transaction: 2 MiB. */
export const SWEEP_SLICES = 8;
/** Bodies of one transaction: a commit of more delays the others without saving flushes (S7). */
export const COMMIT_MAX_BYTES = 8_388_608;

/** `retainHours`: bodies stay so long at least (TP38). */
export const RETAIN_DEFAULT_HOURS = 72;
/** Channels of one agent: each costs a row for ever, and a place in every outlet. */
export const AGENT_CHANNELS_MAX_COUNT = 1_024;
/** Rows of one page of an export. */
export const PAGE_MAX_COUNT = 500;
/** Digests that are compared in one call: some milliseconds of the writer (S7). */
export const HELD_PAGE_MAX_COUNT = 2_000;
/** Bodies of one page of an export: it passes through memory while ingest goes on (S7). */
export const PAGE_MAX_BYTES = 1_048_576;

/** A look at all channels for what other nodes stored; what this one stored is noticed at once. */
export const OUTLET_SWEEP_MS = 5_000;
/** Before the first new try of what was not taken, at most; doubled at each failure. */
export const OUTLET_RETRY_MIN_MS = 1_000;
/** A platform that was away for hours is found within minutes. */
export const OUTLET_RETRY_MAX_MS = 300_000;
/** Failures in a row that are an alarm, not a hiccup. */
export const OUTLET_STUCK_FAILURES = 5;
/** What a webhook's endpoint answers beside its status, and is read and thrown away. */
export const WEBHOOK_ANSWER_MAX_BYTES = 65_536;
/** A connection to a broker, with its TLS handshake and login; a broker that is away must not cost more. */
export const KAFKA_CONNECT_MAX_MS = 10_000;
/** For connections that are destroyed to say so. */
export const KAFKA_CLOSE_MAX_MS = 1_000;
/** Which broker leads which partition is asked again, as clients of Kafka do; at once after an error. */
export const KAFKA_METADATA_MAX_MS = 300_000;
/** Bodies of one record batch: far below the 1 MiB that a broker takes unless it is told otherwise. */
export const KAFKA_BATCH_MAX_BYTES = 262_144;
/** What key, headers and framing of one record take at most, as far as batches are concerned. */
export const KAFKA_RECORD_OVERHEAD_BYTES = 1_024;
/** A body that fits, with its headers, into the 1,048,588 bytes that a broker takes by default. */
export const KAFKA_MESSAGE_DEFAULT_BYTES = 1_000_000;
/** A record passes through memory as a whole, several times over. */
export const KAFKA_MESSAGE_MAX_BYTES = 67_108_864;
/** Consumers that poll at once: each answer holds a page of bodies, up to 5 MiB with its base64 (I-8). */
export const POLL_CONNECTIONS_MAX_COUNT = 64;
/** Events of one answer, unless the consumer wants fewer. */
export const POLL_DEFAULT_COUNT = 500;
/** How long a question may wait for a message: below the patience of common proxies. */
export const POLL_WAIT_MAX_S = 55;
/** What may be sent along with a question: a cursor and two names. */
export const POLL_BODY_MAX_BYTES = 16_384;
/** A connection between two questions. */
export const POLL_IDLE_MS = 65_000;
/** How long a reader may take nothing of what is written to it. */
export const SLOW_READER_MS = 30_000;
/** Channels of one outlet that are handed on at once: each holds a page of up to 2 MiB (I-8). */
export const OUTLET_CHANNELS_AT_ONCE = 16;

/** A message that `send` takes: it passes through memory, and the local door, as a whole. */
export const SEND_MAX_BYTES = 16_777_216;
/** A signed `command` document (07 2.2). */
export const COMMAND_MAX_BYTES = 16_384;
/** For a question to arrive: whoever asks is a program on this machine. */
export const QUESTION_WAIT_MS = 10_000;
/** A question to the running receiver, in one line: names, flags, and the message of `send` in base64. */
export const QUESTION_MAX_BYTES = Math.ceil(SEND_MAX_BYTES / 3) * 4 + 65_536;

/** The write-ahead log is moved into the database at this many pages of 4 KiB (16 MiB). */
export const WAL_CHECKPOINT_PAGES = 4_096;
/** The write-ahead log file is cut back to this after a checkpoint. */
export const WAL_MAX_BYTES = 67_108_864;
/** Connections of one node to PostgreSQL: as many calls are carried out at once. */
export const DATABASE_POOL_SIZE = 8;
/** For a new connection, or for a free one. */
export const DATABASE_CONNECT_WAIT_MS = 5_000;
/** A call waits this long behind one of another node, or of a session that is gone. */
export const DATABASE_LOCK_WAIT_MS = 5_000;
/** The largest body and a slow disk take some seconds; a call beyond this is made again. */
export const DATABASE_STATEMENT_MS = 20_000;
/** When the server does not even say that: its machine, or the way to it, is gone. */
export const DATABASE_QUERY_WAIT_MS = 25_000;
/** Only the migration has a transaction of several statements. */
export const DATABASE_IDLE_TRANSACTION_MS = 5_000;
/** Until a silent connection is asked whether it is there, and between two such questions. */
export const DATABASE_KEEPALIVE_S = 5;
/** The first of several nodes makes the schema; the others wait. */
export const DATABASE_MIGRATION_WAIT_MS = 15_000;
/** To drop a day, ingest has to stand still; if it does not, retention tries again later. */
export const DATABASE_DROP_WAIT_MS = 500;
/** A HELLO that meets others of the same agent at every try is answered BUSY. */
export const GREETING_TRIES = 10;

/** How long an open waits for another process that holds the store. */
export const STORE_LOCK_WAIT_MS = 5_000;

/** `limits.maxSocketAgeHours` (07 1.8): no connection is older than that. */
export const SOCKET_AGE_DEFAULT_HOURS = 24;
/** The end comes up to this part of the age earlier, so that connections do not end together. */
export const SOCKET_AGE_JITTER = 0.1;
/**
 * Between two looks at who is connected and may not be any more, or not for so long (07 1.8 asks for 30 s):
 * what one node is told, such as a denial, the others find so.
 */
export const SWEEP_MS = 5_000;
/** Connections that are looked up in one call: a few milliseconds of the writer (S7). */
export const PAGE_LIVE_MAX_COUNT = 500;
/** `enrolment.recoveryMaxCount` (07 1.6). */
export const RECOVERIES_DEFAULT_COUNT = 2;
/** An expired certificate is good for a renewal so long (07 1.6). */
export const RECOVERY_MAX_MS = 7_776_000_000;
/** To the enrolment door from one address, and to the renewal door from one agent (07 1.8). */
export const DOOR_REQUESTS_PER_MINUTE = 10;
/** Addresses that are counted in one minute: a megabyte. */
export const DOOR_ADDRESSES_MAX_COUNT = 10_000;
/** Requests to enrol or renew that are worked on at once, of 64 KiB each; more are answered 503. */
export const DOOR_REQUESTS_MAX_COUNT = 64;
/** From the header to the end of a body: whoever sends it slowly does not hold a place. */
export const DOOR_BODY_MAX_MS = 10_000;
/** Tries to change what others are changing, too: each round one of them is done. */
export const CHANGE_TRIES = 100;
/** A CA on the network, with a person's patience at the other end of it. */
export const CA_COMMAND_MAX_MS = 20_000;
/** A chain of certificates has some KiB. */
export const CA_ANSWER_MAX_BYTES = 65_536;

/** Every node says so often which agents are connected to it. */
export const PRESENCE_EVERY_MS = 30_000;
/** An agent that no node has named for so long is not connected: its node died. */
export const PRESENCE_LIVE_MS = 90_000;

/** Browsers of the console; those of strangers have a room of their own. */
export const CONSOLE_CONNECTIONS_MAX_COUNT = 128;
export const CONSOLE_CONNECTIONS_OF_ONE_MAX_COUNT = 32;
/** Whoever knocks at the console's door and shows no certificate that it knows. */
export const STRANGERS_CONNECTIONS_MAX_COUNT = 32;
export const STRANGERS_REQUESTS_PER_SECOND = 20;
/** From the first byte of a request to its last. */
export const CONSOLE_REQUEST_TIMEOUT_MS = 15_000;
/** Of one person: browsers that look, each with its charts. */
export const CONSOLE_REQUESTS_PER_SECOND = 100;
