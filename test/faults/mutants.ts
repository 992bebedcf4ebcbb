/**
 * Defects that the named tests must notice (10 section 8): one that survives means that its tests prove
 * nothing. Planted by `npm run mutants`, each alone, in a copy of the tree.
 *
 * @module
 */
import {
  ACKNOWLEDGE_BEFORE_COMMIT,
  RECEIVER_ANSWERS_BEFORE_COMMIT,
  SYNCHRONOUS_NORMAL,
} from "./defects.ts";
import type { Edit } from "./planted-copy.ts";

/** A test file, and which of its tests where the others have defects of their own to plant. */
export interface NamedTests {
  readonly file: string;
  /** A regular expression over test names; absent: all. */
  readonly only?: string;
}

export interface Mutant {
  readonly id: string;
  readonly edits: readonly Edit[];
  /** Each of these must fail. */
  readonly caughtBy: readonly NamedTests[];
}

const POWER_CUT: NamedTests = { file: "test/faults/power-cut.test.ts", only: "T-S01" };
const inAgent = (file: string): NamedTests => ({ file: `test/agent/${file}` });

export const MUTANTS: readonly Mutant[] = [
  {
    id: "T-M01 synchronous=NORMAL, not read back",
    edits: SYNCHRONOUS_NORMAL,
    caughtBy: [POWER_CUT, { ...inAgent("outbox/format/database.test.ts"), only: "every setting" }],
  },
  {
    id: "T-M02 acknowledgment before COMMIT",
    edits: ACKNOWLEDGE_BEFORE_COMMIT,
    caughtBy: [POWER_CUT],
  },
  {
    id: "receiver answers before COMMIT",
    edits: RECEIVER_ANSWERS_BEFORE_COMMIT,
    caughtBy: [{ file: "test/faults/receiver-power-cut.test.ts", only: "RI7" }],
  },
  {
    id: "T-M04 no fence",
    edits: [
      {
        file: "receiver/store/sqlite/locate.ts",
        search: "return latest !== BigInt(session);",
        replacement: "return latest === BigInt(-1 - session);",
      },
    ],
    caughtBy: [{ file: "test/receiver/store/sqlite-store.test.ts" }],
  },
  {
    id: "digest of a small body not checked when it is read",
    edits: [
      {
        file: "agent/outbox/reader.ts",
        search:
          "if (!inUpload && !isWhole(record.body, Number(length), record.sha256)) return undefined;",
        replacement: "",
      },
    ],
    caughtBy: [{ ...inAgent("outbox/damage.test.ts"), only: "never had their digest" }],
  },
  {
    id: "digest of a sliced body not checked when it is read",
    edits: [
      {
        file: "agent/relay/slice-reader.ts",
        search: "hashed.digest.copy().digest().equals(sha256)",
        replacement: "sha256.length > 0",
      },
    ],
    caughtBy: [
      { file: "test/agent/relay/slice-reader.test.ts", only: "keeps the last slice back" },
    ],
  },
  {
    id: "chain not compared before settling",
    edits: [
      {
        file: "agent/relay/channel-feed.ts",
        search: "return chain !== null && Buffer.compare(own, chain) === 0;",
        replacement: "return true;",
      },
    ],
    caughtBy: [{ file: "test/faults/parted-history.test.ts" }],
  },
  {
    id: "an ack beyond what was taken settles",
    edits: [
      {
        file: "agent/relay/channel-feed.ts",
        search: "if (epoch !== this.#epochs.sending.epoch || seq > this.#takenSeq) return;",
        replacement: "if (epoch !== this.#epochs.sending.epoch) return;",
      },
    ],
    caughtBy: [{ file: "test/faults/false-acks.test.ts" }],
  },
  {
    id: "repeats not looked for",
    edits: [
      {
        file: "agent/outbox/writing/appender.ts",
        search: "if (repeat === undefined) return",
        replacement: "if (repeat === undefined || entry.ticket >= 0) return",
      },
    ],
    caughtBy: [inAgent("ingest/duplicates.test.ts"), inAgent("outbox/duplicates.test.ts")],
  },
  {
    id: "recent keys not loaded after a restart",
    edits: [
      {
        file: "agent/outbox/writing/group-commit.ts",
        search: "    if (loading === undefined) return false;",
        replacement: "    if (loading === undefined || loading !== null) return false;",
      },
    ],
    caughtBy: [{ ...inAgent("ingest/duplicates.test.ts"), only: "after a restart" }],
  },
  {
    id: "D1 key ignores the content",
    edits: [
      {
        file: "agent/outbox/recent-keys.ts",
        search: "    this.#bytes.set(sha256.subarray(0, CONTENT_KEY_BYTES), CONTROL_KEY_BYTES);",
        replacement: "    this.#bytes.set(sha256.subarray(0, 0), CONTROL_KEY_BYTES);",
      },
      {
        file: "agent/outbox/writing/appender.ts",
        search:
          "if (Buffer.compare(stored[0], this.#sealer.token(TOKEN_OF_CONTENT, entry.sha256)) !== 0) {",
        replacement: "if (stored[0].length === 0) {",
      },
    ],
    caughtBy: [{ ...inAgent("ingest/duplicates.test.ts"), only: "D2" }],
  },
  {
    id: "allow-list ignored",
    edits: [
      {
        file: "agent/ingest/mllp/listener.ts",
        search: "if (!this.#isAllowed(address)) {",
        replacement: "if (!this.#isAllowed) {",
      },
    ],
    caughtBy: [inAgent("ingest/mllp/listener.test.ts")],
  },
  {
    id: "gap accepted at the receiver",
    edits: [
      {
        file: "receiver/store/sqlite/ingest-step.ts",
        search: "  // RI4\n  if (call.first > found.lastSeq + 1n)",
        replacement: "  // RI4\n  if (call.first > found.lastSeq + 1_000_000n)",
      },
    ],
    caughtBy: [{ file: "test/receiver/store/sqlite-store.test.ts", only: "RI4" }],
  },
  {
    id: "a body with a missing slice is acknowledged",
    edits: [
      {
        file: "agent/outbox/writing/uploads.ts",
        search: "if (count !== next || bytes - count * SEAL_OVERHEAD_BYTES !== totalBytes) {",
        replacement: "if (count + next + bytes + totalBytes < 0) {",
      },
    ],
    caughtBy: [inAgent("outbox/writing/uploads.test.ts")],
  },
  {
    id: "what collected behind a refused group is stored before its resend",
    edits: [
      {
        file: "agent/outbox/outbox.ts",
        search: "const behind = this.#dropCollected();",
        replacement: "const behind: number[] = [];",
      },
    ],
    caughtBy: [inAgent("outbox/refused-group.test.ts")],
  },
  {
    id: "incomplete uploads not swept",
    edits: [
      {
        file: "agent/outbox/writing/group-commit.ts",
        search: "      this.#sweepUploads();",
        replacement: "      void this.#sweepUploads;",
      },
    ],
    caughtBy: [
      { ...inAgent("ingest/large-body.test.ts"), only: "never completed" },
      inAgent("outbox/writing/uploads.test.ts"),
    ],
  },
  {
    id: "MSA-2 trimmed",
    edits: [
      {
        file: "agent/ingest/hl7/acknowledgment.ts",
        search: '["MSA", code, field(10), phrase]',
        replacement: '["MSA", code, field(10).trim(), phrase]',
      },
    ],
    caughtBy: [
      inAgent("ingest/hl7/acknowledgment.test.ts"),
      inAgent("ingest/matrix/rows-27-32-acknowledgments.test.ts"),
    ],
  },
  {
    id: "replies leave in the order of the answers",
    edits: [
      {
        file: "agent/ingest/mllp/connection.ts",
        search:
          "for (let slot = this.#slots[0]; slot?.verdict !== undefined; slot = this.#slots[0]) {",
        replacement:
          "for (const slot of [...this.#slots]) {\n      if (slot.verdict === undefined) continue;",
      },
      {
        file: "agent/ingest/mllp/connection.ts",
        search: "      this.#slots.shift();",
        replacement: "      this.#slots.splice(this.#slots.indexOf(slot), 1);",
      },
    ],
    caughtBy: [{ file: "test/faults/reply-order.test.ts" }],
  },
  {
    id: "the messages of a batch are committed one by one",
    edits: [
      {
        file: "agent/outbox/writing/hand-over.ts",
        search: "    this.#batch.add(ticket, entry);\n",
        replacement:
          "    this.#batch.add(ticket, entry);\n    this.#full.push(this.#batch.take());\n",
      },
    ],
    caughtBy: [inAgent("ingest/large-batches.test.ts")],
  },
  {
    id: "an upload goes with the first row that names it",
    edits: [
      {
        file: "agent/outbox/writing/uploads.ts",
        search: "if (uses === undefined || uses <= 1) this.#prepared.uploadDoom.run(upload);",
        replacement: "if (uses === undefined || uses > 0) this.#prepared.uploadDoom.run(upload);",
      },
    ],
    caughtBy: [inAgent("outbox/uploads-of-batches.test.ts")],
  },
  {
    id: "complete blocks are pruned from quarantine like fragments",
    edits: [
      {
        file: "agent/outbox/format/statements.ts",
        search:
          "WHERE channel = ?\n            AND reason IN ('abandoned', 'partial', 'tooLarge', 'junk') ORDER",
        replacement: "WHERE channel = ? ORDER",
      },
    ],
    caughtBy: [inAgent("ingest/quarantine-bounds.test.ts")],
  },
  {
    id: "deferred answers at commit",
    edits: [
      {
        file: "agent/ingest/answer.ts",
        search: 'ackPolicy.ackMode === "deferred" && owed',
        replacement: 'ackPolicy.ackMode === "r2" && owed',
      },
    ],
    caughtBy: [inAgent("ingest/deferred.test.ts")],
  },
  {
    id: "a client certificate of another CA is let in",
    edits: [
      {
        file: "agent/ingest/mllp/tls-server.ts",
        search: "rejectUnauthorized: required,",
        replacement: "rejectUnauthorized: false,",
      },
      {
        file: "agent/ingest/mllp/peer-certificate.ts",
        search: "if (!socket.authorized) return trustFault(socket.authorizationError);",
        replacement: "",
      },
    ],
    caughtBy: [inAgent("ingest/mllp/tls-server.test.ts"), inAgent("ingest/tls-listener.test.ts")],
  },
  {
    id: "a client certificate with another subject is let in",
    edits: [
      {
        file: "agent/ingest/mllp/peer-certificate.ts",
        search: 'if (allowedSubjects.length > 0 && !named) return "subjectNotAllowed";',
        replacement: 'if (allowedSubjects.length < 0 && !named) return "subjectNotAllowed";',
      },
    ],
    caughtBy: [
      inAgent("ingest/mllp/peer-certificate.test.ts"),
      inAgent("ingest/tls-listener.test.ts"),
    ],
  },
  {
    id: "a full channel is read from again as soon as its replies have left",
    edits: [
      {
        file: "agent/ingest/mllp/connection.ts",
        search: "    if (!this.#mayRead) {\n      this.#apply",
        replacement: "    if (this.#timers === undefined) {\n      this.#apply",
      },
    ],
    caughtBy: [inAgent("ingest/backlog-room.test.ts")],
  },
];
