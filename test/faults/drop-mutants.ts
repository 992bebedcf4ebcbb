/**
 * Defects of file drop, from the folder to the archive, that the named tests must notice (04; T-I04, T-M03).
 *
 * @module
 */
import type { Mutant, NamedTests } from "./mutants.ts";

const IMAGES: NamedTests = { file: "test/faults/drop-images.test.ts", only: "T-I04" };
const WRITERS: NamedTests = { file: "test/faults/drop-writers.test.ts" };
const inFolders = (name: string, only: string): NamedTests => ({
  ...{ file: `test/agent/folders/${name}.test.ts`, only },
});
const inDriver = (name: string, only: string): NamedTests => ({
  ...{ file: `test/agent/ingest/file-drop/${name}.test.ts`, only },
});

export const DROP_MUTANTS: readonly Mutant[] = [
  {
    id: "drop: content is not flushed before the claim",
    edits: [
      {
        file: "agent/folders/flushing.ts",
        search: "    else fdatasyncSync(file.descriptor);\n",
        replacement: "    else if (file.descriptor < 0) fdatasyncSync(file.descriptor);\n",
      },
    ],
    caughtBy: [IMAGES, inFolders("flushing", "P17")],
  },
  {
    id: "T-M03 drop: folders are not flushed after a claim",
    edits: [
      {
        file: "agent/folders/pickup.ts",
        search: "    visit.flush();\n    return outcomes;\n",
        replacement: "    return outcomes;\n",
      },
    ],
    caughtBy: [IMAGES, inFolders("durable", "both folders of a claim")],
  },
  {
    id: "T-M03 drop: the archive is not flushed before the file leaves work",
    edits: [
      {
        file: "agent/folders/moving.ts",
        search: "this.#attempt(move, () => this.#place(move, to)));\n    this.#visit.flush();\n",
        replacement: "this.#attempt(move, () => this.#place(move, to)));\n",
      },
    ],
    caughtBy: [inFolders("durable", "durable in the archive before")],
  },
  {
    id: "T-M03 drop: a file counts as moved before work is flushed",
    edits: [
      {
        file: "agent/folders/moving.ts",
        search: "    });\n    this.#visit.flush();\n    return outcomes;\n",
        replacement: "    });\n    return outcomes;\n",
      },
    ],
    caughtBy: [IMAGES],
  },
  {
    id: "drop: a file is archived before its commit",
    edits: [
      {
        file: "agent/ingest/file-drop/deciding.ts",
        search: "    doorway.acceptFile(\n",
        replacement: `    const atMs = file.claimedAtMs;
    const move = { claim: file.claim, files: file.files, sha256, targets: [], duplicate: false, atMs };
    await this.#parts.hand.call("archive", { moves: [move], after: "archive" });
    doorway.acceptFile(\n`,
      },
    ],
    caughtBy: [IMAGES],
  },
  {
    id: "drop: a file is renamed before its row is durable",
    edits: [
      {
        file: "agent/ingest/file-drop/pipeline.ts",
        search: "    const rows = await claims.claim(fresh);\n",
        replacement: "",
      },
      {
        file: "agent/ingest/file-drop/pipeline.ts",
        search: "    const notTaken: number[] = [];\n",
        replacement:
          "    const rows = await claims.claim(fresh);\n    const notTaken: number[] = [];\n",
      },
    ],
    caughtBy: [IMAGES],
  },
  {
    id: "drop: what was written to while it was read is used",
    edits: [
      {
        file: "agent/folders/reading.ts",
        search: "if (bytes.length !== size || !file.isStill(part.file)) return",
        replacement: "if (bytes.length !== size) return",
      },
    ],
    caughtBy: [inFolders("recheck", "P23")],
  },
  {
    id: "drop: what was written to while it was read in parts is used",
    edits: [
      {
        file: "agent/folders/reading.ts",
        search: 'isWhole && file.isStill(large.part.file) ? "unchanged"',
        replacement: 'isWhole ? "unchanged"',
      },
    ],
    caughtBy: [inFolders("read", "while it is read")],
  },
  {
    id: "drop: links are followed",
    edits: [
      {
        file: "agent/folders/folder.ts",
        search: "return lstatSync(this.path(name), {",
        replacement: "return statSync(this.path(name), {",
      },
      {
        file: "agent/folders/folder.ts",
        search: '= entry.isFile() ? "file"',
        replacement: '= entry.isFile() || entry.isSymbolicLink() ? "file"',
      },
      {
        file: "agent/folders/folder.ts",
        search: "  (constants.O_NOFOLLOW ?? 0) |\n  (constants.O_NONBLOCK",
        replacement: "  (constants.O_NONBLOCK",
      },
    ],
    caughtBy: [inFolders("attacks", "P-A1")],
  },
  {
    id: "drop: a second name of a file is no matter",
    edits: [
      {
        file: "agent/folders/file-state.ts",
        search: "(!rejectHardLinks || status.nlink === 1n)",
        replacement: "(!rejectHardLinks || status.nlink > 0n)",
      },
    ],
    caughtBy: [inFolders("attacks", "P-A5")],
  },
  {
    id: "drop: what is in the archive under the name is replaced",
    edits: [
      {
        file: "agent/folders/target-search.ts",
        search: "      else if (isReserved) isThere.push(false);\n      else return",
        replacement:
          "      else if (isReserved || status.isFile()) isThere.push(false);\n      else return",
      },
      {
        file: "agent/folders/folder.ts",
        search: '      if (codeIs(error, "EEXIST")) return "exists";\n',
        replacement: `      if (codeIs(error, "EEXIST")) {
        unlinkSync(to.path(toName));
        return this.link(name, to, toName);
      }\n`,
      },
    ],
    caughtBy: [inFolders("archive", "a name that is taken"), inDriver("outcomes", "same name")],
  },
  {
    id: "drop: a number of a collision mark is counted over all contents",
    edits: [
      {
        file: "agent/folders/target-search.ts",
        search: "collisionMark(move.atMs, hashOfMove(move), 1)",
        replacement: "Math.floor(move.atMs / 1_000)",
      },
    ],
    caughtBy: [inFolders("half-moved", "P27")],
  },
  {
    id: "drop: a repeat of what is being decided is settled without a look at what became of that",
    edits: [
      {
        file: "agent/ingest/file-drop/deciding.ts",
        search: "left = await this.#withoutKnown(left);",
        replacement: 'left = (await this.#recognised(left, "duplicate")) ?? [];',
      },
    ],
    caughtBy: [inDriver("same-file", "nobody can use")],
  },
  {
    id: "drop: a file is taken for the one that was sent by its name and times alone",
    edits: [
      {
        file: "agent/ingest/file-drop/deciding.ts",
        search: "return before !== undefined && Buffer.compare(before, sha256) === 0;",
        replacement: "return before !== undefined && sha256.length > 0;",
      },
    ],
    caughtBy: [inDriver("same-file", "other content")],
  },
  {
    id: "drop: the archive is pruned without asking what must stay",
    edits: [
      {
        file: "agent/ingest/file-drop/retention.ts",
        search: "await claims.keptTargets(nowMs + 1).catch(unlessDamaged)",
        replacement: "(await claims.keptTargets(nowMs + 1).catch(unlessDamaged))?.slice(0, 0)",
      },
    ],
    caughtBy: [inDriver("outcomes", "P30")],
  },
  {
    id: "drop: a name is in the log",
    edits: [
      {
        file: "agent/ingest/file-drop/setting-aside.ts",
        search: "      reason: identifierFrom(reason),\n",
        replacement: `      reason: identifierFrom(reason),
      file: identifierFrom(Buffer.from(file.files[0]?.name ?? []).toString("latin1")),\n`,
      },
    ],
    caughtBy: [inDriver("outcomes", "P31")],
  },
  {
    id: "drop: a file that changes is taken",
    edits: [
      {
        file: "agent/folders/tracker.ts",
        search: "(at.seenCount[slot] ?? 0) >= STABLE_POLLS && forMs >= this.#rules.stableForMs",
        replacement: "(at.seenCount[slot] ?? 0) >= STABLE_POLLS - 1 && forMs >= 0",
      },
    ],
    caughtBy: [WRITERS],
  },
  {
    id: "drop: a look into the file does not hold it back",
    edits: [
      {
        file: "agent/folders/gatekeeper.ts",
        search: 'if (isGateOpen(this.#rules.contentGate, ends)) return "open";',
        replacement: 'if (ends.size > 0) return "open";',
      },
    ],
    caughtBy: [WRITERS],
  },
];
