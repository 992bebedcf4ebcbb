/** What the writer answers to questions, between commits. @module */
import { AgentError } from "../../errors.ts";
import { systemClock } from "../../host/clock.ts";
import { SEARCH_SLICE_ROWS } from "../../limits.ts";
import { standingIn } from "../epochs/channel-tails.ts";
import { chainAt } from "../epochs/epoch-chains.ts";
import { lostThrough } from "../epochs/missing.ts";
import type { Reissue } from "../epochs/reissue.ts";
import type { SkipDamaged } from "../epochs/skip-damaged.ts";
import { type FileAnswerParts, fileAnswers } from "../files/file-answers.ts";
import type { Database } from "../format/database.ts";
import { hourAnswers } from "../hours/hour-answers.ts";
import { inboxAnswers } from "../inbox/inbox-answers.ts";
import type { InboxStore } from "../inbox/inbox-store.ts";
import { listQuarantine, quarantineBytes, quarantined } from "../quarantine-reader.ts";
import {
  type ReadRange,
  type ReadResult,
  readRange,
  readSlices,
  type StoredMessage,
  searchSlice,
} from "../reader.ts";
import type { Space } from "../space/space.ts";
import { standing } from "../standing.ts";
import { type SupportAnswerParts, supportAnswers } from "../support/support-answers.ts";
import { type TrustAnswerParts, trustAnswers } from "../trust/trust-answers.ts";
import { epochAnswers } from "./epoch-answers.ts";
import type { GroupCommit } from "./group-commit.ts";
import { serveChannels } from "./served-channels.ts";
import { type UpkeepParts, upkeepAnswers } from "./upkeep-answers.ts";
import type { QuestionName, Questions, Released } from "./writer-messages.ts";

export type Answers = {
  [Name in QuestionName]: (
    ask: Questions[Name]["ask"],
  ) => Questions[Name]["answer"] | Promise<Questions[Name]["answer"]>;
};

export interface AnswerParts extends FileAnswerParts, TrustAnswerParts, SupportAnswerParts {
  readonly store: GroupCommit;
  readonly database: Database;
  readonly space: Space;
  /** The backlog changed outside of a group. */
  readonly tellBacklogs: () => void;
  /** Writes what is lazy and closes the file; nothing is answered afterwards. */
  readonly close: () => void;
  readonly upkeep: Omit<UpkeepParts, "store" | "database">;
  readonly reissue: Reissue;
  readonly inbox: InboxStore;
  readonly skipping: SkipDamaged;
}

export function answers(parts: AnswerParts): Answers {
  const { store, database, space, tellBacklogs, close, upkeep, reissue, skipping } = parts;
  return {
    ...epochAnswers({ store, reissue, skipping, wake: upkeep.wake }),
    ...upkeepAnswers({ store, database, ...upkeep }),
    ...inboxAnswers({ store, inbox: parts.inbox }),
    ...fileAnswers(parts),
    ...trustAnswers(parts),
    ...supportAnswers(parts),
    ...hourAnswers(parts),
    read: (range) => {
      space.reading(range);
      const lastSeq = standingIn(store.tails.get(range.channel), range.epoch)?.lastSeq;
      const found = cutAtLost(store, range, readRange(store.readParts, range, lastSeq));
      const { damagedSeq } = found;
      if (damagedSeq === undefined) return found;
      const { channel, epoch } = range;
      store.disowned.add(channel, epoch, damagedSeq);
      return { ...found, lostThrough: lostThrough(store.prepared, channel, epoch, damagedSeq) };
    },
    slices: ({ upload, from, maxBytes }) => readSlices(store.readParts, upload, from, maxBytes),
    chainAt: ({ channel, epoch, seq }) => chainAt(store.readParts, channel, epoch, seq),
    search: ({ controlId, beforeId }) =>
      searchSlice(store.readParts, controlId, beforeId, SEARCH_SLICE_ROWS),
    standing: () => standing(store, database, space),
    serve: ({ channels, downstream }) => {
      serveChannels(store, channels);
      parts.inbox.serve(downstream);
      space.serve(channels);
      tellBacklogs();
      return [...store.tails.values()];
    },
    diskLow: ({ low }) => {
      space.diskIs(low);
      return undefined;
    },
    quarantineList: ({ beforeId, count }) => listQuarantine(store.readParts, beforeId, count),
    quarantineRead: ({ id, from, maxBytes }) => {
      const block = quarantined(store.readParts, id);
      if (block === undefined) return undefined;
      return { ...block, bytes: quarantineBytes(store.readParts, block, from, maxBytes) };
    },
    quarantineRelease: ({ id, nowMs }) => {
      const released = releaseQuarantined(store, id, nowMs);
      tellBacklogs();
      return released;
    },
    quarantineDiscard: ({ ids }) => store.discard(ids),
    probe: () => {
      // Progress has room where messages have none.
      store.budget.refuseIfFull();
      // Touches one row in one flushed transaction: whether the store can commit.
      const result = store.commit([]);
      if (!result.committed) throw result.error;
      store.inTransaction(() => store.prepared.identityTouch.run(systemClock.nowMs()));
      return undefined;
    },
    close: () => {
      close();
      return undefined;
    },
  };
}

/** A body in slices is not read here: where it was given up, what is read ends before it. */
function cutAtLost({ prepared }: GroupCommit, range: ReadRange, found: ReadResult): ReadResult {
  const { channel, epoch } = range;
  const isLost = ({ body, seq }: StoredMessage): boolean =>
    body === undefined && lostThrough(prepared, channel, epoch, seq) !== undefined;
  const at = found.messages.findIndex(isLost);
  if (at === -1) return found;
  return { messages: found.messages.slice(0, at), damagedSeq: found.messages[at]?.seq };
}

/** @throws {AgentError} `QUARANTINE_NOT_WHOLE` */
function releaseQuarantined(store: GroupCommit, id: number, nowMs: number): Released | undefined {
  const block = quarantined(store.readParts, id);
  if (block === undefined) return undefined;
  const { row } = block;
  if (!row.whole) throw new AgentError("QUARANTINE_NOT_WHOLE", { id });
  const body = quarantineBytes(store.readParts, block, 0, row.upload === 0 ? row.length : 0);
  const made = store.release(row, body, nowMs);
  return made === undefined ? undefined : { channel: row.channel, id: made.id, seq: made.seq };
}
