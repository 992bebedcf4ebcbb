/** What support asked and what left, in the writer thread: each change is one transaction, everything sealed. @module */
import { AgentError } from "../../errors.ts";
import type { SealPlace } from "../../sealing/seal-place.ts";
import { readUnlessCorrupt, translated } from "../format/fault.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import {
  COPIES_MAX_BYTES,
  COPIES_MAX_COUNT,
  COPY_STATE,
  type CopyState,
  type SupportCopy,
  type SupportQuestions,
} from "./support-messages.ts";

export interface SupportRowsOptions {
  readonly store: GroupCommit;
  /** Called with why a change was refused, unless that halts the store. */
  readonly onRefused: (error: AgentError) => void;
}

type CopyColumns = [number, Uint8Array, number, number, number, Uint8Array | null];
type Ask<Name extends keyof SupportQuestions> = SupportQuestions[Name]["ask"];

export const headPlace = (row: number): SealPlace => ({
  column: "support_copy.head",
  channel: 0,
  row,
});

/** Two numbers in one: parts are two, slices some hundred. */
export const slicePlace = (row: number, part: number, ordinal: number): SealPlace => ({
  ...{ column: "support_slice.bytes", channel: 0, row, extra: part * 2 ** 32 + ordinal },
});

export class SupportRows {
  readonly #options: SupportRowsOptions;

  constructor(options: SupportRowsOptions) {
    this.#options = options;
  }

  begin({ nonce, atMs, head }: Ask<"supportBegin">): number {
    const { prepared } = this.#options.store;
    let id = 0;
    this.#write(() => {
      const [count, bytes] = prepared.supportTotals.get() as [number, number];
      if (count >= COPIES_MAX_COUNT || bytes >= COPIES_MAX_BYTES) {
        throw new AgentError("SUPPORT_COPIES_FULL", { count, bytes });
      }
      if (prepared.supportAt.get(nonce) !== undefined) throw new AgentError("NONCE_SEEN", {});
      id = Number(prepared.supportInsert.run(nonce, atMs, COPY_STATE.asked).lastInsertRowid);
      this.#setHead(id, COPY_STATE.asked, head);
    });
    return id;
  }

  slice({ id, part, ordinal, bytes }: Ask<"supportSlice">): undefined {
    const { prepared, sealer } = this.#options.store;
    this.#write(() => {
      const sealed = sealer.seal([bytes], slicePlace(id, part, ordinal));
      prepared.supportSliceInsert.run(id, part, ordinal, sealed);
      prepared.supportGrow.run(bytes.length, id);
    });
  }

  keep({ id, state, head }: Ask<"supportKeep">): undefined {
    this.#write(() => this.#setHead(id, state, head));
  }

  move({ id, state }: Ask<"supportMove">): undefined {
    this.#write(() => this.#options.store.prepared.supportStateSet.run(state, id));
  }

  find({ nonce }: Ask<"supportFind">): SupportCopy | undefined {
    const row = this.#options.store.prepared.supportAt.get(nonce) as CopyColumns | undefined;
    return row === undefined ? undefined : this.#copyOf(row);
  }

  list({ beforeId, limit }: Ask<"supportList">): SupportCopy[] {
    const rows = this.#options.store.prepared.supportBefore.all(beforeId, limit);
    return (rows as CopyColumns[]).map((row) => this.#copyOf(row));
  }

  owed({ limit }: Ask<"supportOwed">): SupportCopy[] {
    const rows = this.#options.store.prepared.supportOwed.all(limit) as CopyColumns[];
    return rows.map((row) => this.#copyOf(row));
  }

  /** @returns `undefined` where the part ends, and where the slice does not open */
  read({ id, part, ordinal }: Ask<"supportRead">): Uint8Array | undefined {
    const { prepared, sealer } = this.#options.store;
    const sealed = readUnlessCorrupt(() => prepared.supportSliceAt.get(id, part, ordinal));
    if (sealed === undefined) return undefined;
    const plain = sealer.open(sealed as Uint8Array, slicePlace(id, part, ordinal));
    return plain === undefined ? undefined : new Uint8Array(plain);
  }

  forget({ ids }: Ask<"supportForget">): undefined {
    const { prepared } = this.#options.store;
    this.#write(() => {
      for (const id of ids) {
        prepared.supportSliceForget.run(id);
        prepared.supportForget.run(id);
      }
    });
  }

  old({ beforeMs, limit }: Ask<"supportOld">): number[] {
    const rows = this.#options.store.prepared.supportAfter.all(0, limit) as CopyColumns[];
    // Ids rise with time; where a clock jumped, one that is younger keeps those behind it a little longer.
    const until = rows.findIndex(([, , atMs]) => atMs >= beforeMs);
    return rows.slice(0, until === -1 ? rows.length : until).map(([id]) => id);
  }

  #setHead(id: number, state: CopyState, head: string): void {
    const { prepared, sealer } = this.#options.store;
    const sealed = sealer.seal([Buffer.from(head)], headPlace(id));
    prepared.supportHeadSet.run(state, sealed, id);
  }

  #copyOf([id, nonce, atMs, state, bytes, sealed]: CopyColumns): SupportCopy {
    const { sealer } = this.#options.store;
    const head = sealed === null ? undefined : sealer.open(sealed, headPlace(id));
    return {
      ...{ id, nonce: new Uint8Array(nonce), atMs, state: state as CopyState, bytes },
      head: head?.toString("utf8"),
    };
  }

  #write(work: () => void): undefined {
    const { store, onRefused } = this.#options;
    try {
      store.inTransaction(work);
    } catch (error) {
      const fault = store.budget.refusal(translated(error), []);
      if (fault.disposition !== "halt") onRefused(fault);
      throw fault;
    }
  }
}
