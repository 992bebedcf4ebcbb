/**
 * The service's side of Windows's service manager: what it is told, and what it asks (09 SV11, SV12).
 *
 * Its dispatcher takes a thread of Node's pool for as long as the service lives. It calls back through the event loop:
 * a loop that hangs is not heard, and the manager gives up after 30 s.
 *
 * @module
 */
import type { ServiceManager } from "#service-manager/service-manager.ts";
import { AgentError } from "../../errors.ts";
import type { Clock, Timer } from "../clock.ts";
import { type Call, type Handle, type Native, openNative, WIN32, wide } from "./native.ts";

/** Of winsvc.h. */
const OWN_PROCESS = 0x10;
const STATE = { stopped: 1, startPending: 2, stopPending: 3, running: 4 } as const;
const CONTROL = { stop: 1, interrogate: 4, preshutdown: 0x0f } as const;
const ACCEPT_STOP_AND_PRESHUTDOWN = 0x101;
const NOT_IMPLEMENTED = 120;
const STATUS_FIELDS = 7;

/** While it starts or drains it says so this often, and how long the manager should wait for the next time. */
const PENDING_EVERY_MS = 5_000;
const WAIT_HINT_MS = 30_000;

export interface WindowsService extends ServiceManager {
  /** Resolves when the manager asks to stop, or the machine shuts down. */
  readonly stop: Promise<void>;
  /** Resolves when it asks again. */
  readonly hangUp: Promise<void>;
  /** The last word: the process is ended as soon as the manager has it. @param exit 0, or what the failure actions follow */
  stopped(exit: number): void;
}

/**
 * Tells the manager that the service starts. The process is ended when the dispatcher returns, which is after `stopped`.
 *
 * @throws {AgentError} `SERVICE_STARTED_BY_HAND` if the manager did not start this process
 */
export async function openWindowsService(name: string, clock: Clock): Promise<WindowsService> {
  const native = await openNative();
  const { promise, resolve, reject } = Promise.withResolvers<WindowsService>();
  const { koffi } = native;
  const main = koffi.proto("void", ["uint32_t", "void *"]);
  const register = koffi.register(() => {
    try {
      resolve(new Running(native, name, clock));
    } catch (error) {
      reject(error);
    }
  }, koffi.pointer(main));
  const entryName = wide(name);
  // SERVICE_TABLE_ENTRYW, and an empty one.
  const table = Buffer.alloc(32);
  table.writeBigUInt64LE(koffi.address(entryName), 0);
  table.writeBigUInt64LE(register, 8);
  const start = native.bind("advapi32", "int StartServiceCtrlDispatcherW(void *table)") as Call & {
    async: (table: Buffer, done: (error: unknown, isDone: number) => void) => void;
  };
  start.async(table, (_error, isDone) => {
    // Held until here: the dispatcher reads them.
    if (isDone !== 0 && entryName.length > 0) process.exit();
    const error = native.lastError();
    const isByHand = error === WIN32.notStartedByManager;
    reject(
      isByHand ? new AgentError("SERVICE_STARTED_BY_HAND", {}) : native.fault("dispatch", error),
    );
  });
  return await promise;
}

class Running implements WindowsService {
  readonly #clock: Clock;
  readonly #setStatus: Call;
  readonly #stop = Promise.withResolvers<void>();
  readonly #hangUp = Promise.withResolvers<void>();
  readonly stop = this.#stop.promise;
  readonly hangUp = this.#hangUp.promise;
  #handle: Handle = null;
  #checkpoint = 0;
  #isAsked = false;
  #timer: Timer | undefined;

  /** @throws {AgentError} */
  constructor(native: Native, name: string, clock: Clock) {
    this.#clock = clock;
    const { koffi } = native;
    const proto = koffi.proto("uint32_t", ["uint32_t", "uint32_t", "void *", "void *"]);
    const handler = koffi.register(
      (control: number) => this.#control(control),
      koffi.pointer(proto),
    );
    this.#setStatus = native.bind(
      "advapi32",
      "int SetServiceStatus(void *handle, const uint32_t *status)",
    );
    const register = native.bind(
      "advapi32",
      "void *RegisterServiceCtrlHandlerExW(str16 name, void *handler, void *context)",
    );
    this.#handle = register(name, handler, null) as Handle;
    if (this.#handle === null) throw native.fault("registerHandler");
    this.#pending(STATE.startPending);
  }

  ready(): void {
    this.#report({ state: STATE.running });
  }

  /** Nobody would see it. */
  status(): void {}

  stopping(): void {
    this.#pending(STATE.stopPending);
  }

  stopped(exit: number): void {
    this.#report({ state: STATE.stopped, exit });
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #control(control: number): number {
    if (control === CONTROL.interrogate) return 0;
    if (control !== CONTROL.stop && control !== CONTROL.preshutdown) return NOT_IMPLEMENTED;
    if (this.#isAsked) this.#hangUp.resolve();
    this.#isAsked = true;
    this.#stop.resolve();
    return 0;
  }

  /** From a timer of the main loop: a start or a stop that hangs is given up by the manager. */
  #pending(state: number): void {
    this.#checkpoint += 1;
    this.#report({ state, checkpoint: this.#checkpoint });
    this.#timer = this.#clock.after(PENDING_EVERY_MS, () => this.#pending(state));
  }

  #report({ state, exit = 0, checkpoint = 0 }: Reported): void {
    this.#timer?.[Symbol.dispose]();
    const accepts = state === STATE.running ? ACCEPT_STOP_AND_PRESHUTDOWN : 0;
    const win32Exit = exit === 0 ? 0 : WIN32.serviceSpecific;
    const hintMs = checkpoint === 0 ? 0 : WAIT_HINT_MS;
    const status = new Uint32Array(STATUS_FIELDS);
    status.set([OWN_PROCESS, state, accepts, win32Exit, exit, checkpoint, hintMs]);
    this.#setStatus(this.#handle, status);
  }
}

interface Reported {
  readonly state: number;
  readonly exit?: number;
  readonly checkpoint?: number;
}
