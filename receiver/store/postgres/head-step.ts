/** Heads of audits (08 6). @module */
import { PAGE_MAX_COUNT } from "../../limits.ts";
import type { AddHeadCall, AddHeadResult, HeadMarks, Heads } from "../heads.ts";
import { highestMarks } from "../highest-marks.ts";
import type { Questions } from "./questions.ts";
import type { Asking } from "./registry-step.ts";

type TopRow = [id: string, counter: string, auditSeq: string, auditHead: string, string];
type HeadRow = [
  ...[id: string, deviceKey: string, counter: string, auditSeq: string, auditHead: string],
  ...[generation: string, receivedMs: string, envelope: string],
];

export function headsOver(questions: Questions, { read, write }: Asking): Heads {
  return {
    addHead: (call) => write(() => addHead(questions, call)),
    headsAfter: ({ agent, id }) =>
      read(async () => {
        const rows = await questions.rows<HeadRow>("headsAfter", [agent, id, PAGE_MAX_COUNT]);
        return rows.map(([number, key, counter, auditSeq, auditHead, generation, atMs, text]) => ({
          ...{ id: Number(number), isVerified: key !== "", counter: Number(counter) },
          ...{ auditSeq: Number(auditSeq), auditHead, generation: Number(generation) },
          ...{ receivedAtMs: Number(atMs), envelope: text },
        }));
      }),
  };
}

/** One agent's heads come from one node at a time, as a rule: another try is rare. */
async function addHead(questions: Questions, call: AddHeadCall): Promise<AddHeadResult> {
  const { agent, deviceKeyHex, digest, counter, auditSeq, auditHead, generation } = call;
  for (;;) {
    const [row] = await questions.rows<TopRow>("topHead", [agent, deviceKeyHex]);
    const before = row === undefined ? null : marksOf(row);
    const [known] = await questions.rows("findHead", [agent, digest]);
    if (known !== undefined) return { kind: "ok", known: true, before };
    const top = highestMarks(call, before);
    const added = await questions.rows("addHead", [
      ...[agent, deviceKeyHex, digest, counter, auditSeq, auditHead, generation],
      ...[top.counter, top.auditSeq, top.auditHead, top.generation],
      ...[call.atMs, call.envelope, row?.[0] ?? "0"],
    ]);
    if (added.length === 1) return { kind: "ok", known: false, before };
  }
}

const marksOf = ([, counter, auditSeq, auditHead, generation]: TopRow): HeadMarks => ({
  ...{ counter: Number(counter), auditSeq: Number(auditSeq), auditHead },
  generation: Number(generation),
});
