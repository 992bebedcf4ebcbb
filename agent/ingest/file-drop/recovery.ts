/**
 * Where the files of open claims are, after the agent or the worker has started: nothing else is done before
 * (04 P20, P51, and the table of crash points).
 *
 * @module
 */
import { identifierFrom } from "../../errors.ts";
import type { OpenClaim } from "./claims.ts";
import { type FileInWork, type FileToMove, NOT_TRIED, toMoveFrom } from "./in-work.ts";
import type { ServedParts } from "./parts.ts";
import { recordVanished } from "./vanished.ts";

export interface Recovered {
  readonly inWork: readonly FileInWork[];
  readonly toMove: readonly FileToMove[];
}

/** @param isSuspect of a claim: it was in hand when the process, or its worker, ended (P32) */
export async function recover(
  parts: ServedParts,
  isSuspect: (claim: string) => boolean,
): Promise<Recovered> {
  const { hand, claims, settings } = parts;
  const rows = await claims.open();
  const byRow = settings.pickup.claimBy === "row";
  const strayCount = await hand.call(
    "strays",
    rows.map(({ claim }) => claim),
  );
  sayPutBack(parts, strayCount);
  // Of a damaged row nobody knows the name: its file stays where it is until a person looks (05 S16).
  const sound = rows.filter(({ files }) => files.length > 0);
  // What has a row is not claimed once more (P19).
  if (byRow) await hand.call("left", [...(await claims.left()), ...sound]);
  const claimed = sound.filter(({ state }) => state === "claimed");
  const places = claimed.length === 0 ? [] : await hand.call("whereIs", claimed);
  const inWork: FileInWork[] = [];
  const back: OpenClaim[] = [];
  const vanished: OpenClaim[] = [];
  for (const { claim, place } of places) {
    const row = claimed.find((one) => one.claim === claim);
    if (row === undefined) continue;
    if (place === "work" || (byRow && place === "drop"))
      inWork.push(inWorkFrom(row, isSuspect(claim)));
    else if (place === "nowhere") vanished.push(row);
    else back.push(row);
  }
  if (back.length > 0) {
    await hand.call("putBack", back);
    await claims.withdraw(back.map(({ id }) => id));
  }
  await recordVanished(parts, vanished);
  const toMove = sound.filter(({ state }) => state !== "claimed").map(toMoveFrom);
  return { inWork, toMove };
}

/** P20: files in `work/` that no row knew are back in the drop folder. The store is older than it was, or somebody put them there. */
function sayPutBack({ channel, log }: ServedParts, count: number): void {
  if (count === 0) return;
  channel.record.counters.add("filesPutBack", count);
  log.write("filesPutBack", { channel: identifierFrom(channel.name), count });
}

function inWorkFrom(row: OpenClaim, suspect: boolean): FileInWork {
  const { id, claim, claimedAtMs, files, sameAs, reason: unfit } = row;
  return { ...{ id, claim, claimedAtMs, files, sameAs, unfit, suspect }, ...NOT_TRIED };
}
