/** What the writer answers to questions about dropped files. @module */
import type { FileQuestions } from "./file-messages.ts";
import type { FileStore } from "./file-store.ts";

type FileAnswers = {
  [Name in keyof FileQuestions]: (
    ask: FileQuestions[Name]["ask"],
  ) => FileQuestions[Name]["answer"] | Promise<FileQuestions[Name]["answer"]>;
};

export interface FileAnswerParts {
  readonly files: FileStore;
}

export const fileAnswers = ({ files }: FileAnswerParts): FileAnswers => ({
  fileClaim: (ask) => files.claim(ask),
  fileChange: (change) => files.change(change),
  fileAttempt: (ask) => files.attempt(ask),
  fileKnown: (ask) => files.reader.known(ask),
  fileOpen: ({ channel }) => files.reader.open(channel),
  fileLeft: ({ channel }) => files.reader.left(channel),
  fileMovedSince: (ask) => files.reader.movedSince(ask),
  fileKept: (ask) => files.reader.kept(ask),
  fileList: (ask) => files.reader.list(ask),
});
