/**
 * Native add-ons of the packaged executable: loaded from a file that only an administrator can write, or from a
 * private folder where nobody installed it, and only with the digest that the executable was built with (09 PK8, PK9).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { basename, dirname, join } from "node:path";
import { getAsset, isSea } from "node:sea";
import { placeLoose } from "./loose-add-ons.ts";

export const ADD_ON_NAMES = ["better-sqlite3", "koffi"] as const;
export type AddOnName = (typeof ADD_ON_NAMES)[number];

/** Why an add-on is not loaded. */
export type AddOnFault =
  /** Its file is not there, or cannot be read. */
  | "ADD_ON_MISSING"
  /** Its file is another one. */
  | "ADD_ON_CHANGED"
  /** There is no folder of this account alone to put it in. */
  | "ADD_ON_NO_FOLDER"
  /** The system does not load it: a file system mounted with `noexec`, most often. */
  | "ADD_ON_REFUSED";

export class AddOnError extends Error {
  override readonly name = "AddOnError";
  readonly code: AddOnFault;
  readonly addOn: AddOnName;

  constructor({ code, addOn }: Pick<AddOnError, "code" | "addOn">, options?: ErrorOptions) {
    super(`add-on ${addOn}: ${code}`, options);
    this.code = code;
    this.addOn = addOn;
  }
}

/** Where the packages put the executable (09 2.1): there, nothing is ever unpacked. */
const INSTALLED = /^(?:\/opt\/holdfast(?:-receiver)?\/|C:\\Program Files\\Holdfast\\)/;
/** As a name, it is enough of a digest; the file is held against the whole. */
const NAME_DIGITS = 16;

const loaded = new Map<AddOnName, object>();

/**
 * The add-on, once a thread; `undefined` where the program runs from source and finds its packages itself.
 *
 * @throws {AddOnError}
 */
export function addOn(name: AddOnName): object | undefined {
  if (!isSea()) return undefined;
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const file = verifiedFile(name);
  const loading: { exports: object } = { exports: {} };
  try {
    process.dlopen(loading, file, constants.dlopen.RTLD_NOW);
  } catch (error) {
    throw new AddOnError({ code: "ADD_ON_REFUSED", addOn: name }, { cause: error });
  }
  loaded.set(name, loading.exports);
  return loading.exports;
}

const wantedDigest = (name: AddOnName): string => getAsset(`add-ons/${name}.sha256`, "utf8");

/** What its file is called, in the executable that runs. */
export const addOnFileName = (name: AddOnName): string =>
  `${wantedDigest(name).slice(0, NAME_DIGITS)}-${name}.node`;

/** @throws {AddOnError} */
function verifiedFile(name: AddOnName): string {
  const digest = wantedDigest(name);
  const fileName = addOnFileName(name);
  const folder = installedFolder(fileName);
  const file = folder === undefined ? loose(name, fileName) : join(folder, fileName);
  if (digestOf(name, file) !== digest)
    throw new AddOnError({ code: "ADD_ON_CHANGED", addOn: name });
  return file;
}

function installedFolder(fileName: string): string | undefined {
  const here = dirname(process.execPath);
  const folder = join(basename(here) === "bin" ? dirname(here) : here, "lib");
  const isInstalled = INSTALLED.test(process.execPath) || existsSync(join(folder, fileName));
  return isInstalled ? folder : undefined;
}

/** @throws {AddOnError} `ADD_ON_NO_FOLDER` */
function loose(name: AddOnName, fileName: string): string {
  try {
    return placeLoose(fileName, () => new Uint8Array(getAsset(`add-ons/${name}.node`)));
  } catch (error) {
    throw new AddOnError({ code: "ADD_ON_NO_FOLDER", addOn: name }, { cause: error });
  }
}

function digestOf(name: AddOnName, file: string): string {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("hex");
  } catch (error) {
    throw new AddOnError({ code: "ADD_ON_MISSING", addOn: name }, { cause: error });
  }
}
