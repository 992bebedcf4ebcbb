/** What the writer answers to questions about what support asked. @module */
import type { SupportQuestions } from "./support-messages.ts";
import type { SupportRows } from "./support-rows.ts";

type SupportAnswers = {
  [Name in keyof SupportQuestions]: (
    ask: SupportQuestions[Name]["ask"],
  ) => SupportQuestions[Name]["answer"];
};

export interface SupportAnswerParts {
  readonly support: SupportRows;
}

export const supportAnswers = ({ support }: SupportAnswerParts): SupportAnswers => ({
  supportBegin: (ask) => support.begin(ask),
  supportSlice: (ask) => support.slice(ask),
  supportKeep: (ask) => support.keep(ask),
  supportMove: (ask) => support.move(ask),
  supportFind: (ask) => support.find(ask),
  supportList: (ask) => support.list(ask),
  supportOwed: (ask) => support.owed(ask),
  supportRead: (ask) => support.read(ask),
  supportForget: (ask) => support.forget(ask),
  supportOld: (ask) => support.old(ask),
});
