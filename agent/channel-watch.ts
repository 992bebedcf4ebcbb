/**
 * Looks at every channel again and again, for what no part reports by itself: messages that wait too long, senders that
 * have fallen silent, many refusals (08 PL10). And at what waits for a person, or for the SIEM.
 *
 * @module
 */
import { identifierFrom } from "./errors.ts";
import type { Conditions } from "./health/conditions.ts";
import { RefusalShare } from "./health/refusal-share.ts";
import { SilenceSchedule } from "./health/silence-schedule.ts";
import { look, type SilenceState, watchedFrom } from "./health/usual-silence.ts";
import type { Clock, Timer } from "./host/clock.ts";

/** What is looked at. */
export interface WatchedChannel {
  readonly name: string;
  /** Since some beginning. */
  readonly received: number;
  readonly repliesNegative: number;
  readonly repliesPositive: number;
}

export interface WaitingChannel {
  readonly name: string;
  readonly count: bigint;
  readonly oldestWaitingAtMs: number | undefined;
}

export interface ChannelWatchOptions {
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly outboxAgeAlarmMs: number;
  readonly silenceFactor: number;
  /** What a clock on the hospital's wall shows: 0, Monday from midnight, to 167. */
  readonly hourOfWeekAt: (atMs: number) => number;
  /** Those that take messages now. */
  readonly channels: () => readonly WatchedChannel[];
  /** Every channel of the store with what waits in it; our own left out. @throws {AgentError} `STORE_*` */
  readonly waiting: () => Promise<readonly WaitingChannel[]>;
  /** Since when the SIEM owes us nothing, ms since 1970; `undefined`: nothing waits for it. */
  readonly siemWaitsSinceMs: () => Promise<number | undefined>;
  /** The first characters of the digest that waits to be approved. */
  readonly waitsForApproval: () => string | undefined;
  /** What was learned in former runs. */
  readonly schedules: ReadonlyMap<string, Uint8Array>;
  readonly saveSchedule: (channel: string, bytes: Uint8Array) => Promise<void>;
  /** Channels of which a former run has said that they are silent. */
  readonly silent: ReadonlySet<string>;
}

export const LOOK_MS = 15_000;
const AUDIT_SPOOL_ALARM_MS = 3_600_000;

interface Sight {
  silence: SilenceState | undefined;
  readonly schedule: SilenceSchedule;
  readonly refusals: RefusalShare;
}

export class ChannelWatch implements AsyncDisposable {
  readonly #options: ChannelWatchOptions;
  readonly #sights = new Map<string, Sight>();
  readonly #aged = new Set<string>();
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: ChannelWatchOptions) {
    this.#options = options;
    this.#arm();
  }

  /** What is open stays open: the next run finds it again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer?.[Symbol.dispose]();
    await this.#looking;
  }

  /** One look, and none beside it. Faults of the store are conditions of their own. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look()).catch(() => {});
    return this.#looking;
  }

  #arm(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.after(
      LOOK_MS,
      () => void this.look().then(() => this.#arm()),
    );
  }

  async #look(): Promise<void> {
    const channels = this.#options.channels();
    const names = new Set(channels.map(({ name }) => name));
    for (const name of this.#sights.keys()) if (!names.has(name)) this.#forget(name);
    const learned = channels.flatMap((channel) => this.#lookAt(channel));
    this.#lookAtApproval();
    await this.#lookAtQueues();
    await this.#lookAtSpool();
    for (const { name, schedule } of learned) {
      await this.#options.saveSchedule(name, schedule.bytes());
    }
  }

  #lookAt(channel: WatchedChannel): { name: string; schedule: SilenceSchedule }[] {
    const { conditions, clock, hourOfWeekAt, silenceFactor } = this.#options;
    const { name, received } = channel;
    const sight = this.#sightOf(name);
    const [nowMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
    const refused = sight.refusals.look({
      ...{
        atMs: monotonicMs,
        negative: channel.repliesNegative,
        positive: channel.repliesPositive,
      },
    });
    const facts = { channel: identifierFrom(name) };
    if (refused === undefined) conditions.close("manyRefusals", name);
    else conditions.open("manyRefusals", name, { ...facts, ...refused }, nowMs);
    const now = { monotonicMs, nowMs, hour: hourOfWeekAt(nowMs), messageCount: received };
    if (sight.silence === undefined) {
      sight.silence = watchedFrom(now, this.#options.silent.has(name));
      return [];
    }
    const { schedule } = sight;
    const usualMs = (hour: number): number | undefined => schedule.usualMs(hour);
    const seen = look(sight.silence, now, { usualMs, factor: silenceFactor });
    sight.silence = seen.state;
    const silenceSeconds = Math.round((monotonicMs - seen.state.quietFromMs) / 1_000);
    if (!seen.state.isSilent) conditions.close("channelSilent", name);
    else conditions.open("channelSilent", name, { ...facts, silenceSeconds }, nowMs);
    if (seen.learned === undefined) return [];
    schedule.learn(seen.learned);
    return [{ name, schedule }];
  }

  #sightOf(name: string): Sight {
    const known = this.#sights.get(name);
    if (known !== undefined) return known;
    const schedule = SilenceSchedule.from(this.#options.schedules.get(name));
    const sight = { silence: undefined, schedule, refusals: new RefusalShare() };
    this.#sights.set(name, sight);
    return sight;
  }

  /** It takes nothing any more: its silence is nobody's fault. */
  #forget(name: string): void {
    this.#sights.delete(name);
    this.#options.conditions.close("channelSilent", name);
    this.#options.conditions.close("manyRefusals", name);
  }

  async #lookAtQueues(): Promise<void> {
    const { conditions, clock, waiting, outboxAgeAlarmMs } = this.#options;
    const nowMs = clock.nowMs();
    const aged = new Set<string>();
    for (const { name, count, oldestWaitingAtMs } of await waiting()) {
      const ageMs = oldestWaitingAtMs === undefined ? 0 : nowMs - oldestWaitingAtMs;
      if (ageMs < outboxAgeAlarmMs) continue;
      aged.add(name);
      const facts = { channel: identifierFrom(name), count, ageSeconds: Math.round(ageMs / 1_000) };
      conditions.open("queueAge", name, facts, nowMs);
    }
    for (const name of this.#aged) if (!aged.has(name)) conditions.close("queueAge", name);
    this.#aged.clear();
    for (const name of aged) this.#aged.add(name);
  }

  async #lookAtSpool(): Promise<void> {
    const { conditions, clock, siemWaitsSinceMs } = this.#options;
    const sinceMs = await siemWaitsSinceMs();
    const ageMs = sinceMs === undefined ? 0 : clock.nowMs() - sinceMs;
    if (ageMs < AUDIT_SPOOL_ALARM_MS) conditions.close("auditSpoolOld", "");
    else {
      const facts = { ageSeconds: Math.round(ageMs / 1_000) };
      conditions.open("auditSpoolOld", "", facts, clock.nowMs());
    }
  }

  #lookAtApproval(): void {
    const { conditions, clock, waitsForApproval } = this.#options;
    const digest = waitsForApproval();
    if (digest === undefined) conditions.close("approvalWaiting", "");
    else conditions.open("approvalWaiting", "", { digest: identifierFrom(digest) }, clock.nowMs());
  }
}
