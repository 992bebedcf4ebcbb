/** Heads of audits (08 6), inside the writer's transaction. @module */
import { PAGE_MAX_COUNT } from "../../limits.ts";
import type { AddHeadCall, AddHeadResult, HeadMarks, HeadRecord, Heads } from "../heads.ts";
import { highestMarks } from "../highest-marks.ts";
import type { Operations, Request } from "./calls.ts";
import type { Prepared } from "./prepared.ts";

type HeadRequest = Extract<Request, { name: keyof Heads }>;

export function isOfHeads(request: Request): request is HeadRequest {
  return request.name === "addHead" || request.name === "headsAfter";
}

export function answer(
  sql: Prepared,
  { name, ask }: HeadRequest,
): Operations[keyof Heads]["answer"] {
  return name === "addHead" ? addHead(sql, ask.call) : headsAfter(sql, ask.call);
}

function addHead({ heads }: Prepared, call: AddHeadCall): AddHeadResult {
  const { agent, deviceKeyHex, digest, counter, auditSeq, auditHead, generation } = call;
  const row = heads.topHead.get(agent, deviceKeyHex);
  const before: HeadMarks | null =
    row === undefined
      ? null
      : {
          ...{ counter: Number(row[0]), auditSeq: Number(row[1]), auditHead: row[2] },
          generation: Number(row[3]),
        };
  if (heads.findHead.get(agent, digest) !== undefined) return { kind: "ok", known: true, before };
  const top = highestMarks(call, before);
  heads.addHead.run(
    ...([agent, deviceKeyHex, digest, counter, auditSeq, auditHead, generation] as const),
    ...([top.counter, top.auditSeq, top.auditHead, top.generation] as const),
    ...([call.atMs, call.envelope] as const),
  );
  return { kind: "ok", known: false, before };
}

function headsAfter(
  { heads }: Prepared,
  { agent, id }: { readonly agent: number; readonly id: number },
): readonly HeadRecord[] {
  return heads.headsAfter
    .all(agent, id, PAGE_MAX_COUNT)
    .map(([number, key, counter, auditSeq, auditHead, generation, atMs, envelope]) => ({
      ...{ id: Number(number), isVerified: key !== "", counter: Number(counter) },
      ...{ auditSeq: Number(auditSeq), auditHead, generation: Number(generation) },
      ...{ receivedAtMs: Number(atMs), envelope },
    }));
}
