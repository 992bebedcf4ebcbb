/** Defects of what goes to hospitals and to the platform, and of the shared database, that the named tests must notice. @module */
import type { Mutant } from "./mutants.ts";

export const DOWNSTREAM_MUTANTS: readonly Mutant[] = [
  {
    id: "a message to a hospital is written before it is claimed",
    edits: [
      {
        file: "agent/deliver/mllp-sender.ts",
        search: "if (!delivery.claimed) await",
        replacement: "if (delivery.id < 0) await",
      },
    ],
    caughtBy: [{ file: "test/agent/deliver/mllp-sender.test.ts" }],
  },
  {
    id: "a connection that the hospital has closed is written to",
    edits: [
      {
        file: "agent/deliver/endpoint.ts",
        search: "return !this.#over && this.#socket.writable && !this.#socket.readableEnded;",
        replacement: "return true;",
      },
    ],
    caughtBy: [{ file: "test/agent/deliver/endpoint.test.ts" }],
  },
  {
    id: "a reply to another message settles",
    edits: [
      {
        file: "agent/deliver/acknowledgment-fields.ts",
        search: 'if (match === "off" ||',
        replacement: 'if (match !== "truncated" ||',
      },
    ],
    caughtBy: [{ file: "test/agent/deliver/acknowledgment-fields.test.ts" }],
  },
  {
    id: "a hospital system's certificate is not verified",
    edits: [
      {
        file: "agent/deliver/dial-endpoint.ts",
        search: "rejectUnauthorized: true",
        replacement: "rejectUnauthorized: false",
      },
    ],
    caughtBy: [{ file: "test/agent/deliver/sender-tls.test.ts" }],
  },
  {
    id: "the inbox takes what leaves a hole",
    edits: [
      {
        file: "agent/outbox/inbox/ingest-step.ts",
        search: "call.first > channel.lastSeq + 1n",
        replacement: "call.first > channel.lastSeq + 2n",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/inbox/ingest.test.ts" }],
  },
  {
    id: "a claim is not written",
    edits: [
      {
        file: "agent/outbox/inbox/inbox-store.ts",
        search: "prepared.inboxClaim.run(call.id);",
        replacement: "prepared.inboxClaim.run(-call.id);",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/inbox/queue.test.ts" }],
  },
  {
    id: "a key that the inbox needs is shredded",
    edits: [
      {
        file: "agent/outbox/space/shred.ts",
        search: "inboxKeyMarkInsert.run(epoch, lastBodyId(store))",
        replacement: "inboxKeyMarkInsert.run(epoch, 0)",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/inbox/inbox-room.test.ts" }],
  },
  {
    id: "a put-back inbox does not say that deliveries may repeat",
    edits: [
      {
        file: "agent/outbox/epochs/opening-epochs.ts",
        search: "prepared.inboxMayRepeatWaiting.run();",
        replacement: "prepared.inboxMayRepeatWaiting.reader;",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/inbox/put-back.test.ts" }],
  },
  {
    id: "a skipped message leaves its epoch without a chain",
    edits: [
      {
        file: "agent/outbox/epochs/skip-damaged.ts",
        search: "epoch === tail.epoch && isChainLost",
        replacement: "epoch < 0n && isChainLost",
      },
    ],
    caughtBy: [{ file: "test/agent/channel-desk.test.ts" }],
  },
  {
    id: "a readable message may be skipped",
    edits: [
      {
        file: "agent/outbox/epochs/skip-damaged.ts",
        search: "found.length < wanted",
        replacement: "found.length < 0",
      },
    ],
    caughtBy: [{ file: "test/agent/channel-desk.test.ts" }],
  },
  {
    id: "an outlet moves on before its taker has it",
    edits: [
      { file: "receiver/outlets/webhook.ts", search: "status > 299", replacement: "status > 399" },
    ],
    caughtBy: [{ file: "test/receiver/outlets/webhook.test.ts" }],
  },
  {
    id: "any token opens the polling outlet",
    edits: [
      {
        file: "receiver/outlets/http-access.ts",
        search: "timingSafeEqual(digest, shown)",
        replacement: "timingSafeEqual(digest, digest)",
      },
    ],
    caughtBy: [{ file: "test/receiver/outlets/http-access.test.ts" }],
  },
  {
    id: "a body is handed on without its digest",
    edits: [
      {
        file: "receiver/outlets/body.ts",
        search: " || digest.digest().compare(message.sha256) !== 0",
        replacement: "",
      },
    ],
    caughtBy: [{ file: "test/receiver/outlets/feed.test.ts" }],
  },
  {
    id: "the receiver forgets the first identity of what it sends again",
    edits: [
      {
        file: "receiver/store/sqlite/outgoing-statements.ts",
        search: "replaces_epoch = coalesce(replaces_epoch, epoch)",
        replacement: "replaces_epoch = epoch",
      },
    ],
    caughtBy: [{ file: "test/receiver/store/sqlite-store.test.ts", only: "TP18" }],
  },
  {
    id: "an older session settles what it sent",
    edits: [
      {
        file: "receiver/store/sqlite/outgoing-step.ts",
        search:
          '  if (isFenced(sql, agent, call.session)) return { kind: "fenced" };\n  const [current',
        replacement: "  const [current",
      },
    ],
    caughtBy: [{ file: "test/receiver/store/sqlite-store.test.ts", only: "RI2" }],
  },
  {
    id: "what the agent holds is settled by its number alone",
    edits: [
      {
        file: "receiver/downstream/channel-source.ts",
        search: "return own !== null && chain !== null && Buffer.compare(own, chain) === 0;",
        replacement: "return own !== null && chain !== null;",
      },
    ],
    caughtBy: [{ file: "test/faults/downstream.test.ts", only: "TP18" }],
  },
  {
    id: "T-M04 no fence in PostgreSQL",
    edits: [
      {
        file: "receiver/store/postgres/channel-functions.ts",
        search: "RETURN latest IS DISTINCT FROM p_session;",
        replacement: "RETURN false;",
      },
    ],
    caughtBy: [{ file: "test/faults/postgres-fence.test.ts" }],
  },
  {
    id: "PostgreSQL may forget what it committed",
    edits: [
      {
        file: "receiver/store/postgres/database.ts",
        search: 'new Set(["on", ',
        replacement: 'new Set(["off", "on", ',
      },
    ],
    caughtBy: [{ file: "test/receiver/store/postgres-settings.test.ts", only: "S2" }],
  },
  {
    id: "a repeat with other content is taken by PostgreSQL",
    edits: [
      {
        file: "receiver/store/postgres/ingest-functions.ts",
        search: "l.sha256 <> i.sha256 OR l.sha256 IS NULL",
        replacement: "l.sha256 IS NULL",
      },
    ],
    caughtBy: [{ file: "test/receiver/store/postgres-store.test.ts", only: "RI5" }],
  },
  {
    id: "a server that shuts down is taken for a defect",
    edits: [
      {
        file: "receiver/store/postgres/faults.ts",
        search: '["57P", "STORE_UNREACHABLE"],',
        replacement: "",
      },
    ],
    caughtBy: [{ file: "test/faults/postgres-crash.test.ts" }],
  },
  {
    id: "PostgreSQL drops what an outlet has not had",
    edits: [
      {
        file: "receiver/store/postgres/day-functions.ts",
        search: "ELSE h.seq IS NULL OR (m.epoch, m.seq) > (h.epoch, h.seq) END)",
        replacement: "ELSE false END)",
      },
    ],
    caughtBy: [{ file: "test/receiver/store/postgres-outlets.test.ts", only: "TP38" }],
  },
  {
    id: "a command sends into a store that is not the configured one",
    edits: [
      {
        file: "receiver/cli/send.ts",
        search: "ask(stateDir, question, store)",
        replacement: 'ask(stateDir, question, { kind: "sqlite" })',
      },
    ],
    caughtBy: [{ file: "test/receiver/shared-database.test.ts", only: "while nobody runs" }],
  },
  {
    id: "a settle that was put off settles another epoch",
    edits: [
      {
        file: "receiver/downstream/channel-source.ts",
        search: "clock.after(SETTLE_AGAIN_MS, () => this.#settleNext());",
        replacement: "clock.after(SETTLE_AGAIN_MS, () => this.#settle(settling));",
      },
    ],
    caughtBy: [{ file: "test/receiver/downstream.test.ts", only: "too busy" }],
  },
  {
    id: "CMD_DONE for an answer that was not kept",
    edits: [
      {
        file: "receiver/downstream/command-lane.ts",
        search: "const { kind } = await store.answerCommand(call);",
        replacement: "const kind: string = call.key;",
      },
    ],
    caughtBy: [{ file: "test/receiver/commands.test.ts", only: "durable" }],
  },
  {
    id: "a command with an answer goes again",
    edits: [
      {
        file: "receiver/store/sqlite/outgoing-statements.ts",
        search: "AND outcome IS NULL ORDER BY id LIMIT ?",
        replacement: "ORDER BY id LIMIT ?",
      },
    ],
    caughtBy: [{ file: "test/receiver/commands.test.ts", only: "without an answer" }],
  },
  {
    id: "an answer of a session that is over is kept",
    edits: [
      {
        file: "receiver/store/sqlite/outgoing-step.ts",
        search: 'if (isFenced(sql, agent, session)) return { kind: "fenced" };',
        replacement:
          'if (isFenced(sql, agent, -1 - session) && key === "") return { kind: "fenced" };',
      },
    ],
    caughtBy: [{ file: "test/receiver/store/sqlite-store.test.ts", only: "TP36" }],
  },
];
