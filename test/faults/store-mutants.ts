/**
 * Defects of the store that the named tests must notice: durability, sealing, backups, what is noticed of damage.
 *
 * @module
 */
import type { Mutant, NamedTests } from "./mutants.ts";

const POWER_CUT: NamedTests = { file: "test/faults/power-cut.test.ts", only: "T-S01" };

export const STORE_MUTANTS: readonly Mutant[] = [
  {
    id: "pruned past the cursor",
    edits: [
      {
        file: "agent/outbox/space/prune.ts",
        search: "let limit = smaller(marked, ackedSeq);",
        replacement: "let limit = marked < 0n ? marked : lastSeq;",
      },
      {
        file: "agent/outbox/format/statements.ts",
        search: "AND (acked >= ? OR ended = 2)",
        replacement: "AND (acked >= ? OR ended < 9)",
      },
    ],
    caughtBy: [
      { file: "test/faults/power-cut-pruning.test.ts" },
      { file: "test/agent/outbox/room.property.test.ts" },
    ],
  },
  {
    id: "T-M03 a new file is not flushed",
    edits: [
      {
        file: "agent/host/atomic-file.ts",
        search: "writeFileSync(descriptor, content);\n    fsyncSync(descriptor);",
        replacement: "writeFileSync(descriptor, content);\n    void fsyncSync;",
      },
    ],
    caughtBy: [POWER_CUT],
  },
  {
    id: "T-M03 no flush of the folder after a rename",
    edits: [
      {
        file: "agent/host/atomic-file.ts",
        search: "renameSync(temporary, file);\n  flushFolder(dirname(file));",
        replacement: "renameSync(temporary, file);",
      },
    ],
    caughtBy: [POWER_CUT],
  },
  {
    id: "an input/output error is taken for a full disk",
    edits: [
      {
        file: "agent/outbox/format/fault.ts",
        search: '["SQLITE_IOERR", "STORE_IO"]',
        replacement: '["SQLITE_IOERR", "STORE_FULL"]',
      },
    ],
    caughtBy: [{ file: "test/faults/every-call.test.ts" }],
  },
  {
    id: "the high-water mark is not written",
    edits: [
      {
        file: "agent/outbox/writing/writer.ts",
        search: "if (!halted) opened.highWater.note();",
        replacement: "if (halted) opened.highWater.note();",
      },
    ],
    caughtBy: [{ file: "test/faults/bit-flips.test.ts", only: "S17" }],
  },
  {
    id: "a row takes another's record",
    edits: [
      {
        file: "agent/outbox/format/record-reader.ts",
        search: "return isIt ? record : undefined;",
        replacement: "return isIt || record !== undefined ? record : undefined;",
      },
    ],
    caughtBy: [{ file: "test/faults/bit-flips.test.ts", only: "names the record before it" }],
  },
  {
    id: "a tag that does not fit is overlooked",
    edits: [
      {
        file: "agent/sealing/gcm.ts",
        search: "    // The only thing that `final` checks is the tag.\n    return undefined;",
        replacement: "    // The only thing that `final` checks is the tag.",
      },
    ],
    caughtBy: [{ file: "test/agent/sealing/sealer.test.ts", only: "R03" }],
  },
  {
    id: "walk: digest of a small body not compared",
    edits: [
      {
        file: "agent/outbox/format/row-walk.ts",
        search: "    return isWhole(record.body, row.length, record.sha256);\n",
        replacement: "    return record.body.length === row.length;\n",
      },
    ],
    caughtBy: [
      { file: "test/agent/outbox/format/row-walk.test.ts", only: "never had their digest" },
    ],
  },
  {
    id: "walk: digest of slices not compared",
    edits: [
      {
        file: "agent/outbox/format/row-walk.ts",
        search: "return Buffer.compare(digest.digest(), sha256) === 0;",
        replacement: "return digest.digest().length > 0;",
      },
    ],
    caughtBy: [
      { file: "test/agent/outbox/format/row-walk.test.ts", only: "never had their digest" },
    ],
  },
  {
    id: "walk: what the row says not compared with the record",
    edits: [
      {
        file: "agent/outbox/format/row-walk.ts",
        search: "if (record === undefined || !isOf(parts.sealer, row, record)) return false;",
        replacement: "if (record === undefined) return false;",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/format/row-walk.test.ts", only: "speaks of another" }],
  },
  {
    id: "backup: damage of the copy alone is overlooked",
    edits: [
      {
        file: "agent/outbox/upkeep/upkeep.ts",
        search: "    await this.#refuseNewDamage(copy);\n",
        replacement: "",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/backup.test.ts", only: "only the copy" }],
  },
  {
    id: "backup: files not compared with the manifest",
    edits: [
      {
        file: "agent/outbox/upkeep/backup-check.ts",
        search: "  refuseUnless(isDeepStrictEqual(files, manifest.files), { files: false });\n",
        replacement: "",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/backup.test.ts", only: "is refused when" }],
  },
  {
    id: "restore: the lock of a running agent is overlooked",
    edits: [
      {
        file: "agent/outbox/upkeep/restore.ts",
        search: "    if (/^SQLITE_(?:BUSY|LOCKED)/.test(codeOf(error))) throw running(error);\n",
        replacement: "",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/upkeep/restore.test.ts", only: "running agent" }],
  },
  {
    id: "restore: an interrupted one is not completed at open",
    edits: [
      {
        file: "agent/outbox/writing/open-store.ts",
        search: "  finishRestore(options.stateDir);\n",
        replacement: "",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/upkeep/restore.test.ts", only: "interrupted" }],
  },
  {
    id: "restore: the mark of the same store is not kept",
    edits: [
      {
        file: "agent/outbox/upkeep/restore.ts",
        search: '    keepMark(stateDir, manifest, join(restoring, "outbox"));\n',
        replacement: "",
      },
    ],
    caughtBy: [
      { file: "test/agent/outbox/upkeep/restore.test.ts", only: "high-water mark of the same" },
    ],
  },
  {
    id: "replay: unsettled messages, too",
    edits: [
      {
        file: "agent/outbox/upkeep/replay.ts",
        search: "standing === undefined || seq > standing.ackedSeq",
        replacement: "standing === undefined",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/upkeep/replay.test.ts", only: "appended again, whole" }],
  },
  {
    id: "quarantine is not walked",
    edits: [
      {
        file: "agent/outbox/format/row-walk.ts",
        search: "  yield* walkQuarantine(parts, totals, damaged);\n",
        replacement: "",
      },
    ],
    caughtBy: [{ file: "test/abuse/moved-ciphertexts.test.ts" }],
  },
  {
    id: "bodies are not sealed",
    edits: [
      {
        file: "agent/sealing/sealer.ts",
        search:
          "    const tag = encryptInto(envelope, SEAL_OVERHEAD_BYTES, parts, { key, nonce, aad });",
        replacement:
          "    const tag = encryptInto(envelope, SEAL_OVERHEAD_BYTES, parts, { key, nonce, aad });\n    if (parts.length > 0) envelope.set(parts.at(-1) as Uint8Array, bytes - (parts.at(-1) as Uint8Array).length);",
      },
    ],
    caughtBy: [{ file: "test/abuse/canary.test.ts", only: "kill -9" }],
  },
];
