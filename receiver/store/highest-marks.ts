/** Which marks of an agent stand when another head has come. @module */
import type { HeadMarks } from "./heads.ts";

/** The highest of each. The first head of an audit entry that came says what that entry is. */
export function highestMarks(head: HeadMarks, before: HeadMarks | null): HeadMarks {
  if (before === null) return head;
  return {
    counter: Math.max(head.counter, before.counter),
    ...(head.auditSeq > before.auditSeq
      ? { auditSeq: head.auditSeq, auditHead: head.auditHead }
      : { auditSeq: before.auditSeq, auditHead: before.auditHead }),
    generation: Math.max(head.generation, before.generation),
  };
}
