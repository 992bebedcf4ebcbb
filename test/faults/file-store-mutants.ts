/**
 * Defects of what the store keeps of dropped files that the named tests must notice (04 P17, P24, P26, P30, P34).
 *
 * @module
 */
import type { Mutant, NamedTests } from "./mutants.ts";

const POWER_CUT: NamedTests = { file: "test/faults/file-power-cut.test.ts", only: "T-S01" };
const STEPS: NamedTests = {
  ...{ file: "test/agent/ingest/file-steps.test.ts", only: "before step 2 of a file whole" },
};
const inFiles = (name: string, only: string): NamedTests => ({
  ...{ file: `test/agent/outbox/files/${name}.test.ts`, only },
});

export const FILE_STORE_MUTANTS: readonly Mutant[] = [
  {
    id: "files: a row is committed in another transaction than its messages",
    edits: [
      {
        file: "agent/outbox/writing/appender.ts",
        search: "    this.#files.flush();\n",
        replacement: `    this.#prepared.messageInsert.database.exec("COMMIT; BEGIN IMMEDIATE");
    this.#files.flush();\n`,
      },
    ],
    caughtBy: [POWER_CUT, inFiles("room", "at its row")],
  },
  {
    id: "files: a claim is not flushed",
    edits: [
      {
        file: "agent/outbox/files/file-store.ts",
        search: "      store.inTransaction(work, purpose);\n",
        replacement: `      const { database } = store.prepared.fileAt;
      database.pragma("synchronous = OFF");
      store.inTransaction(work, purpose);
      database.pragma("synchronous = FULL");\n`,
      },
    ],
    caughtBy: [POWER_CUT],
  },
  {
    id: "files: an append is stored whatever its row says",
    edits: [
      {
        file: "agent/outbox/files/file-marks.ts",
        search: "if (row[3] !== FILE_STATE.claimed) {",
        replacement: "if (row[3] !== FILE_STATE.claimed && mark.id < 0) {",
      },
    ],
    caughtBy: [inFiles("marked-appends", "the same append again")],
  },
  {
    id: "files: other content is a repeat",
    edits: [
      {
        file: "agent/outbox/files/file-marks.ts",
        search: 'return wasSent && this.#isSame(row, mark) ? "repeat" : "ended";',
        replacement: 'return wasSent || this.#isSame(row, mark) ? "repeat" : "ended";',
      },
    ],
    caughtBy: [inFiles("marked-appends", "other content")],
  },
  {
    id: "files: stored without the blocks that find no room",
    edits: [
      {
        file: "agent/outbox/files/file-marks.ts",
        search: 'return hasRoom ? undefined : "full";',
        replacement: 'return hasRoom || blocks.length > 0 ? undefined : "full";',
      },
    ],
    caughtBy: [inFiles("marked-appends", "find no room")],
  },
  {
    id: "files: nothing is passed over when a file in steps is given again",
    edits: [
      {
        file: "agent/outbox/files/file-marks.ts",
        search: 'return run.barred ?? (at < run.before.appended ? "repeat" : undefined);',
        replacement: 'return run.barred ?? (at < 0 ? "repeat" : undefined);',
      },
    ],
    caughtBy: [inFiles("steps", "given again after each crash"), STEPS],
  },
  {
    id: "files: a row is committed with the first step",
    edits: [
      {
        file: "agent/outbox/files/file-marks.ts",
        search: "    if (isLast) {\n",
        replacement: "    if (isLast || from === 0) {\n",
      },
    ],
    caughtBy: [inFiles("steps", "is claimed until the last"), STEPS],
  },
  {
    id: "files: slices go with the rows of a first step",
    edits: [
      {
        file: "agent/outbox/writing/uploads.ts",
        search: "if (goesOn) this.#prepared.uploadGoesOn.run(rows + 1, upload);",
        replacement: "if (goesOn && rows < 0) this.#prepared.uploadGoesOn.run(rows + 1, upload);",
      },
    ],
    caughtBy: [inFiles("step-uploads", "stay until the last step")],
  },
  {
    id: "files: what a withdrawn claim had stored is forgotten",
    edits: [
      {
        file: "agent/outbox/files/file-marks.ts",
        search: "if (row === undefined) return NOTHING;",
        replacement: "if (row === undefined || channel > 0) return NOTHING;",
      },
    ],
    caughtBy: [inFiles("steps", "goes on where it was")],
  },
  {
    id: "files: a step shares its commit with what comes from connections",
    edits: [
      {
        file: "agent/outbox/outbox.ts",
        search: "const isStep = isOneOfSeveral(entries[0]?.claim);",
        replacement: "const isStep = isOneOfSeveral(entries[0]?.claim) && entries.length < 0;",
      },
    ],
    caughtBy: [inFiles("steps", "commits of their own")],
  },
  {
    id: "files: a file overtakes one with many messages",
    edits: [
      {
        file: "agent/ingest/accept-file.ts",
        search: "if (behind !== undefined) {",
        replacement: "if (behind !== undefined && id < 0) {",
      },
    ],
    caughtBy: [{ ...STEPS, only: "P14" }],
  },
  {
    id: "files: names lie in clear, where the row is looked for by them",
    edits: [
      {
        file: "agent/outbox/files/file-rows.ts",
        search: "return sealer.token(TOKEN_OF_FILE, Buffer.concat([state, name]));",
        replacement:
          "return Buffer.concat([state, name, Buffer.of(sealer === undefined ? 0 : TOKEN_OF_FILE)]);",
      },
    ],
    caughtBy: [inFiles("room", "P34")],
  },
  {
    id: "files: a target may go though a block is in quarantine",
    edits: [
      {
        file: "agent/outbox/files/file-reader.ts",
        search: "      store.prepared.fileBlockOf.get(id) === undefined;\n",
        replacement: "      id > 0;\n",
      },
    ],
    caughtBy: [inFiles("retention", "stay while a block")],
  },
  {
    id: "files: a released block is not waited for",
    edits: [
      {
        file: "agent/outbox/writing/group-commit.ts",
        search:
          "        waitFor(this.prepared, files, this.tails.get(block.channel), appended.seq);\n",
        replacement: "        void waitFor;\n        void files;\n",
      },
    ],
    caughtBy: [inFiles("retention", "that was released")],
  },
  {
    id: "files: what was appended again counts as settled",
    edits: [
      {
        file: "agent/outbox/files/file-settled.ts",
        search: "if (next === undefined || next[0] <= epoch) return false;",
        replacement: "if (next === undefined || next[0] > epoch) return true;",
      },
    ],
    caughtBy: [inFiles("retention", "TP18")],
  },
  {
    id: "files: a row goes though its messages are unsettled",
    edits: [
      {
        file: "agent/outbox/files/file-retention.ts",
        search: "!isSettled(store, channel, { epoch, seq })) return false;",
        replacement: "!isSettled(store, channel, { epoch, seq: 0n })) return false;",
      },
    ],
    caughtBy: [inFiles("retention", "go a day after")],
  },
  {
    id: "files: rows are not sealed again",
    edits: [
      {
        file: "agent/outbox/format/resealing.ts",
        search: "      fileStage({ prepared, again, write }),\n",
        replacement: "      () => fileStage === undefined,\n",
      },
    ],
    caughtBy: [inFiles("room", "R03")],
  },
  {
    id: "files: what was not sent makes its content known",
    edits: [
      {
        file: "agent/outbox/format/file-statements.ts",
        search: `decided_at_ms >= ?
            AND verdict IN ('sent', 'partial') LIMIT 1\``,
        replacement: "decided_at_ms >= ? LIMIT 1`",
      },
    ],
    caughtBy: [inFiles("claims", "content is known")],
  },
];
