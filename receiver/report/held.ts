/** The pages of what is told and held, one after the other, as one sequence. @module */
import type {
  ChannelWay,
  HeldMessage,
  HourLedger,
  ToldCount,
  ToldHours,
  ToldRow,
  UncoveredMessage,
} from "../store/hours.ts";

export async function* allStretches(hours: HourLedger, of: ToldHours): AsyncGenerator<ToldRow> {
  for (let after: ToldRow | null = null; ; ) {
    const page: readonly ToldRow[] = await hours.toldStretches({ ...of, after });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last;
  }
}

export async function* allCounts(hours: HourLedger, of: ToldHours): AsyncGenerator<ToldCount> {
  for (let after: ToldCount | null = null; ; ) {
    const page: readonly ToldCount[] = await hours.toldCounts({ ...of, after });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last;
  }
}

export async function* allHeld(
  hours: HourLedger,
  of: ChannelWay & { readonly epoch: bigint },
  { first, last }: { readonly first: bigint; readonly last: bigint },
): AsyncGenerator<HeldMessage> {
  for (let after = first - 1n; after < last; ) {
    const page = await hours.heldRows({ ...of, after, through: last });
    yield* page;
    const end = page.at(-1);
    if (end === undefined) return;
    after = end.seq;
  }
}

export async function* allBehind(
  hours: HourLedger,
  of: ChannelWay & { readonly epoch: bigint },
  from: bigint,
): AsyncGenerator<UncoveredMessage> {
  for (let after = from; ; ) {
    const page = await hours.heldBehind({ ...of, after });
    yield* page;
    const end = page.at(-1);
    if (end === undefined) return;
    after = end.seq;
  }
}
