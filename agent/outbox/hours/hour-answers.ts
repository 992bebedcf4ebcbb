/** What the writer answers to questions about hours. @module */
import type { GroupCommit } from "../writing/group-commit.ts";
import { compareHeld } from "./compare-held.ts";
import type { HourQuestions } from "./hour-messages.ts";
import { hourPage } from "./hour-reader.ts";
import type { HourTelling } from "./hour-telling.ts";
import { writeRepeats } from "./write-repeats.ts";

type HourAnswers = {
  [Name in keyof HourQuestions]: (ask: HourQuestions[Name]["ask"]) => HourQuestions[Name]["answer"];
};

export interface HourAnswerParts {
  readonly store: GroupCommit;
  readonly space: { readonly hours: HourTelling };
}

export const hourAnswers = ({ store, space }: HourAnswerParts): HourAnswers => ({
  hours: ({ after, toHour }) => {
    writeRepeats(store);
    return hourPage(store, after, toHour);
  },
  tellHours: ({ nowMs }) => space.hours.tell(nowMs),
  compareHeld: (held) => compareHeld(store, held),
});
