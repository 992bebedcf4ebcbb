/**
 * The store without its thread, with the face that a doorway needs: an image is opened, worked on and closed
 * within some milliseconds.
 *
 * @module
 */
import type { ChannelTail } from "#agent/outbox/epochs/channel-tails.ts";
import { fileAnswers } from "#agent/outbox/files/file-answers.ts";
import type { FileQuestions } from "#agent/outbox/files/file-messages.ts";
import { FileStore } from "#agent/outbox/files/file-store.ts";
import { Files } from "#agent/outbox/files/files.ts";
import type { Database } from "#agent/outbox/format/database.ts";
import type { Outbox } from "#agent/outbox/outbox.ts";
import { AppendBatch, type AppendEntry } from "#agent/outbox/writing/append-batch.ts";
import { outcomeOf } from "#agent/outbox/writing/append-outcome.ts";
import { GroupCommit } from "#agent/outbox/writing/group-commit.ts";
import { openStore } from "#agent/outbox/writing/open-store.ts";
import type { AppendOutcome } from "#agent/outbox/writing/ticket-queue.ts";
import type { WriteOrder } from "#agent/outbox/writing/writer-messages.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { CHANNELS } from "./plan.ts";

export class InlineStore implements Disposable {
  readonly database: Database;
  readonly files: Files;
  /** Rows of files that do not open. */
  readonly damaged: unknown[] = [];
  readonly #store: GroupCommit;
  readonly #batch = new AppendBatch();
  #ticket = 0;
  #upload: number;

  constructor(stateDir: string, nowMs: () => number) {
    const channels = CHANNELS.map((name) => ({ name }));
    const { database, sealer } = openStore(
      {
        ...{ stateDir, allowVolatileState: true, newStoreId: new Uint8Array(16), channels },
        ...{ kek: TEST_KEK, duplicateMemoryKeys: 1_000 },
      },
      { nowMs },
    );
    this.database = database;
    this.#store = new GroupCommit(database, sealer, { channels });
    this.#upload = (this.#store.prepared.uploadSequence.get() as number | undefined) ?? 0;
    const files = new FileStore({
      ...{ store: this.#store, isHalted: () => false, onRefused: () => {} },
      onDamaged: (row) => this.damaged.push(row),
    });
    const answers = fileAnswers({ files });
    const ask = async <Name extends keyof FileQuestions>(
      name: Name,
      asked: FileQuestions[Name]["ask"],
    ): Promise<FileQuestions[Name]["answer"]> => {
      // `FileQuestions` holds both types.
      const answer = answers[name] as (ask: FileQuestions[Name]["ask"]) => unknown;
      return (await answer(asked)) as FileQuestions[Name]["answer"];
    };
    this.files = new Files({
      ...{ writer: { ask }, nowMs },
      channelNamed: (name) => this.tails.find((tail) => tail.name === name)?.channel,
    });
  }

  get tails(): readonly ChannelTail[] {
    return [...this.#store.tails.values()];
  }

  /** What a doorway asks of an outbox. Every commit is over when a call returns. */
  get outbox(): Outbox {
    const nothing = (): void => {};
    const face = {
      ...{ saturated: false, stagedBytes: () => 0, backlogBytes: () => 0, isLost: () => false },
      ...{ onRoom: nothing, onSettled: nothing, replied: nothing },
      epochs: { tails: [], onEpoch: nothing },
      append: (
        entries: readonly AppendEntry[],
        _deadlineMs: number,
        settle: (outcomes: readonly AppendOutcome[]) => void,
      ) => {
        const outcomes = this.#append(entries);
        queueMicrotask(() => settle(outcomes));
      },
      newUpload: () => ++this.#upload,
      stage: (upload: number, ordinal: number, bytes: Uint8Array<ArrayBuffer>) => {
        this.#commit({ order: "stage", upload, ordinal, bytes });
      },
      unstage: (upload: number) => void this.#commit({ order: "unstage", upload }),
      probe: () => Promise.resolve(),
    };
    return face as unknown as Outbox;
  }

  #append(entries: readonly AppendEntry[]): AppendOutcome[] {
    for (const entry of entries) this.#batch.add(++this.#ticket, entry);
    this.#batch.endAppend();
    return this.#commit({ order: "append", batch: this.#batch.take() }).map((one) => {
      const flags = (one.controlIdReused ? 1 : 0) | (one.duplicate ? 2 : 0);
      return outcomeOf(one.outcome, flags, one.id, one.seq);
    });
  }

  #commit(order: WriteOrder) {
    const result = this.#store.commit([order]);
    if (!result.committed) throw result.error;
    return result.appended;
  }

  [Symbol.dispose](): void {
    this.database.close();
  }
}
