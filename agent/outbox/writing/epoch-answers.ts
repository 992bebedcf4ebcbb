/** What the writer answers to questions about the epochs of a channel. @module */
import { retainedOf } from "../epochs/epoch-chains.ts";
import type { EpochQuestions } from "../epochs/epoch-messages.ts";
import type { Reissue } from "../epochs/reissue.ts";
import type { GroupCommit } from "./group-commit.ts";

type EpochAnswers = {
  [Name in keyof EpochQuestions]: (
    ask: EpochQuestions[Name]["ask"],
  ) => EpochQuestions[Name]["answer"];
};

export interface EpochAnswerParts {
  readonly store: GroupCommit;
  readonly reissue: Reissue;
  /** Wakes a chore. */
  readonly wake: (chore: string) => void;
}

export function epochAnswers({ store, reissue, wake }: EpochAnswerParts): EpochAnswers {
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
  };
}

/** @throws {AgentError} why the store cannot */
function writeProgress(store: GroupCommit): undefined {
  const result = store.commit([]);
  if (!result.committed) throw result.error;
  return undefined;
}
