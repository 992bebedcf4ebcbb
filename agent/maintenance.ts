/**
 * Maintenance windows: for a while, alarms of one channel or of all that is at work are muted. Never those of the store,
 * trust, the disk or damage: the catalogue says which (08 PL9).
 *
 * A window is a condition while it lasts, so that nobody forgets it, and explains what it mutes. It is kept in the store,
 * survives a restart, and ends by itself; what still is wrong then becomes an alarm.
 *
 * @module
 */
import type { AuditDraft } from "./audit/entry.ts";
import { AgentError, identifierFrom } from "./errors.ts";
import type { Conditions } from "./health/conditions.ts";
import type { Clock, Timer } from "./host/clock.ts";
import { MAINTENANCE_MAX_MINUTES, MAINTENANCE_WINDOWS_MAX_COUNT } from "./limits.ts";
import type { TrustStore } from "./outbox/trust/trust-store.ts";

const VALUE = "note.maintenance";
const MINUTE_MS = 60_000;
const LOOK_MS = 60_000;
/** A clock that is put back by more ends a window, rather than make it longer. */
const PUT_BACK_MS = 300_000;

/** Times are ms since 1970. */
export interface MaintenanceWindow {
  /** Empty: of all. */
  readonly channel: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface MaintenanceOptions {
  readonly trust: Pick<TrustStore, "load" | "note">;
  readonly conditions: Conditions;
  readonly clock: Clock;
  /** Of a window that ended by itself: nobody asked for it. */
  readonly note: (draft: AuditDraft) => void;
}

export class Maintenance implements Disposable {
  readonly #options: MaintenanceOptions;
  #windows: readonly MaintenanceWindow[];
  #timer: Timer | undefined;

  private constructor(options: MaintenanceOptions, windows: readonly MaintenanceWindow[]) {
    this.#options = options;
    this.#windows = windows;
    this.#look();
  }

  static async open(options: MaintenanceOptions): Promise<Maintenance> {
    const bytes = (await options.trust.load()).values.get(VALUE);
    return new Maintenance(options, bytes === undefined ? [] : windowsIn(bytes));
  }

  get windows(): readonly MaintenanceWindow[] {
    return this.#windows;
  }

  /**
   * Begins one, in the place of one of the same channel; durable when it resolves.
   *
   * @param channel empty: all that is at work
   * @throws {AgentError} `MAINTENANCE_REFUSED` beyond the bounds; `STORE_*`
   */
  async start(channel: string, minutes: number): Promise<readonly MaintenanceWindow[]> {
    const others = this.#windows.filter((one) => one.channel !== channel);
    const isFew = others.length < MAINTENANCE_WINDOWS_MAX_COUNT;
    if (!isFew || minutes < 1 || minutes > MAINTENANCE_MAX_MINUTES) {
      throw new AgentError("MAINTENANCE_REFUSED", { minutes, most: MAINTENANCE_MAX_MINUTES });
    }
    const fromMs = this.#options.clock.nowMs();
    const untilMs = fromMs + minutes * MINUTE_MS;
    return await this.#change([...others, { channel, fromMs, untilMs }]);
  }

  /** Ends one, or, without a channel, all; durable when it resolves. @throws {AgentError} `STORE_*` */
  async stop(channel: string): Promise<readonly MaintenanceWindow[]> {
    const isEnded = (one: MaintenanceWindow): boolean => channel === "" || one.channel === channel;
    return await this.#change(this.#windows.filter((one) => !isEnded(one)));
  }

  /** The windows stay: the next run goes on with them. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  async #change(windows: readonly MaintenanceWindow[]): Promise<readonly MaintenanceWindow[]> {
    const bytes = Buffer.from(JSON.stringify(windows));
    await this.#options.trust.note({ values: new Map([[VALUE, bytes]]) });
    const gone = this.#windows.filter(({ channel }) =>
      windows.every((one) => one.channel !== channel),
    );
    this.#windows = windows;
    for (const { channel } of gone) this.#options.conditions.close("maintenanceActive", channel);
    this.#look();
    return windows;
  }

  /** By the clock on the wall, as a person would; looked at again and again, for it may be put forward or back. */
  #look(): void {
    this.#timer?.[Symbol.dispose]();
    const { conditions, clock, note } = this.#options;
    const nowMs = clock.nowMs();
    const isOver = ({ fromMs, untilMs }: MaintenanceWindow): boolean =>
      nowMs >= untilMs || nowMs < fromMs - PUT_BACK_MS;
    const over = this.#windows.filter(isOver);
    if (over.length > 0) {
      for (const { channel } of over) {
        note({
          ...{ actor: { kind: "system", id: "maintenance" }, action: "maintenance.ended" },
          ...(channel === "" ? {} : { subject: channel }),
        });
      }
      void this.#change(this.#windows.filter((one) => !isOver(one))).catch(() => {
        // The store is not there: it is over all the same, and the next run finds that by itself.
        this.#windows = this.#windows.filter((one) => !isOver(one));
        for (const { channel } of over) conditions.close("maintenanceActive", channel);
      });
      return;
    }
    for (const { channel, fromMs, untilMs } of this.#windows) {
      const minutes = Math.ceil((untilMs - nowMs) / MINUTE_MS);
      const facts = { minutes, ...(channel === "" ? {} : { channel: identifierFrom(channel) }) };
      conditions.open("maintenanceActive", channel, facts, fromMs);
    }
    if (this.#windows.length === 0) return;
    const nextMs = Math.min(...this.#windows.map(({ untilMs }) => untilMs)) - nowMs;
    this.#timer = clock.after(Math.min(LOOK_MS, nextMs), () => this.#look());
  }
}

/** What we wrote; anything else is no window: then alarms are not muted. */
function windowsIn(bytes: Uint8Array): readonly MaintenanceWindow[] {
  try {
    const found = JSON.parse(Buffer.from(bytes).toString("utf8")) as readonly MaintenanceWindow[];
    return found.filter(({ channel, fromMs, untilMs }) => {
      const areTimes = Number.isSafeInteger(fromMs) && Number.isSafeInteger(untilMs);
      return typeof channel === "string" && areTimes;
    });
  } catch {
    return [];
  }
}
