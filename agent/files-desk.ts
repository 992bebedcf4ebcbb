/**
 * What an operator sees of files that were taken from folders (04 P31, P34): their claims, newest first, with their
 * names. Answers go to commands on this machine alone.
 *
 * @module
 */
import { AgentError } from "./errors.ts";
import { shownName } from "./host/shown-name.ts";
import type { ClaimRow } from "./ingest/file-drop/claims.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { ChannelSet } from "./running/channel-set.ts";

/** One file as `files list` prints it. Times are RFC 3339; names are escaped, one line each. */
export interface FileEntry {
  readonly id: number;
  readonly claim: string;
  readonly channel: string;
  /** `claimed`, `committed`, `aside` or `moved`. */
  readonly state: ClaimRow["state"];
  /** What became of its content; absent until that is decided. */
  readonly verdict: ClaimRow["verdict"];
  /** Why it was set aside. */
  readonly reason: ClaimRow["reason"];
  readonly name: string;
  /** Control file and side-car. */
  readonly others: readonly string[];
  readonly bytes: number;
  readonly sha256: string | undefined;
  readonly claimedAt: string;
  readonly decidedAt: string | undefined;
  readonly movedAt: string | undefined;
  /** Where it lies, in the archive or, if set aside, in the error folder. */
  readonly movedTo: string | undefined;
  readonly messages: number;
  readonly quarantined: number;
}

const LIST_MAX_COUNT = 500;

export interface FilesDeskParts {
  readonly outbox: Outbox;
  readonly running: { readonly set: Pick<ChannelSet, "drops"> };
}

export class FilesDesk {
  readonly #parts: FilesDeskParts;

  constructor(parts: FilesDeskParts) {
    this.#parts = parts;
  }

  /**
   * At most 500 files of a channel before row `beforeId` (0: the newest).
   *
   * @throws {AgentError} `CHANNEL_UNKNOWN` if no channel of this name takes files
   */
  async list(channel: string, beforeId: number): Promise<FileEntry[]> {
    const { outbox, running } = this.#parts;
    if (!running.set.drops.some(({ name }) => name === channel)) {
      throw new AgentError("CHANNEL_UNKNOWN", {});
    }
    const rows = await outbox.files.of(channel).list(beforeId, LIST_MAX_COUNT);
    return rows.map((row) => entryOf(channel, row));
  }
}

function entryOf(channel: string, row: ClaimRow): FileEntry {
  const [data, ...others] = row.files;
  const [target] = row.targets;
  return {
    ...{ id: row.id, claim: row.claim, channel },
    ...{ state: row.state, verdict: row.verdict, reason: row.reason },
    name: data === undefined ? "" : shownName(data.name),
    others: others.map(({ name }) => shownName(name)),
    bytes: data?.size ?? 0,
    sha256: row.sha256 === undefined ? undefined : Buffer.from(row.sha256).toString("hex"),
    claimedAt: isoOf(row.claimedAtMs) ?? "",
    decidedAt: isoOf(row.decidedAtMs),
    movedAt: isoOf(row.movedAtMs),
    movedTo: target === undefined ? undefined : shownName(target),
    ...{ messages: row.messageCount, quarantined: row.asideCount },
  };
}

const isoOf = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();
