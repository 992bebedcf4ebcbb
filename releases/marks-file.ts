/** Marks in a file of JSON, for `verify-package`; the agent keeps its own in the store and the marks file. @module */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { replaceFile } from "#agent/host/atomic-file.ts";
import { readStrictJson } from "#documents/strict-json.ts";
import { type MarksStore, NO_MARKS, type ReleaseMarks } from "./marks.ts";

const count = z.int().min(0);
const schema = z.strictObject({
  format: z.literal("holdfast-release-marks/1"),
  versions: z.strictObject({ root: count, targets: count, snapshot: count, timestamp: count }),
  releaseCounter: count,
  previousCounter: count,
  wentBack: z.boolean(),
});

const MODE = 0o600;

/** The file is there and says nothing that can be believed: never the same as "nothing was seen yet". */
export class MarksDamaged extends Error {
  override readonly name = "MarksDamaged";
}

export class MarksFile implements MarksStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws {MarksDamaged} */
  async read(): Promise<ReleaseMarks> {
    const bytes = contentOf(this.#path);
    if (bytes === undefined) return NO_MARKS;
    const json = readStrictJson(bytes);
    const parsed = schema.safeParse(json.kind === "object" ? json.value : undefined);
    if (!parsed.success) throw new MarksDamaged("Cannot read the marks of releases");
    const { format: _, ...marks } = parsed.data;
    return marks;
  }

  async write(marks: ReleaseMarks): Promise<void> {
    const text = JSON.stringify({ format: "holdfast-release-marks/1", ...marks });
    replaceFile(this.#path, `${text}\n`, MODE);
  }
}

function contentOf(path: string): Uint8Array | undefined {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
