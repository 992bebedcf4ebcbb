/** Asks Windows's service manager: to know a service, to start it, to stop it, to forget it (09 SV14). @module */
import { AgentError } from "../../errors.ts";
import { SERVICE_NAME, SERVICE_TITLE } from "./names.ts";
import { type Call, type Handle, type Native, openNative, WIN32 } from "./native.ts";
import { configLevels, type SidType } from "./service-config.ts";

/** Of winsvc.h. */
const MANAGER_ALL = 0xf_003f;
const MANAGER_CONNECT = 0x1;
const SERVICE_ALL = 0xf_01ff;
const QUERY_STATUS = 0x4;
const OWN_PROCESS = 0x10;
const AUTO_START = 2;
const ERROR_NORMAL = 1;
const CONTROL_STOP = 1;
const STATUS_BYTES = 28;
const PROCESS_STATUS_BYTES = 36;

/** By its number. */
const STATES = [
  "none",
  "stopped",
  "startPending",
  "stopPending",
  "running",
  "continuePending",
  "pausePending",
  "paused",
] as const;
export type ServiceState = (typeof STATES)[number];

export interface ServiceStatus {
  readonly state: ServiceState;
  /** 0 where it does not run. */
  readonly pid: number;
  /** With what it ended: one of ours, or Windows's. 0 while it runs, and at first. */
  readonly exit: number;
}

export interface Registration {
  readonly imagePath: string;
  readonly account: string;
  readonly sidType: SidType;
}

export interface ServiceControl extends Disposable {
  /**
   * Registered, and with all its settings, whatever they were.
   *
   * @returns settings that this Windows does not have (wine has none of the newer ones)
   * @throws {AgentError}
   */
  register(registration: Registration): readonly string[];
  /** It is not known from now on; one that still runs, as soon as it has ended. @throws {AgentError} */
  remove(): void;
  /** @returns `undefined` if it is not registered @throws {AgentError} */
  status(): ServiceStatus | undefined;
  /** Asks; one that runs is left alone. @throws {AgentError} */
  start(): void;
  /** Asks. @returns whether it could be asked now: one that starts cannot @throws {AgentError} */
  stop(): boolean;
}

/** @param may `change`: an administrator @throws {AgentError} `WINDOWS_NOT_PERMITTED` {AddOnError} */
export async function openServiceControl(may: "change" | "look"): Promise<ServiceControl> {
  return new Manager(await openNative(), may);
}

class Manager implements ServiceControl {
  readonly #native: Native;
  readonly #close: Call;
  readonly #manager: Handle;
  readonly #access: number;

