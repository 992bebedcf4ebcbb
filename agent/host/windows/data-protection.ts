/**
 * Secrets that this machine alone opens: Windows wraps them by a key of its own (DPAPI).
 *
 * In the scope of the machine: an administrator wraps, the service unwraps. Whoever may read what was wrapped, and runs
 * on this machine, can unwrap it, too; so the file has its access list.
 *
 * @module
 */
import { type Handle, openNativeNow, wide } from "./native.ts";

/** Of dpapi.h. */
const NEVER_ASK = 0x1;
const LOCAL_MACHINE = 0x4;
/** DATA_BLOB: a length, and an address. */
const BLOB_BYTES = 16;
const ADDRESS_AT = 8;

export interface Purpose {
  /** Shown by tools that look at what was wrapped. */
  readonly description: string;
  /** What was wrapped for one purpose does not open for another. No secret. */
  readonly entropy: string;
}

/** @throws {AgentError} `WINDOWS_CALL_FAILED` {AddOnError} */
export function wrapForMachine(secret: Uint8Array, { description, entropy }: Purpose): Uint8Array {
  const { bind } = openNativeNow();
  const wrap = bind(
    "crypt32",
    "int CryptProtectData(void *secret, str16 description, void *entropy, void *reserved, void *prompt, uint32_t flags, void *wrapped)",
  );
  return withBlobs(secret, entropy, "wrap", (from, purpose, into) =>
    wrap(from, description, purpose, null, null, NEVER_ASK | LOCAL_MACHINE, into),
  );
}

/** @throws {AgentError} `WINDOWS_CALL_FAILED`: of another machine, for another purpose, or changed {AddOnError} */
export function unwrapOnMachine(wrapped: Uint8Array, { entropy }: Purpose): Uint8Array {
  const { bind } = openNativeNow();
  const unwrap = bind(
    "crypt32",
    "int CryptUnprotectData(void *wrapped, void *description, void *entropy, void *reserved, void *prompt, uint32_t flags, void *secret)",
  );
  return withBlobs(wrapped, entropy, "unwrap", (from, purpose, into) =>
    unwrap(from, null, purpose, null, null, NEVER_ASK, into),
  );
}

function withBlobs(
  content: Uint8Array,
  entropy: string,
  step: string,
  act: (from: Buffer, purpose: Buffer, into: Buffer) => unknown,
): Uint8Array {
  const { koffi, bind, fault } = openNativeNow();
  const blobOf = (bytes: Buffer): Buffer => {
    const blob = Buffer.alloc(BLOB_BYTES);
    blob.writeUInt32LE(bytes.length);
    blob.writeBigUInt64LE(koffi.address(bytes), ADDRESS_AT);
    return blob;
  };
  const given = Buffer.from(content);
  const purpose = wide(entropy);
  const into = Buffer.alloc(BLOB_BYTES);
  const isDone = act(blobOf(given), blobOf(purpose), into) !== 0;
  // The call reads what lies at their addresses: held until here, and no copy of a secret stays.
  for (const bytes of [given, purpose]) bytes.fill(0);
  if (!isDone) throw fault(step);
  const made: Handle = into.readBigUInt64LE(ADDRESS_AT);
  const found = new Uint8Array(koffi.view(made, into.readUInt32LE()));
  const result = new Uint8Array(found);
  found.fill(0);
  bind("kernel32", "void *LocalFree(void *memory)")(made);
  return result;
}
