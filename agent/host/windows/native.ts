/** Functions of Windows that Node does not have, by their C declarations (09 SV11). @module */
import type Koffi from "koffi";
import type { LibraryHandle } from "koffi";
import { foreignFunctionsNow } from "#packaged/foreign-functions.ts";
import { AgentError, identifierFrom } from "../../errors.ts";

/** All of System32. */
type Library = "advapi32" | "kernel32" | "crypt32" | "shell32";
/** What a declaration says: koffi checks the arguments. */
export type Call = (...values: readonly unknown[]) => unknown;
/** An address or a handle; `null` is none. */
export type Handle = bigint | null;

export interface Native {
  readonly koffi: typeof Koffi;
  /** @param declaration such as `int CloseServiceHandle(void *handle)` */
  bind(library: Library, declaration: string): Call;
  /** `GetLastError` of the call before. */
  lastError(): number;
  /** What to throw after a call that failed. @param step what was tried, as an identifier */
  fault(step: string, error?: number): AgentError;
}

/** Of winerror.h. */
export const WIN32 = {
  accessDenied: 5,
  fileNotFound: 2,
  pathNotFound: 3,
  invalidLevel: 124,
  alreadyExists: 183,
  serviceAlreadyRunning: 1056,
  serviceDoesNotExist: 1060,
  serviceInvalidControl: 1052,
  serviceCannotAccept: 1061,
  serviceNotActive: 1062,
  notStartedByManager: 1063,
  serviceSpecific: 1066,
  serviceMarked: 1072,
} as const;

/** LOAD_LIBRARY_SEARCH_SYSTEM32 and _APPLICATION_DIR: nothing is ever loaded from the folder that a person stands in. */
const SEARCHED = 0xa00;

let opened: Native | undefined;

/** @throws {AddOnError} in the executable */
export const openNative = async (): Promise<Native> => openNativeNow();

/** The same at once. @throws {AddOnError} in the executable */
export function openNativeNow(): Native {
  opened ??= load();
  return opened;
}

function load(): Native {
  const koffi = foreignFunctionsNow();
  const libraries = new Map<Library, LibraryHandle>();
  const bind = (library: Library, declaration: string): Call => {
    let loaded = libraries.get(library);
    if (loaded === undefined) {
      loaded = koffi.load(`${library}.dll`);
      libraries.set(library, loaded);
    }
    return loaded.func(declaration);
  };
  const last = bind("kernel32", "uint32_t GetLastError()");
  const lastError = (): number => Number(last());
  bind("kernel32", "int SetDefaultDllDirectories(uint32_t flags)")(SEARCHED);
  const fault = (step: string, error = lastError()): AgentError => {
    const facts = { step: identifierFrom(step), sysCode: identifierFrom(`WIN32_${error}`) };
    return error === WIN32.accessDenied
      ? new AgentError("WINDOWS_NOT_PERMITTED", facts)
      : new AgentError("WINDOWS_CALL_FAILED", facts);
  };
  return { koffi, bind, lastError, fault };
}

/** A text as Windows's functions take it in a structure. */
export const wide = (text: string): Buffer => Buffer.from(`${text}\0`, "utf16le");
