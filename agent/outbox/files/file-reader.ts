/** What is read of dropped files; many rows in turns of the event loop, between which messages are stored. @module */
import { setImmediate as turn } from "node:timers/promises";
import { AgentError } from "../../errors.ts";
import type { ClaimRow, OpenClaim } from "../../ingest/file-drop/claims.ts";
import { MOVED_FILES_MAX_COUNT } from "../../limits.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import type { FileQuestions } from "./file-messages.ts";
import { closedRow, contentToken, type FileColumns, openRow, openTargets } from "./file-rows.ts";
import { isSettled } from "./file-settled.ts";
import { FILE_STATE } from "./file-states.ts";
import { type DamagedFileRow, damagedFile } from "./file-walk.ts";

/** Opened at once: two milliseconds. */
const PAGE_ROWS = 200;
/** Where `FileColumns` has it. */
const IDENTITY_TOKEN = 12;

export interface FileReaderOptions {
  readonly store: GroupCommit;
  /** Called for a row that does not open. */
  readonly onDamaged: (row: DamagedFileRow) => void;
  /** Whether the store has ended while rows were read. */
  readonly isHalted: () => boolean;
}

type DecidedRow = [
  ...[decidedAtMs: bigint, id: bigint, state: bigint],
  ...[waitEpoch: bigint | null, waitSeq: bigint | null, targets: Uint8Array | null],
];

export class FileReader {
  readonly #options: FileReaderOptions;

  constructor(options: FileReaderOptions) {
    this.#options = options;
  }

  /** A row as whoever asks gets it. */
  row(columns: FileColumns): ClaimRow {
    return this.sound(columns) ?? closedRow(columns);
  }

  /** The same, or `undefined` if it is damaged. */
  sound(columns: FileColumns): ClaimRow | undefined {
    const { store, onDamaged } = this.#options;
    const row = openRow(store.sealer, columns);
    if (row === undefined) onDamaged(damagedFile(columns));
    return row;
  }

  known({ channel, contentKeys, sinceMs }: FileQuestions["fileKnown"]["ask"]): boolean[] {
    const { prepared, sealer } = this.#options.store;
    return contentKeys.map((key) => {
      const token = contentToken(sealer, key);
      return prepared.fileKnown.get(channel, token, sinceMs) !== undefined;
    });
  }

  /** The row that says of this file that it was sent, if there is one (04, crash points). */
  same(channel: number, identityToken: Uint8Array): ClaimRow | undefined {
    const { fileSame } = this.#options.store.prepared;
    const row = readUnlessCorrupt(
      () => fileSame.get(channel, identityToken) as FileColumns | undefined,
    );
    return row === undefined ? undefined : this.sound(row);
  }

  /** Rows that are not moved, oldest first. */
  open(channel: number): Promise<OpenClaim[]> {
    return this.#all(channel, "fileOpen", (columns) => {
      const [row, token] = [this.row(columns), columns[IDENTITY_TOKEN]];
      return { ...row, sameAs: row.state === "claimed" ? this.same(channel, token) : undefined };
    });
  }

  /** Rows of files that were left where they were, oldest first. */
  left(channel: number): Promise<ClaimRow[]> {
    return this.#all(channel, "fileLeft", (columns) => this.row(columns));
  }

  async #all<T>(
    channel: number,
    which: "fileOpen" | "fileLeft",
    from: (columns: FileColumns) => T,
  ): Promise<T[]> {
    const statement = this.#options.store.prepared[which];
    const found: T[] = [];
    for (let after = 0; ; ) {
      const page = statement.all(channel, after, PAGE_ROWS) as FileColumns[];
      for (const columns of page) found.push(from(columns));
      if (page.length < PAGE_ROWS) return found;
      after = page.at(-1)?.[0] ?? after;
      await this.#turn();
    }
  }

  movedSince({ channel, sinceMs }: FileQuestions["fileMovedSince"]["ask"]): ClaimRow[] {
    const { fileMovedSince } = this.#options.store.prepared;
    const rows = fileMovedSince.all(channel, sinceMs, MOVED_FILES_MAX_COUNT) as FileColumns[];
    return rows.map((columns) => this.row(columns));
  }

  list({ channel, beforeId, count }: FileQuestions["fileList"]["ask"]): ClaimRow[] {
    const { fileList } = this.#options.store.prepared;
    const before = beforeId === 0 ? Number.MAX_SAFE_INTEGER : beforeId;
    const rows = fileList.all(channel, before, count) as FileColumns[];
    return rows.map((columns) => this.row(columns));
  }

  /** @throws {AgentError} `STORE_BODY_DAMAGED` where targets of a file that has to stay cannot be read */
  async kept({ channel, beforeMs }: FileQuestions["fileKept"]["ask"]): Promise<Uint8Array[]> {
    const { fileDecided } = this.#options.store.prepared;
    const found: Uint8Array[] = [];
    for (let after: readonly [number, number] = [Number.MIN_SAFE_INTEGER, 0]; ; ) {
      const page = fileDecided.all(channel, beforeMs, ...after, PAGE_ROWS) as DecidedRow[];
      for (const row of page) found.push(...this.#targetsToKeep(channel, row));
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return found;
      after = [Number(last[0]), Number(last[1])];
      await this.#turn();
    }
  }

  #targetsToKeep(channel: number, row: DecidedRow): readonly Uint8Array[] {
    const { store } = this.#options;
    const [, number, state, epoch, seq, sealed] = row;
    if (sealed === null) return [];
    const id = Number(number);
    const isDone =
      Number(state) === FILE_STATE.moved &&
      (epoch === null || seq === null || isSettled(store, channel, { epoch, seq })) &&
      store.prepared.fileBlockOf.get(id) === undefined;
    if (isDone) return [];
    const targets = openTargets(store.sealer, { id, channel }, sealed);
    if (targets === undefined) throw new AgentError("STORE_BODY_DAMAGED", { id });
    return targets;
  }

  async #turn(): Promise<void> {
    await turn();
    if (this.#options.isHalted()) throw new AgentError("STORE_BUSY", { closing: true });
  }
}
