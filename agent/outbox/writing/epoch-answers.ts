/** What the writer answers to questions about the epochs of a channel. @module */
import { retainedOf } from "../epochs/epoch-chains.ts";
import type { EpochQuestions } from "../epochs/epoch-messages.ts";
import { hasGapBefore } from "../epochs/missing.ts";
import { peekAt } from "../epochs/peek.ts";
import type { Reissue } from "../epochs/reissue.ts";
import { setAsideRefused } from "../epochs/set-aside-refused.ts";
import type { SkipDamaged } from "../epochs/skip-damaged.ts";
import type { GroupCommit } from "./group-commit.ts";

type EpochAnswers = {
  [Name in keyof EpochQuestions]: (
    ask: EpochQuestions[Name]["ask"],
  ) => EpochQuestions[Name]["answer"] | Promise<EpochQuestions[Name]["answer"]>;
};

export interface EpochAnswerParts {
  readonly store: GroupCommit;
  readonly reissue: Reissue;
  readonly skipping: SkipDamaged;
  /** Wakes a chore. */
  readonly wake: (chore: string) => void;
}

export function epochAnswers({ store, reissue, skipping, wake }: EpochAnswerParts): EpochAnswers {
  return {
    part: ({ channel, epoch, sink }) => {
      // What the receiver has confirmed before is settled, and not moved.
      writeProgress(store);
      const begun = reissue.begin(channel, epoch, sink);
      if (begun) wake(reissue.name);
      return begun;
    },
    flushProgress: () => writeProgress(store),
    retained: ({ channel, epoch }) => retainedOf(store.readParts, channel, epoch),
    unreadable: ({ maxCount, ...from }) => skipping.unreadable(from, maxCount),
    peek: (asked) => peekAt(store, asked),
    skipDamaged: (range) => skipping.skip(range),
    setAsideRefused: (message) => setAsideRefused(store, message),
    hasGap: ({ channel, epoch, seq }) => hasGapBefore(store.prepared, channel, epoch, seq),
  };
}

/** @throws {AgentError} why the store cannot */
function writeProgress(store: GroupCommit): undefined {
  const result = store.commit([]);
  if (!result.committed) throw result.error;
  return undefined;
}
