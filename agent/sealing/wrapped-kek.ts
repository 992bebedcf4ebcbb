/**
 * A key-encryption key (KEK) that Windows wraps for this machine (custody `dpapi`, 08 2.2): a copy of the whole disk
 * holds it, and does not open it without the keys of Windows on the same disk. Use BitLocker as well.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { AgentError, codeOf, type Facts } from "../errors.ts";
import { replaceFile } from "../host/atomic-file.ts";
import { isWindows } from "../host/platform.ts";
import { unwrapOnMachine, wrapForMachine } from "../host/windows/data-protection.ts";
import {
  KEK_BYTES,
  KEK_MODE,
  kekContent,
  kekIn,
  newKek,
  nextKekFile,
  readKek,
  realPathOf,
} from "./kek-file.ts";

/** What Windows makes of 32 bytes is below 400. */
const WRAPPED_MAX_BYTES = 4_096;
/** docs/install-windows.md has the entropy, for who unwraps a copy. */
const PURPOSE = { description: "Holdfast key-encryption key", entropy: "holdfast-kek/1" };

/** @throws {AgentError} `DPAPI_UNSUPPORTED` on other systems */
export function refuseWithoutDpapi(): void {
  if (!isWindows) throw new AgentError("DPAPI_UNSUPPORTED", {});
}

/**
 * Rights are not looked at.
 *
 * @throws {AgentError} `KEK_MISSING`; `KEK_NOT_WRAPPED` if it lies there in clear; `KEK_NOT_UNWRAPPED` if Windows
 *   refuses, `KEK_MALFORMED` if what it makes of it is no KEK
 */
export function readWrappedKek(file: string): Uint8Array {
  refuseWithoutDpapi();
  const content = kekContent(file, WRAPPED_MAX_BYTES);
  if (kekIn(content) !== undefined) throw new AgentError("KEK_NOT_WRAPPED", {});
  const kek = unwrapped(content);
  // A failure that was overlooked would be an empty key.
  if (kek.length !== KEK_BYTES) throw new AgentError("KEK_MALFORMED", { bytes: kek.length });
  return kek;
}

/** A new KEK as the content of its file. @throws {AgentError} `DPAPI_UNSUPPORTED`, `WINDOWS_CALL_FAILED`, `KEK_NOT_UNWRAPPED` */
export function newWrappedKek(): Uint8Array {
  return wrapped(newKek());
}

/**
 * The KEK that a rotation goes on with, which lies beside the one in use from now on: one that an earlier attempt has
 * left, or a new one. Read back: keys are wrapped by what the disk holds.
 *
 * @throws {AgentError} as {@link readWrappedKek}; `KEK_NOT_REPLACED` if it cannot be written
 */
export function nextWrappedKek(file: string): Uint8Array {
  refuseWithoutDpapi();
  const next = nextKekFile(realPathOf(file));
  if (!existsSync(next)) {
    const content = newWrappedKek();
    try {
      replaceFile(next, content, KEK_MODE);
    } catch (error) {
      throw notReplaced(error);
    }
  }
  return readWrappedKek(next);
}

/**
 * Wraps a KEK that lies in clear, and what an interrupted rotation has left beside it: the way from custody `file`, and
 * from a copy that was kept.
 *
 * @returns whether there was anything to wrap
 * @throws {AgentError} `DPAPI_UNSUPPORTED`, `KEK_MISSING`, `WINDOWS_CALL_FAILED`, `KEK_NOT_UNWRAPPED`
 * @throws the operating system's error, untranslated
 */
export function wrapKekFile(file: string): boolean {
  refuseWithoutDpapi();
  const real = realPathOf(file);
  const clear = [nextKekFile(real), real].filter(
    (one) => existsSync(one) && kekIn(kekContent(one, WRAPPED_MAX_BYTES)) !== undefined,
  );
  for (const one of clear) replaceFile(one, wrapped(readKek(one)), KEK_MODE);
  return clear.length > 0;
}

/** Only what opens again. */
function wrapped(kek: Uint8Array): Uint8Array {
  refuseWithoutDpapi();
  const content = wrapForMachine(kek, PURPOSE);
  if (!Buffer.from(unwrapped(content)).equals(kek)) throw notUnwrapped({});
  return content;
}

function unwrapped(content: Uint8Array): Uint8Array {
  try {
    return unwrapOnMachine(content, PURPOSE);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    throw notUnwrapped(error.facts, error);
  }
}

const notReplaced = (cause: unknown): AgentError =>
  new AgentError("KEK_NOT_REPLACED", { sysCode: codeOf(cause) }, { cause });

const notUnwrapped = (facts: Facts, cause?: AgentError): AgentError =>
  new AgentError("KEK_NOT_UNWRAPPED", facts, { cause });
