/**
 * W1: the only way by which the library gets bytes: fixed names, bounds, and W5 to W8 before it looks.
 *
 * The library turns what goes wrong below it into text. What happened is therefore kept here, for `refresh.ts` to
 * tell.
 *
 * @module
 */
import type { Fetcher } from "tuf-js";
import { DownloadHTTPError } from "tuf-js/dist/error.js";
import type { RoleName } from "./inspect.ts";
import { type Refused, ReleaseRefused, refused } from "./refusal.ts";
import type { ReleaseSource } from "./source.ts";

/** Never dialled: the library insists on something that looks like an address. */
export const BASE_URL = "https://releases.invalid/metadata";

const NAME = /^(?:[1-9]\d{0,8}\.(?<role>root|targets|snapshot)|timestamp)\.json$/;
const NOT_FOUND = 404;

/** @returns why these bytes must not reach the library */
export type Judge = (role: RoleName, bytes: Uint8Array) => Refused | undefined;

export class ReleaseFetcher implements Fetcher {
  readonly #source: ReleaseSource;
  readonly #judge: Judge;
  /** What was thrown from here last, other than that there is no further root. */
  trouble: unknown;

  constructor(source: ReleaseSource, judge: Judge) {
    this.#source = source;
    this.#judge = judge;
  }

  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    try {
      return await this.#bytesOf(url, maxLength);
    } catch (error) {
      if (!(error instanceof DownloadHTTPError)) this.trouble = error;
      throw error;
    }
  }

  /** Packages are taken by `take.ts`, on an open handle (W13): the library would check a path and copy a path. */
  async downloadFile<T>(): Promise<T> {
    throw new ReleaseRefused(refused("CHAIN", "W1", "download"));
  }

  async #bytesOf(url: string, maxLength: number): Promise<Buffer> {
    // W1 Fixed names: nothing of a metadata file becomes a path.
    const name = url.startsWith(`${BASE_URL}/`) ? url.slice(BASE_URL.length + 1) : "";
    const match = NAME.exec(name);
    if (match === null) throw new ReleaseRefused(refused("CHAIN", "W1", name));
    const role = (match.groups?.["role"] ?? "timestamp") as RoleName;
    const bytes = await this.#source.metadata(name, maxLength);
    if (bytes === undefined) {
      // The walk over roots ends by this error of the library's own, and by no other.
      if (role === "root") throw new DownloadHTTPError("not found", NOT_FOUND);
      throw new ReleaseRefused(refused("METADATA_MISSING", "W1", name));
    }
    // W12 Whatever the source thinks of bounds.
    if (bytes.length > maxLength) throw new ReleaseRefused(refused("TOO_LARGE", "W12", name));
    const forbidden = this.#judge(role, bytes);
    if (forbidden !== undefined) throw new ReleaseRefused(forbidden);
    return Buffer.from(bytes);
  }
}
