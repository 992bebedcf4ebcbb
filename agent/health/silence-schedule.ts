/** The usual silences of one channel, hour by hour of a week, and how they lie in the store: 2.7 KB. @module */
import {
  HOURS_A_WEEK,
  type HourHistory,
  type Learned,
  remembered,
  usualOf,
  WEEKS_KEPT_COUNT,
} from "./usual-silence.ts";

const VERSION = 1;
/** What is kept is exact to this, upwards: 0 is no observation, and 65,535 of them a week. */
const UNIT_MS = 10_000;
const UNITS_MAX = 0xffff;
const BYTES = 1 + HOURS_A_WEEK * WEEKS_KEPT_COUNT * 2;

export class SilenceSchedule {
  readonly #hours: HourHistory[];

  private constructor(hours: HourHistory[]) {
    this.#hours = hours;
  }

  static readonly empty = (): SilenceSchedule =>
    new SilenceSchedule(Array.from({ length: HOURS_A_WEEK }, () => []));

  /** @returns an empty one for what is none: it is learned again */
  static from(bytes: Uint8Array | undefined): SilenceSchedule {
    if (bytes === undefined || bytes.length !== BYTES || bytes[0] !== VERSION) {
      return SilenceSchedule.empty();
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const hours = Array.from({ length: HOURS_A_WEEK }, (_, hour) =>
      Array.from({ length: WEEKS_KEPT_COUNT }, (_unused, week) =>
        view.getUint16(at(hour, week)),
      ).filter((units) => units > 0),
    );
    return new SilenceSchedule(hours.map((all) => all.map((units) => units * UNIT_MS)));
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(BYTES);
    const view = new DataView(bytes.buffer);
    bytes[0] = VERSION;
    for (const [hour, history] of this.#hours.entries()) {
      for (const [week, silenceMs] of history.entries()) {
        const units = Math.ceil(silenceMs / UNIT_MS);
        view.setUint16(at(hour, week), Math.min(UNITS_MAX, Math.max(1, units)));
      }
    }
    return bytes;
  }

  /** @param hour 0 to 167 @returns `undefined` before there is enough history */
  usualMs(hour: number): number | undefined {
    return usualOf(this.#hours[hour] ?? []);
  }

  learn({ hour, silenceMs }: Learned): void {
    this.#hours[hour] = remembered(this.#hours[hour] ?? [], silenceMs);
  }
}

const at = (hour: number, week: number): number => 1 + (hour * WEEKS_KEPT_COUNT + week) * 2;
