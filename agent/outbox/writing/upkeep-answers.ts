/** What the writer does when a person looks after the store: backup, replay, new keys. @module */
import { setImmediate as turn } from "node:timers/promises";
import { AgentError, codeOf } from "../../errors.ts";
import { readKek } from "../../sealing/kek-file.ts";
import type { KeyRing } from "../../sealing/key-ring.ts";
import { rotateKek } from "../../sealing/rotate-kek.ts";
import { resealSecrets } from "../../sealing/sealed-secret.ts";
import { isFileSound } from "../files/file-walk.ts";
import type { Database } from "../format/database.ts";
import { toPlain } from "../format/fault.ts";
import { RecordReader } from "../format/record-reader.ts";
import {
  type DamagedRow,
  isQuarantineSound,
  isSound,
  messageRow,
  type RowColumns,
} from "../format/row-walk.ts";
import { isInboxSound } from "../inbox/inbox-walk.ts";
import { copyStore } from "../upkeep/copy-store.ts";
import type { Replay } from "../upkeep/replay.ts";
import type { NewKek, UpkeepQuestions } from "../upkeep/upkeep-questions.ts";
import type { GroupCommit } from "./group-commit.ts";

export interface UpkeepParts {
  readonly store: GroupCommit;
  readonly database: Database;
  readonly keys: KeyRing;
  /** The folder of the key files. */
  readonly keysFolder: string;
  readonly copying: Copying;
  readonly replay: Replay;
  readonly isBusy: () => boolean;
  /** The store is closed, or can do no more. */
  readonly isHalted: () => boolean;
  /** Wakes a chore. */
  readonly wake: (chore: string) => void;
}

/** Whether a copy is being made: the thread then comes back to its event loop after each group. */
export interface Copying {
  count: number;
}

type UpkeepAnswers = {
  [Name in keyof UpkeepQuestions]: (
    ask: UpkeepQuestions[Name]["ask"],
  ) => UpkeepQuestions[Name]["answer"] | Promise<UpkeepQuestions[Name]["answer"]>;
};

export function upkeepAnswers(parts: UpkeepParts): UpkeepAnswers {
  const { store, database, keys, keysFolder, copying, replay, isBusy, isHalted, wake } = parts;
  return {
    copy: async ({ file }) => {
      copying.count += 1;
      try {
        return await copyStore({ database, file, keys: keysFolder, isBusy });
      } finally {
        copying.count -= 1;
      }
    },
    isAnySound: async (rows) => {
      for (const row of rows) if (await isSoundHere(store, row)) return true;
      return false;
    },
    replay: (request) => {
      const done = replay.run(request);
      wake(replay.name);
      return done;
    },
    rekey: async (next) => {
      try {
        for (const _ of rekeying(keys, next)) {
          await turn();
          // Another agent may open the keys now: the old KEK must stay for it.
          if (isHalted()) throw new AgentError("STORE_BUSY", { closing: true });
        }
        return undefined;
      } catch (error) {
        return toPlain(notReplaced(error));
      }
    },
  };
}

/** The store's keys last: whatever is sealed under the old KEK is gone before that is. */
function rekeying(keys: KeyRing, next: NewKek): Iterable<void> {
  const { secrets } = next;
  function* rewrap(kek: Uint8Array, previous: Uint8Array | undefined): Generator<void> {
    if (secrets !== undefined) {
      yield* resealSecrets(
        secrets,
        previous === undefined ? { current: kek } : { current: kek, previous },
      );
    }
    yield* keys.rewrap(kek);
  }
  if ("kek" in next) return rewrap(next.kek, next.previous);
  const { file, opened } = next;
  return rotateKek(file, (kek) => rewrap(kek, opened?.current ?? readKek(file)), opened?.next);
}

/** In pieces: a damaged body may be a large one. */
async function isSoundHere(store: GroupCommit, row: DamagedRow): Promise<boolean> {
  const { prepared, sealer } = store;
  const reading = { prepared, sealer, records: new RecordReader(prepared, sealer) };
  let check: Generator<number, boolean>;
  if (row.kind === "file") return isFileSound(reading, row.id);
  if (row.kind === "quarantine") check = isQuarantineSound(reading, row.id);
  else if (row.kind === "inbox") check = isInboxSound(reading, row.id);
  else {
    const [columns] = prepared.messageWalk.all(row.id - 1, 1) as RowColumns[];
    if (columns === undefined || Number(columns[0]) !== row.id) return false;
    check = isSound(reading, messageRow(columns));
  }
  for (;;) {
    const piece = check.next();
    if (piece.done === true) return piece.value;
    await turn();
  }
}

const notReplaced = (cause: unknown): AgentError =>
  cause instanceof AgentError
    ? cause
    : new AgentError("KEK_NOT_REPLACED", { sysCode: codeOf(cause) }, { cause });
