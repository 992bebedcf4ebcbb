/** Defects of the way to the receiver, and of the door at its end, that the named tests must notice. @module */
import type { Mutant } from "./mutants.ts";

export const TUNNEL_MUTANTS: readonly Mutant[] = [
  {
    id: "the receiver's certificate is not verified",
    edits: [
      {
        file: "agent/tunnel/secure.ts",
        search: "rejectUnauthorized: true,",
        replacement: "rejectUnauthorized: false,",
      },
    ],
    caughtBy: [{ file: "test/agent/tunnel/dial-certificates.test.ts" }],
  },
  {
    id: "bytes behind the proxy's answer are lost",
    edits: [
      {
        file: "agent/tunnel/connect-through.ts",
        search: "    if (head.length > 0) socket.unshift(head);",
        replacement: "    if (head.length > 99_999) socket.unshift(head);",
      },
    ],
    caughtBy: [{ file: "test/agent/tunnel/dial-proxy.test.ts" }],
  },
  {
    id: "a capability that is required and missing is overlooked",
    edits: [
      {
        file: "agent/tunnel/tunnel.ts",
        search: "if (missing === undefined) this.#apply",
        replacement: 'if (missing !== "") this.#apply',
      },
    ],
    caughtBy: [{ file: "test/agent/tunnel/capabilities.test.ts" }],
  },
  {
    id: "a proxy password that the group can read is used",
    edits: [
      { file: "certs/proxy-password.ts", search: "(mode & 0o077)", replacement: "(mode & 0o007)" },
    ],
    caughtBy: [{ file: "test/certs/proxy-password.test.ts" }],
  },
  {
    id: "a phase of dialling never ends",
    edits: [
      {
        file: "agent/tunnel/phase-limit.ts",
        search: "      this.#expired = true;",
        replacement: "      this.#expired = this.#expired === true;",
      },
    ],
    caughtBy: [{ file: "test/agent/tunnel/dial-silence.test.ts" }],
  },
  {
    id: "a reason that a stranger gives is repeated",
    edits: [
      {
        file: "agent/tunnel/refusal-reasons.ts",
        search: 'return isKnown(text) ? text : "REFUSED";',
        replacement: "return text as RefusalReason;",
      },
    ],
    caughtBy: [{ file: "test/agent/tunnel/dial.test.ts" }],
  },
  {
    id: "a large message begins without its metadata after a reconnect",
    edits: [
      {
        file: "streams/source/outgoing.ts",
        search: "const first = !current.begun;",
        replacement: "const first = offset === 0;",
      },
    ],
    caughtBy: [{ file: "test/agent/tunnel/resumed-message.test.ts" }],
  },
  {
    id: "a part of another message is gone on with",
    edits: [
      {
        file: "receiver/store/sqlite/partial-step.ts",
        search: "Buffer.compare(partial.sha256, call.sha256) === 0",
        replacement: "partial.sha256.length > 0",
      },
    ],
    caughtBy: [{ file: "test/receiver/store/sqlite-store.test.ts" }],
  },
  {
    id: "a large body is stored without its digest",
    edits: [
      {
        file: "receiver/store/sqlite/ingest-step.ts",
        search: "checked.sha256.equals(item.sha256);",
        replacement: "checked.sha256.length > 0;",
      },
    ],
    caughtBy: [{ file: "test/receiver/store/sqlite-store.test.ts" }],
  },
  {
    id: "a chunk may skip bytes",
    edits: [
      {
        file: "protocol/chunk-order.ts",
        search: "durable.durableOffset === offset",
        replacement: "durable.durableOffset >= offset",
      },
    ],
    caughtBy: [{ file: "test/protocol/vectors.test.ts" }],
  },
  {
    id: "two copies of an agent go on side by side",
    edits: [
      {
        file: "receiver/store/sqlite/statements.ts",
        search: "session = session + 1, locked_ms",
        replacement: "session = session, locked_ms",
      },
    ],
    caughtBy: [{ file: "test/receiver/store/sqlite-store.test.ts" }],
  },
  {
    id: "a locked agent is let in",
    edits: [
      {
        file: "receiver/gate.ts",
        search: "agent.lockedAtMs !== null",
        replacement: "agent.lockedAtMs === -1",
      },
    ],
    caughtBy: [{ file: "test/receiver/duplicate.test.ts" }],
  },
  {
    id: "whoever connects may say who is behind it",
    edits: [
      {
        file: "receiver/proxied.ts",
        search: "networks.has(socket.remoteAddress))",
        replacement: "networks.has(socket.remoteAddress) || true)",
      },
    ],
    caughtBy: [{ file: "test/receiver/proxied.test.ts" }],
  },
  {
    id: "credit of a connection that has ended is lost",
    edits: [
      {
        file: "receiver/connection.ts",
        search: "    this.#share[Symbol.dispose]();",
        replacement: "    this.#share.windowBytes;",
      },
    ],
    caughtBy: [{ file: "test/fuzz/fuzz.test.ts" }],
  },
  {
    id: "what the receiver refused is set aside and not marked",
    edits: [
      {
        file: "agent/outbox/writing/group-commit.ts",
        search: "      this.prepared.messageMark.run(FLAG_REFUSED, id);",
        replacement: "      void id;",
      },
    ],
    caughtBy: [
      { file: "test/agent/outbox/epochs/set-aside-refused.test.ts" },
      { file: "test/agent/relay/channel-feed-held.test.ts" },
    ],
  },
  {
    id: "the slices of what was set aside go with its row",
    edits: [
      {
        file: "agent/outbox/writing/group-commit.ts",
        search: "if (entry.upload !== 0) this.uploads.retain(entry.upload);",
        replacement: "",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/epochs/set-aside-refused.test.ts" }],
  },
  {
    id: "a released message does not name the number that it had",
    edits: [
      {
        file: "agent/outbox/writing/group-commit.ts",
        search: "this.#lastRecentRow + 1, block.replaces);",
        replacement: "this.#lastRecentRow + 1);",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/epochs/set-aside-refused.test.ts" }],
  },
  {
    id: "bulk leaves before urgent",
    edits: [
      {
        file: "streams/source/turns.ts",
        search: "const TURNS_BEFORE_LOWER = 8;",
        replacement: "const TURNS_BEFORE_LOWER = 0;",
      },
    ],
    caughtBy: [{ file: "test/streams/source/outgoing.test.ts" }],
  },
  {
    id: "T-M04 no fence on PostgreSQL",
    edits: [
      {
        file: "receiver/store/postgres/channel-functions.ts",
        search: "RETURN latest IS DISTINCT FROM p_session;",
        replacement: "RETURN latest IS DISTINCT FROM latest;",
      },
    ],
    caughtBy: [{ file: "test/receiver/store/postgres-store.test.ts" }],
  },
  {
    id: "a look that met a dead connection is not made again",
    edits: [
      {
        file: "receiver/store/postgres/postgres-store.ts",
        search: "if (left === 0 || !isCutOff(error)) throw report;",
        replacement: "throw report;",
      },
    ],
    caughtBy: [{ file: "test/faults/postgres-resources.test.ts" }],
  },
  {
    id: "a PONG that is later than a heartbeat is not heard",
    edits: [
      {
        file: "streams/heartbeat.ts",
        search: "    this.#pinged.set(this.#nonce, nowMs);",
        replacement: "    this.#pinged.clear();\n    this.#pinged.set(this.#nonce, nowMs);",
      },
    ],
    caughtBy: [{ file: "test/streams/heartbeat.test.ts" }],
  },
  {
    id: "a receiver may ask as often as it likes",
    edits: [
      {
        file: "agent/tunnel/question-pace.ts",
        search: "return this.#count <= QUESTIONS_PER_SECOND;",
        replacement: "return this.#count <= QUESTIONS_PER_SECOND * 1_000;",
      },
    ],
    caughtBy: [{ file: "test/abuse/hostile-receiver.test.ts" }],
  },
  {
    id: "a frame may come in as many fragments as the library allows",
    edits: [
      {
        file: "agent/tunnel/upgrade.ts",
        search: "    maxFragments: FRAGMENTS_MAX_COUNT,",
        replacement: "    maxFragments: FRAGMENTS_MAX_COUNT * 256,",
      },
    ],
    caughtBy: [{ file: "test/abuse/hostile-receiver.test.ts" }],
  },
  {
    id: "a drill is called complete whatever the receiver has",
    edits: [
      {
        file: "agent/outage-drill-state.ts",
        search: "now.ackedSeq >= target.lastSeq",
        replacement: "now.ackedSeq >= 0n",
      },
    ],
    caughtBy: [{ file: "test/agent/outage-drill-state.test.ts" }],
  },
  {
    id: "a drill goes on when its time is over",
    edits: [
      {
        file: "agent/outage-drill-state.ts",
        search: 'if (leftMs <= 0) return "time";',
        replacement: 'if (leftMs <= -1e12) return "time";',
      },
    ],
    caughtBy: [
      { file: "test/agent/outage-drill-state.test.ts" },
      { file: "test/agent/outage-drill.test.ts" },
    ],
  },
];
