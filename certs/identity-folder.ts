/**
 * The folder `identity`: what is read from it is private to this account, and what is written is flushed before
 * anything names it (07 1.1, 1.2).
 *
 * ```
 * identity/slots.json                    which slot is current, next, prev
 * identity/claim.json                    an enrolment under way, and its slot
 * identity/slot-<16 digits>/tls.key      private keys, sealed under the key-encryption key
 *                           device.key
                           request.der  the certificate request: the same one when it is sent again
 *                           chain.pem, receiver-ca.pem, trust.json
 *                           meta.json    written last: its slot is complete
 * ```
 *
 * @module
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { AgentError, codeOf, identifierFrom } from "#agent/errors.ts";
import { flushFolder, makeFolder, replaceFile } from "#agent/host/atomic-file.ts";
import type { Kek } from "#agent/sealing/key-ring.ts";
import { keksOf, openSecret, SECRET_MODE, sealSecret } from "#agent/sealing/sealed-secret.ts";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const OTHERS = 0o077;
/** A trust chain of many documents; everything else has some kilobytes. */
const FILE_MAX_BYTES = 8 * 1_048_576;

/** Where the identity of a state folder is. */
export const identityFolder = (stateDir: string): string => join(stateDir, "identity");

export class IdentityFolder {
  readonly path: string;
  readonly #kek: () => Kek;

  /**
   * @param kek read anew for each secret: it may be replaced while the agent runs
   * @throws {AgentError} `IDENTITY_FOLDER_UNSAFE` if the folder is there, and not private
   */
  constructor(path: string, kek: () => Kek) {
    this.path = path;
    this.#kek = kek;
    this.#refuseForeignState();
    this.#refuseUnsafeFolder("");
  }

  /** @param place a file, or `SLOT/FILE` @returns undefined if it is not there @throws {AgentError} `IDENTITY_FOLDER_UNSAFE`, `IDENTITY_DAMAGED` */
  read(place: string): Buffer | undefined {
    if (place.includes("/")) this.#refuseUnsafeFolder(place.slice(0, place.indexOf("/")));
    // Not through a link, and without waiting at a pipe.
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
    const descriptor = this.#unlessMissing(place, () =>
      openSync(join(this.path, place), O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
    );
    if (descriptor === undefined) return undefined;
    try {
      const status = fstatSync(descriptor);
      refuseUnsafe(status, place, status.isFile());
      if (status.size > FILE_MAX_BYTES) throw damaged(place);
      return readFileSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  /** @returns undefined if it is not there @throws {AgentError} `KEK_WRONG`, and as `read` */
  readSecret(place: string): Buffer | undefined {
    const file = this.read(place);
    if (file === undefined) return undefined;
    const result = openSecret(file, keksOf(this.#kek()), place);
    if (result.outcome === "opened") return result.secret;
    throw result.outcome === "otherKek" ? new AgentError("KEK_WRONG", {}) : damaged(place);
  }

  /** Whole and flushed, with its name, or not at all. @throws {AgentError} `IDENTITY_NOT_WRITABLE` */
  write(place: string, content: Uint8Array | string): void {
    written(() => replaceFile(join(this.path, place), content, FILE_MODE));
  }

  /** As `write`, sealed. */
  writeSecret(place: string, secret: Uint8Array): void {
    const sealed = sealSecret(secret, this.#kek().current, place);
    written(() => replaceFile(join(this.path, place), sealed, SECRET_MODE));
  }

  /** Makes a slot's folder, and this one where there is none. @throws {AgentError} `IDENTITY_NOT_WRITABLE` */
  makeSlot(slot: string): void {
    written(() => makeFolder(join(this.path, slot), FOLDER_MODE));
    this.#refuseUnsafeFolder("");
  }

  /** Removes a file, or a slot with all that is in it; what is not there is removed already. */
  remove(place: string): void {
    written(() => {
      rmSync(join(this.path, place), { recursive: true, force: true });
      const above = place.includes("/") ? join(this.path, place.slice(0, place.indexOf("/"))) : "";
      flushFolder(above === "" ? this.path : above);
    });
  }

  /** Names in the folder; none if there is no folder. */
  names(): readonly string[] {
    return this.#unlessMissing("", () => readdirSync(this.path)) ?? [];
  }

  /** What another account makes here the agent could not read. */
  #refuseForeignState(): void {
    const status = this.#unlessMissing("", () => statSync(dirname(this.path)));
    if (status === undefined || process.getuid === undefined) return;
    if (status.uid !== process.getuid()) throw unsafe("stateDir", "owner");
  }

  #refuseUnsafeFolder(name: string): void {
    const status = this.#unlessMissing(name, () => lstatSync(join(this.path, name)));
    if (status === undefined) return;
    if (status.isSymbolicLink()) throw unsafe(name, "link");
    refuseUnsafe(status, name, status.isDirectory());
  }

  #unlessMissing<T>(place: string, look: () => T): T | undefined {
    try {
      return look();
    } catch (error) {
      const sysCode = codeOf(error);
      if (sysCode === "ENOENT") return undefined;
      // What `O_NOFOLLOW` says of a link.
      if (sysCode === "ELOOP" || sysCode === "EMLINK") throw unsafe(place, "link");
      throw unreadable(place, error);
    }
  }
}

/** Rights on Windows are an access list, which the installer sets (09). */
function refuseUnsafe({ mode, uid }: Stats, place: string, isKind: boolean): void {
  if (!isKind) throw unsafe(place, "kind");
  if (process.getuid === undefined) return;
  if (uid !== process.getuid()) throw unsafe(place, "owner");
  if ((mode & OTHERS) !== 0) throw unsafe(place, "mode", mode);
}

function unsafe(
  place: string,
  flaw: "link" | "owner" | "mode" | "kind",
  mode?: number,
): AgentError {
  const octal =
    mode === undefined ? {} : { mode: identifierFrom(`0${(mode & 0o777).toString(8)}`) };
  const facts = { file: placeFact(place), flaw: identifierFrom(flaw), ...octal };
  return new AgentError("IDENTITY_FOLDER_UNSAFE", facts);
}

/** @param place a file of the identity folder, or `SLOT/FILE` */
export function damaged(place: string, cause?: unknown): AgentError {
  return new AgentError("IDENTITY_DAMAGED", { file: placeFact(place) }, { cause });
}

function unreadable(place: string, cause: unknown): AgentError {
  const facts = { file: placeFact(place), sysCode: codeOf(cause) };
  return new AgentError("IDENTITY_DAMAGED", facts, { cause });
}

const placeFact = (place: string) =>
  identifierFrom(place === "" ? "identity" : place.replace("/", ":"));

function written(write: () => void): void {
  try {
    write();
  } catch (error) {
    throw notWritable(error);
  }
}

function notWritable(cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  return new AgentError("IDENTITY_NOT_WRITABLE", { sysCode: codeOf(cause) }, { cause });
}
