/**
 * Both sides of each hour (03 D4): what an agent told, against the messages that are stored here, looked at anew each
 * time. An hour is `equal` only if every number is here, and the chain over the digests is the agent's (TP15).
 *
 * @module
 */
import { hourOf } from "#reconcile/hours.ts";
import { type ComparedLine, type LineKey, lineKeyOf, lineOrder } from "#reconcile/lines.ts";
import { StretchCheck, type StretchResult } from "#reconcile/stretch-check.ts";
import type { ToldHours, ToldRow, ToldStanding } from "../store/hours.ts";
import type { AgentRecord } from "../store/store.ts";
import type { WholeStore } from "../store/whole-store.ts";
import { controlIdAt } from "./control-id.ts";
import { allBehind, allCounts, allHeld, allStretches } from "./held.ts";
import { HourSums } from "./hour-sums.ts";
import { gapAt, isToCome, type Way, wayKey, waysOf } from "./ways.ts";

export interface ReportCall {
  readonly fromHour: number;
  /** Exclusive. */
  readonly toHour: number;
  /** Null: all. */
  readonly channel: string | null;
}

export interface AgentReport {
  readonly agent: string;
  /** Null: it has told nothing yet. */
  readonly told: ToldStanding | null;
  /** By hour, direction and channel. */
  readonly lines: readonly ComparedLine[];
}

/** @throws {ReceiverError} `STORE_UNREACHABLE`, or what ended the store */
export async function reportOf(
  store: WholeStore,
  agent: AgentRecord,
  call: ReportCall,
): Promise<AgentReport> {
  // First: what comes meanwhile is on its way, not missing.
  const told = await store.hours.toldStanding(agent.id);
  const report = new Reporting(store, agent, call);
  await report.told(await waysOf(store, agent.id, call.channel));
  await report.uncovered(await waysOf(store, agent.id, call.channel));
  return { agent: report.name, told, lines: report.lines() };
}

class Reporting {
  readonly name: string;
  readonly #store: WholeStore;
  readonly #hours: ToldHours;
  readonly #only: string | null;
  readonly #sums = new Map<string, { readonly key: LineKey; readonly sums: HourSums }>();

  constructor(store: WholeStore, agent: AgentRecord, call: ReportCall) {
    this.name = `${agent.tenant}/${agent.name}`;
    this.#store = store;
    this.#hours = { agent: agent.id, fromHour: call.fromHour, toHour: call.toHour };
    this.#only = call.channel;
  }

  lines(): ComparedLine[] {
    const all = [...this.#sums.values()].sort((a, b) => lineOrder(a.key, b.key));
    return all.map(({ sums }) => sums.line());
  }

  /** What the agent told of these hours. */
  async told(ways: ReadonlyMap<string, Way>): Promise<void> {
    const { hours } = this.#store;
    for await (const counted of allCounts(hours, this.#hours)) {
      const { channel, hour } = counted;
      if (this.#isAsked(channel)) this.#of({ direction: "up", channel, hour }).count(counted);
    }
    for await (const stretch of allStretches(hours, this.#hours)) {
      if (this.#isAsked(stretch.channel)) await this.#stretch(stretch, ways.get(wayKey(stretch)));
    }
  }

  async #stretch(told: ToldRow, way: Way | undefined): Promise<void> {
    const { agent } = this.#hours;
    const { direction, channel, epoch, first, expected } = told;
    const sums = this.#of(told);
    const check = new StretchCheck(told);
    const of = { agent, direction, channel, epoch };
    for await (const row of allHeld(this.#store.hours, of, { first, last: expected })) {
      check.take(row);
      sums.fate(row.fate);
    }
    const result = check.end();
    sums.stretch(told, result);
    this.#missing(told, result, way, sums);
  }

  #missing(told: ToldRow, { missing }: StretchResult, way: Way | undefined, sums: HourSums): void {
    const { epoch, direction } = told;
    for (const range of missing) {
      for (let seq = range.first; seq <= range.last; seq += 1n) {
        // Nothing can be on its way from here that is not here.
        if (direction === "up" && isToCome(way, epoch, seq)) {
          sums.note("arriving");
          break;
        }
        if (!sums.hasRoom) {
          sums.differsBeyond(Number(range.last - seq + 1n));
          break;
        }
        const gap = gapAt(way, epoch, seq)?.kind;
        sums.differs({
          ...{ epoch: String(epoch), seq: String(seq), agent: "has", receiver: "lacks" },
          ...{ controlId: null, ...(gap === undefined ? {} : { gap }) },
        });
      }
    }
  }

  /** What is stored here and the agent told nothing of. */
  async uncovered(ways: ReadonlyMap<string, Way>): Promise<void> {
    for (const way of ways.values()) {
      const epochs = await this.#store.hours.toldEpochs(way);
      const lastOf = new Map(epochs.map(({ epoch, last }) => [epoch, last]));
      // Of what came before it began to count nobody can say more.
      let epoch: bigint | null = epochs[0]?.epoch ?? (await this.#firstEpoch(way));
      while (epoch !== null) {
        await this.#behind(way, epoch, lastOf.get(epoch) ?? 0n);
        epoch = await this.#store.hours.heldEpoch({ ...way, epoch });
      }
    }
  }

  #firstEpoch(way: Way): Promise<bigint | null> {
    return this.#store.hours.heldEpoch({ ...way, epoch: -1n });
  }

  async #behind(way: Way, epoch: bigint, last: bigint): Promise<void> {
    const beyond: { readonly seq: bigint; readonly sums: HourSums }[] = [];
    for await (const { seq, atMs, isSettled } of allBehind(
      this.#store.hours,
      { ...way, epoch },
      last,
    )) {
      const hour = hourOf(atMs);
      const { fromHour, toHour } = this.#hours;
      if (hour < fromHour || hour >= toHour) continue;
      const sums = this.#of({ direction: way.direction, channel: way.channel, hour });
      if (way.direction === "down" && !isSettled) sums.note("arriving", 1);
      else if (way.direction === "up" && isToCome(way, epoch, seq)) beyond.push({ seq, sums });
      else sums.note("untold", 1);
    }
    if (beyond.length > 0) await this.#beyond(way, epoch, beyond);
  }

  /** Numbers that the channel had not come to: it has meanwhile, or nobody has sent them. */
  async #beyond(
    { channel }: Way,
    epoch: bigint,
    rows: readonly { readonly seq: bigint; readonly sums: HourSums }[],
  ): Promise<void> {
    const { agent } = this.#hours;
    const way = (await waysOf(this.#store, agent, channel)).get(`up/${channel}`);
    for (const { seq, sums } of rows) {
      if (!isToCome(way, epoch, seq)) sums.note("untold", 1);
      else if (!sums.hasRoom) sums.differsBeyond(1);
      else {
        const controlId = await controlIdAt(this.#store, { agent, channel, epoch, seq });
        const place = { epoch: String(epoch), seq: String(seq) };
        sums.differs({ ...place, agent: "lacks", receiver: "has", controlId });
      }
    }
  }

  #isAsked(channel: string): boolean {
    return this.#only === null || channel === this.#only;
  }

  #of({ direction, channel, hour }: LineKey): HourSums {
    const key = { direction, channel, hour };
    const known = this.#sums.get(lineKeyOf(key));
    if (known !== undefined) return known.sums;
    const sums = new HourSums(this.name, key);
    this.#sums.set(lineKeyOf(key), { key, sums });
    return sums;
  }
}
