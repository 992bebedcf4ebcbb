/** What the writer answers to questions about the inbox. @module */

import type { GroupCommit } from "../writing/group-commit.ts";
import type { InboxQuestions } from "./inbox-messages.ts";
import { InboxReader } from "./inbox-reader.ts";
import { searchInbox } from "./inbox-search.ts";
import type { InboxStore } from "./inbox-store.ts";

type InboxAnswers = {
  [Name in keyof InboxQuestions]: (
    ask: InboxQuestions[Name]["ask"],
  ) => InboxQuestions[Name]["answer"] | Promise<InboxQuestions[Name]["answer"]>;
};

export interface InboxAnswerParts {
  readonly store: GroupCommit;
  readonly inbox: InboxStore;
}

export function inboxAnswers({ store, inbox }: InboxAnswerParts): InboxAnswers {
  const reader = new InboxReader(store);
  return {
    inbox: (calls) => inbox.write(calls),
    inboxNext: (channel) => reader.next(channel),
    inboxHead: (id) => reader.head(id),
    inboxBody: ({ id, from, maxBytes }) => reader.body(id, from, maxBytes),
    inboxAwaiting: (channel) => reader.awaiting(channel),
    inboxHeld: (channel) => reader.held(channel),
    inboxStanding: () => reader.standing(),
    inboxAside: ({ beforeId, count }) => reader.aside(beforeId, count),
    inboxSearch: ({ controlId, beforeId }) => searchInbox(store, controlId, beforeId),
    inboxGaps: ({ afterId, count }) => reader.gaps(afterId, count),
  };
}
