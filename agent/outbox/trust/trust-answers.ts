/** What the writer answers to questions about trust state. @module */
import type { TrustQuestions } from "./trust-messages.ts";
import type { TrustRows } from "./trust-rows.ts";

type TrustAnswers = {
  [Name in keyof TrustQuestions]: (
    ask: TrustQuestions[Name]["ask"],
  ) => TrustQuestions[Name]["answer"];
};

export interface TrustAnswerParts {
  readonly trust: TrustRows;
}

export const trustAnswers = ({ trust }: TrustAnswerParts): TrustAnswers => ({
  trustLoad: () => trust.load(),
  trustCommit: (change) => trust.commit(change),
  trustNote: (change) => trust.note(change),
  trustHasNonce: ({ nonce }) => trust.hasNonce(nonce),
  trustDocument: ({ kind, digest }) => trust.document(kind, digest),
  trustDocuments: ({ kind, limit }) => trust.documents(kind, limit),
  trustDocumentsAfter: ({ kind, digest, limit }) => trust.documentsAfter(kind, digest, limit),
  auditHead: () => trust.auditHead(),
  auditPage: ({ afterSeq, limit }) => trust.auditPage(afterSeq, limit),
  auditPrune: (cut) => trust.prune(cut),
});
