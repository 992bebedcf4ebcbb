/** What of an epoch's history can still be compared and sent again (06 TP15, TP37). @module */
import { CHAIN_START } from "../format/chain.ts";
import type { ReadParts } from "../reader.ts";
import type { Retained } from "./epoch-messages.ts";

/** @returns all zero for an epoch that is not here */
export function retainedOf(
  { prepared, sealer }: Pick<ReadParts, "prepared" | "sealer">,
  channel: number,
  epoch: bigint,
): Retained {
  const row = prepared.cursorTrimmed.get(channel, epoch) as [bigint, Uint8Array | null] | undefined;
  const [trimmedSeq, sealed] = row ?? [0n, null];
  if (sealed === null) return { trimmedSeq, chain: trimmedSeq === 0n ? CHAIN_START : undefined };
  const chain = sealer.open(sealed, { column: "cursor.trimmed_chain", channel, row: epoch });
  return { trimmedSeq, chain: chain === undefined ? undefined : new Uint8Array(chain) };
}

/** @returns the chain after `seq`, or `undefined`: pruned, damaged or never here */
export function chainAt(
  parts: ReadParts,
  channel: number,
  epoch: bigint,
  seq: bigint,
): Uint8Array | undefined {
  const row = parts.prepared.messageAt.get(channel, epoch, seq) as [bigint, bigint] | undefined;
  const chain =
    row === undefined
      ? undefined
      : parts.records.read({ channel, epoch, seq, segment: Number(row[0]), at: Number(row[1]) })
          ?.chain;
  if (chain !== undefined) return new Uint8Array(chain);
  const { trimmedSeq, chain: trimmedChain } = retainedOf(parts, channel, epoch);
  return seq === trimmedSeq && seq > 0n ? trimmedChain : undefined;
}
