/**
 * Defects of channels that deliver into a folder, which the named tests must notice (04 section 11).
 *
 * @module
 */
import type { Mutant, NamedTests } from "./mutants.ts";

const WRITER = "agent/folders/outlet-writer.ts";
const inFolders = (name: string, only?: string): NamedTests => ({
  file: `test/agent/folders/outlet-${name}.test.ts`,
  ...(only === undefined ? {} : { only }),
});

export const OUTLET_MUTANTS: readonly Mutant[] = [
  {
    id: "a message is settled before its file has its name",
    edits: [
      {
        file: "agent/deliver/folder-sender.ts",
        search: "    const answer = await unlessDamaged(() => this.#send(hand));",
        replacement:
          '    await queue.settle(id, { kind: "accepted", flags: [], reply: undefined });\n    const answer = await unlessDamaged(() => this.#send(hand));',
      },
    ],
    caughtBy: [
      { file: "test/agent/deliver/folder-sender.test.ts", only: "settled after its last step" },
      { file: "test/agent/deliver/folder-sender.test.ts", only: "in the middle of a file" },
    ],
  },
  {
    id: "the control file comes before the data",
    edits: [
      {
        file: WRITER,
        search: "    for (let name = hand.name; ; ) {\n",
        replacement:
          "    for (let name = hand.name; ; ) {\n      const early = site.target.create(name + this.#parts.settings.controlSuffix, 0o640);\n      if (early !== undefined) closeSync(early);\n",
      },
    ],
    caughtBy: [
      inFolders("writer", "control file comes last"),
      inFolders("reader", "after its control file"),
    ],
  },
  {
    id: "a file has its name before it is on the disk",
    edits: [
      {
        file: WRITER,
        search: '    doing(this.#tempRole, "flush", () => fsyncSync(temporary.descriptor));\n',
        replacement: "",
      },
    ],
    caughtBy: [inFolders("writer", "flush of a file")],
  },
  {
    id: "the name of a file is not on the disk when it is settled",
    edits: [
      {
        file: WRITER,
        search: '    target.flush();\n    this.#parts.touched("flushFolder");\n    if (',
        replacement: '    this.#parts.touched("flushFolder");\n    if (',
      },
    ],
    caughtBy: [inFolders("writer", "flush of a file")],
  },
  {
    id: "a file that came in the last moment is replaced",
    edits: [
      {
        file: WRITER,
        search: 'if (this.#parts.settings.onCollision !== "overwrite") {',
        replacement: 'if (String(this.#parts.settings.onCollision) === "never") {',
      },
    ],
    caughtBy: [inFolders("collision", "last moment")],
  },
  {
    id: "what lies there under the name is taken for the message",
    edits: [
      {
        file: "agent/folders/outlet-content.ts",
        search: "  return Buffer.compare(digest.digest(), sha256) === 0;",
        replacement: "  return digest.digest().length === sha256.length;",
      },
    ],
    caughtBy: [inFolders("crash", "another content")],
  },
  {
    id: "an empty file keeps the final name",
    edits: [
      {
        file: WRITER,
        search: "    const temporary = this.#temporary.create(site.temp, file.key);\n",
        replacement:
          '    const temporary = this.#temporary.create(site.temp, file.key);\n    const kept = site.target.create(choice.name, 0o640);\n    if (kept !== undefined) closeSync(kept);\n    (this.#parts.settings as { onCollision: string }).onCollision = "overwrite";\n',
      },
    ],
    caughtBy: [inFolders("reader", "under its name$"), inFolders("writer", "until its last byte")],
  },
];