  /** @throws {AgentError} */
  constructor(native: Native, may: "change" | "look") {
    this.#native = native;
    this.#close = native.bind("advapi32", "int CloseServiceHandle(void *handle)");
    const open = native.bind(
      "advapi32",
      "void *OpenSCManagerW(str16 machine, str16 database, uint32_t access)",
    );
    this.#access = may === "change" ? SERVICE_ALL : QUERY_STATUS;
    this.#manager = open(null, null, may === "change" ? MANAGER_ALL : MANAGER_CONNECT) as Handle;
    if (this.#manager === null) throw native.fault("openManager");
  }

  register({ imagePath, account, sidType }: Registration): readonly string[] {
    const { bind, fault, koffi } = this.#native;
    const service = this.#open() ?? this.#create(imagePath, account);
    try {
      const change = bind(
        "advapi32",
        "int ChangeServiceConfigW(void *service, uint32_t type, uint32_t start, uint32_t error, str16 image, str16 group, void *tag, str16 needs, str16 account, str16 password, str16 title)",
      );
      const settings = [OWN_PROCESS, AUTO_START, ERROR_NORMAL, imagePath, null, null, null];
      if (change(service, ...settings, account, null, SERVICE_TITLE) === 0) {
        throw fault("changeService");
      }
      const changeMore = bind(
        "advapi32",
        "int ChangeServiceConfig2W(void *service, uint32_t level, void *content)",
      );
      return configLevels(koffi, sidType)
        .filter(({ name, level, content }) => {
          if (changeMore(service, level, content) !== 0) return false;
          return this.#refuseUnless(name, [WIN32.invalidLevel]);
        })
        .map(({ name }) => name);
    } finally {
      this.#close(service);
    }
  }

  remove(): void {
    this.#with((service) => {
      const remove = this.#native.bind("advapi32", "int DeleteService(void *service)");
      if (remove(service) === 0) this.#refuseUnless("removeService", [WIN32.serviceMarked]);
    });
  }

  status(): ServiceStatus | undefined {
    return this.#with((service) => {
      const query = this.#native.bind(
        "advapi32",
        "int QueryServiceStatusEx(void *service, int what, void *status, uint32_t bytes, uint32_t *needed)",
      );
      const status = Buffer.alloc(PROCESS_STATUS_BYTES);
      if (query(service, 0, status, status.length, new Uint32Array(1)) === 0) {
        throw this.#native.fault("queryService");
      }
      const state = STATES[status.readUInt32LE(4)] ?? "none";
      const [exit, ownExit] = [status.readUInt32LE(12), status.readUInt32LE(16)];
      return {
        ...{ state, pid: status.readUInt32LE(28) },
        exit: exit === WIN32.serviceSpecific ? ownExit : exit,
      };
    });
  }

  start(): void {
    const isKnown = this.#with((service) => {
      const start = this.#native.bind(
        "advapi32",
        "int StartServiceW(void *service, uint32_t count, void *texts)",
      );
      if (start(service, 0, null) === 0) {
        this.#refuseUnless("startService", [WIN32.serviceAlreadyRunning]);
      }
      return true;
    });
    if (isKnown === undefined) throw new AgentError("SERVICE_NOT_INSTALLED", {});
  }

  stop(): boolean {
    return (
      this.#with((service) => {
        const control = this.#native.bind(
          "advapi32",
          "int ControlService(void *service, uint32_t control, void *status)",
        );
        if (control(service, CONTROL_STOP, Buffer.alloc(STATUS_BYTES)) !== 0) return true;
        const error = this.#refuseUnless("stopService", [
          WIN32.serviceNotActive,
          WIN32.serviceCannotAccept,
          WIN32.serviceInvalidControl,
        ]);
        return error === WIN32.serviceNotActive;
      }) ?? true
    );
  }

  [Symbol.dispose](): void {
    this.#close(this.#manager);
  }

  /** @returns the error, if it is one that says that there is nothing to do */
  #refuseUnless(step: string, allowed: readonly number[]): number {
    const error = this.#native.lastError();
    if (!allowed.includes(error)) throw this.#native.fault(step, error);
    return error;
  }

  #create(imagePath: string, account: string): Handle {
    const create = this.#native.bind(
      "advapi32",
      "void *CreateServiceW(void *manager, str16 name, str16 title, uint32_t access, uint32_t type, uint32_t start, uint32_t error, str16 image, str16 group, void *tag, str16 needs, str16 account, str16 password)",
    );
    const kind = [SERVICE_ALL, OWN_PROCESS, AUTO_START, ERROR_NORMAL];
    const made = create(
      ...[this.#manager, SERVICE_NAME, SERVICE_TITLE, ...kind],
      ...[imagePath, null, null, null, account, null],
    ) as Handle;
    if (made === null) throw this.#native.fault("createService");
    return made;
  }

  #open(): Handle {
    const open = this.#native.bind(
      "advapi32",
      "void *OpenServiceW(void *manager, str16 name, uint32_t access)",
    );
    const service = open(this.#manager, SERVICE_NAME, this.#access) as Handle;
    if (service === null) this.#refuseUnless("openService", [WIN32.serviceDoesNotExist]);
    return service;
  }

  /** @returns `undefined` if the service is not known */
  #with<T>(act: (service: Handle) => T): T | undefined {
    const service = this.#open();
    if (service === null) return undefined;
    try {
      return act(service);
    } finally {
      this.#close(service);
    }
  }
}
