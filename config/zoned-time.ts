/**
 * What the clock on a wall shows, by IANA zone, and when it shows it.
 *
 * Zones and their changes are those of ICU in Node, by `Intl.DateTimeFormat`.
 *
 * @module
 */

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Further than any two zones are apart. No zone changes twice within it. */
const REACH_MS = 2 * DAY_MS;

export interface WallDay {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  /** From 1; beyond the end of the month it is a day of the next one. */
  readonly day: number;
}

export class Zone {
  readonly #format: Intl.DateTimeFormat;

  /** @param name such as `Europe/Berlin` @throws {RangeError} for a name that ICU does not know */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat("en", {
      ...{ timeZone: name, calendar: "gregory", numberingSystem: "latn", hourCycle: "h23" },
      ...{ year: "numeric", month: "numeric", day: "numeric" },
      ...{ hour: "numeric", minute: "numeric", second: "numeric" },
    });
  }

  /** The one that the machine is set to; UTC where that is none that ICU knows, as Windows may have it. */
  static ofMachine(): Zone {
    try {
      return new Zone(Intl.DateTimeFormat().resolvedOptions().timeZone);
    } catch {
      return new Zone("UTC");
    }
  }

  /** The day that a calendar on the wall shows. @param atMs since 1970 */
  dayAt(atMs: number): WallDay {
    const wall = new Date(this.#shownAt(atMs));
    return { year: wall.getUTCFullYear(), month: wall.getUTCMonth() + 1, day: wall.getUTCDate() };
  }

  /** Which hour of the week a clock on the wall shows: 0 is Monday from midnight to one, 167 the last of Sunday. */
  hourOfWeekAt(atMs: number): number {
    const wall = new Date(this.#shownAt(atMs));
    return ((wall.getUTCDay() + 6) % 7) * 24 + wall.getUTCHours();
  }

  /**
   * The first moment of a day at which the clock shows a time, or a later one.
   *
   * Where clocks are put back it shows some times twice: the first of them counts. Where they are put forward it
   * never shows some: the moment of the change counts.
   *
   * @param minute of the day, 0 to 1440
   * @returns ms since 1970
   */
  when(day: WallDay, minute: number): number {
    const shown = Date.UTC(day.year, day.month - 1, day.day) + minute * MINUTE_MS;
    const before = shown - this.#offset(shown - REACH_MS);
    const after = shown - this.#offset(shown + REACH_MS);
    const [early, late] = before < after ? [before, after] : [after, before];
    for (const moment of [early, late]) if (this.#shownAt(moment) === shown) return moment;
    return this.#firstShowing(shown, early, late);
  }

  /** By halves: at `early` the clock shows less than `shown`, at `late` more, and between them it leaps once. */
  #firstShowing(shown: number, early: number, late: number): number {
    let [low, high] = [early, late];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#shownAt(middle) < shown) low = middle;
      else high = middle;
    }
    return high;
  }

  #offset(atMs: number): number {
    return this.#shownAt(atMs) - atMs;
  }

  /** What the clock shows, as the moment at which a clock in UTC does. */
  #shownAt(atMs: number): number {
    const parts: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(atMs)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    const belowSecond = ((atMs % 1_000) + 1_000) % 1_000;
    return Date.UTC(year, month - 1, day, hour, minute, second) + belowSecond;
  }
}

/** Whether ICU knows a zone of this name. */
export function isZone(name: string): boolean {
  try {
    // An offset such as +01:00 is taken, too; it knows no summer.
    return new Zone(name) !== undefined && /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}
