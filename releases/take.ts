/**
 * W12, W13: a package is copied to where nobody else can write, and judged there, on the handle that stays open.
 * Whatever happens to the file that it came from, what was hashed is what is installed.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Refused, refused } from "./refusal.ts";

const CHUNK_BYTES = 1 << 20;
const STAGED_NAME = /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}$/;
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** A copy of our own. Disposing it closes and removes it. */
export interface Taken extends AsyncDisposable {
  readonly kind: "taken";
  readonly path: string;
  readonly handle: FileHandle;
  readonly length: number;
  /** Hex, of what the open handle reads. */
  readonly sha256: string;
}

/**
 * W13: where a staged package is, as a name that the unprivileged side gave.
 *
 * @returns a path directly in `folder`; refused for anything that could lead elsewhere: a path, `..`, a UNC
 *   path, a drive, a stream of NTFS, a hidden file
 */
export function stagedPath(folder: string, name: string): string | Refused {
  if (!STAGED_NAME.test(name)) return refused("STAGING", "W13", "name");
  return join(folder, name);
}

/**
 * Copies chunks into a new file of `folder`.
 *
 * @param maxBytes W12: not a byte more is written
 * @throws what the source or the file system says; then nothing is left
 */
export async function takeChunks(
  chunks: AsyncIterable<Uint8Array>,
  { folder, maxBytes }: { readonly folder: string; readonly maxBytes: number },
): Promise<Taken | Refused> {
  const unsafe = await whatFolderForbids(folder);
  if (unsafe !== undefined) return unsafe;
  const path = join(folder, "package");
  // W13 Exclusive: nobody had this file open before.
  const handle = await open(path, "wx+", 0o600);
  const dispose = async (): Promise<void> => {
    await handle.close();
    await rm(path, { force: true });
  };
  try {
    let length = 0;
    for await (const chunk of chunks) {
      length += chunk.length;
      // W12
      if (length > maxBytes) {
        await dispose();
        return refused("TOO_LARGE", "W12", `${maxBytes}`);
      }
      await handle.writeFile(chunk);
    }
    await handle.sync();
    const sha256 = await hashOf(handle);
    return { kind: "taken", path, handle, length, sha256, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The chunks of a regular file that is opened once, and no link. */
export async function* chunksOfFile(path: string): AsyncGenerator<Uint8Array> {
  await using handle = await openRegular(path);
  for (;;) {
    const buffer = new Uint8Array(CHUNK_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Whether a copy is the package that the metadata means. */
export function whatContentForbids(
  taken: Pick<Taken, "length" | "sha256">,
  expected: { readonly length: number; readonly sha256: string },
): Refused | undefined {
  if (taken.length !== expected.length) return refused("CONTENT", "W13", "length");
  if (taken.sha256 !== expected.sha256) return refused("CONTENT", "W13", "sha256");
  return undefined;
}

/** Opened once, and no link. @throws `TypeError` for what is no regular file */
export async function openRegular(path: string): Promise<FileHandle> {
  const handle = await open(path, FLAGS);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new TypeError("Cannot take a package from what is no regular file");
}

async function hashOf(handle: FileHandle): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** W13: a real folder of our own account, that others cannot write to. Rights on Windows are the installer's. */
async function whatFolderForbids(folder: string): Promise<Refused | undefined> {
  const stat = await lstat(folder);
  if (!stat.isDirectory()) return refused("STAGING", "W13", "no-folder");
  const uid = process.getuid?.();
  if (uid === undefined) return undefined;
  if (stat.uid !== uid) return refused("STAGING", "W13", "owner");
  return (stat.mode & 0o022) === 0 ? undefined : refused("STAGING", "W13", "rights");
}
