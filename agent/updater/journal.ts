/**
 * What the updater is in the middle of, and what came of the last update: one file, replaced whole before each step.
 *
 * ```
 * idle ──► installing ──► switching ──► committing ──► idle
 *              │              │
 *              └──────┬───────┘
 *                     ▼
 *                 goingBack ──► tidying ──► idle
 * ```
 *
 * An interrupted step before `committing` goes back, whatever had been reached; from there on it is finished.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { readStrictJson } from "#documents/strict-json.ts";
import { customSchema } from "#releases/target.ts";
import { AgentError, codeOf } from "../errors.ts";
import { replaceFile } from "../host/atomic-file.ts";

const hex = z.string().regex(/^[0-9a-f]{64}$/);

/** A package that was verified, and lies in the updater's own folder under its digest. */
const release = z.strictObject({
  digest: hex,
  kind: z.enum(["deb", "rpm"]),
  ...customSchema.pick({ version: true, releaseCounter: true, minFrom: true }).shape,
});

/** What the service did before it was exchanged: it must do so again. */
const served = z.strictObject({
  version: z.string(),
  pid: z.int(),
  /** Channels that take messages. */
  taking: z.array(z.string()),
  connected: z.boolean(),
  /** Open conditions that are critical. */
  critical: z.array(z.string()),
});

const outcome = z.strictObject({
  kind: z.enum(["committed", "wentBack", "refused"]),
  digest: hex,
  from: z.string(),
  /** Absent where it was refused before its version was believed. */
  to: z.string().optional(),
  /** A word: of a check of 07 section 3, or of the health test. */
  reason: z.string().optional(),
  by: z.string(),
  at: z.string(),
});

const schema = z.strictObject({
  format: z.literal("holdfast-updater/1"),
  step: z.enum(["idle", "installing", "switching", "committing", "goingBack", "tidying"]),
  /** The package of what runs. */
  current: release,
  /** N-1, while there is one to go back to. */
  previous: release.optional(),
  /** What takes the place of `current`; by whose yes. */
  next: z.strictObject({ ...release.shape, by: z.string() }).optional(),
  before: served.optional(),
  /** Why it goes back. */
  reason: z.string().optional(),
  /** Approvals that were used up, by their ids, newest last. */
  used: z.array(z.string()),
  outcome: outcome.optional(),
  /** Whether the agent has written the outcome into its audit. */
  told: z.boolean(),
});

export type Journal = Readonly<Omit<z.infer<typeof schema>, "format">>;
export type KeptRelease = z.infer<typeof release>;
export type Served = Readonly<z.infer<typeof served>>;
export type Outcome = Readonly<z.infer<typeof outcome>>;

/** Anybody may read it. */
const MODE = 0o644;

export class JournalFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @returns `undefined` where the updater was never enabled @throws {AgentError} `UPDATE_JOURNAL_DAMAGED` */
  read(): Journal | undefined {
    const bytes = this.#bytes();
    if (bytes === undefined) return undefined;
    const json = readStrictJson(bytes);
    const parsed = schema.safeParse(json.kind === "object" ? json.value : undefined);
    if (!parsed.success) throw new AgentError("UPDATE_JOURNAL_DAMAGED", {});
    const { format: _, ...journal } = parsed.data;
    return journal;
  }

  /** Durable when it returns. */
  write(journal: Journal): void {
    const text = JSON.stringify({ format: "holdfast-updater/1", ...journal });
    replaceFile(this.#path, `${text}\n`, MODE);
  }

  #bytes(): Uint8Array | undefined {
    try {
      return new Uint8Array(readFileSync(this.#path));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }
}
