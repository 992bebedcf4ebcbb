/** What systemd is told: that the program does its work, what it does, that its loop turns (09 SV3, SV4). @module */
import type { Notify } from "./notify-socket.ts";

/** Of the program's clock. */
export interface Timers {
  /** Calls `act` once, `delayMs` from now, unless disposed before. */
  after(delayMs: number, act: () => void): Disposable;
}

/** What a service manager puts into the environment (sd_notify(3), sd_watchdog_enabled(3)). */
export interface ManagerEnvironment {
  /** `$NOTIFY_SOCKET`. */
  readonly socket: string | undefined;
  /** `$WATCHDOG_USEC`: a process that is silent for so long is ended. */
  readonly watchdogMicroseconds: string | undefined;
  /** `$WATCHDOG_PID`: whom it is meant for. */
  readonly watchdogPid: string | undefined;
}

/** @param env of the process */
export function managerOf(env: NodeJS.ProcessEnv): ManagerEnvironment {
  return {
    socket: env["NOTIFY_SOCKET"],
    watchdogMicroseconds: env["WATCHDOG_USEC"],
    watchdogPid: env["WATCHDOG_PID"],
  };
}

export interface ServiceManager extends Disposable {
  /** Every listener is bound, and the store is open. */
  ready(): void;
  /** One line for `systemctl status`: numbers and states. */
  status(line: string): void;
  /** It was asked to stop, or ends by itself. */
  stopping(): void;
}

/** While it starts it says so this often, and asks for so much more: the migration of a large store has no limit. */
const EXTEND_EVERY_MS = 10_000;
const EXTEND_BY_US = 30_000_000;
const US_PER_MS = 1_000;
/** A third: two may be lost. */
const WATCHDOG_PARTS = 3;

/**
 * From now on the manager hears that the start goes on, until `ready`.
 *
 * @returns one that tells nobody where no manager listens
 * @throws {AddOnError} or {RangeError}: a service that cannot say that it is ready is not started
 */
export async function openServiceManager(
  { socket, watchdogMicroseconds, watchdogPid }: ManagerEnvironment,
  clock: Timers,
): Promise<ServiceManager> {
  if (socket === undefined || socket === "") return new Told(() => {}, clock, 0);
  const isForUs = watchdogPid === undefined || watchdogPid === String(process.pid);
  const watchdogUs = isForUs ? Number(watchdogMicroseconds ?? 0) : 0;
  // Native code: not for each command that asks for the environment alone.
  const { openNotifySocket } = await import("./notify-socket.ts");
  return new Told(await openNotifySocket(socket), clock, watchdogUs);
}

class Told implements ServiceManager {
  readonly #notify: Notify;
  readonly #clock: Timers;
  readonly #timers = new Map<string, Disposable>();

  constructor(notify: Notify, clock: Timers, watchdogUs: number) {
    this.#notify = notify;
    this.#clock = clock;
    this.#repeat(`EXTEND_TIMEOUT_USEC=${EXTEND_BY_US}`, EXTEND_EVERY_MS);
    const everyMs = watchdogUs / US_PER_MS / WATCHDOG_PARTS;
    // From a timer of the main loop: a loop that hangs says nothing. It never waits for the disk, which is an alarm.
    if (everyMs > 0) this.#repeat("WATCHDOG=1", everyMs);
  }

  ready(): void {
    this.#timers.get(`EXTEND_TIMEOUT_USEC=${EXTEND_BY_US}`)?.[Symbol.dispose]();
    this.#notify("READY=1");
  }

  status(line: string): void {
    this.#notify(`STATUS=${line}`);
  }

  stopping(): void {
    this.#notify("STOPPING=1");
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
  }

  #repeat(text: string, everyMs: number): void {
    const say = (): void => {
      this.#notify(text);
      this.#timers.set(text, this.#clock.after(everyMs, say));
    };
    say();
  }
}
