/** Whether a file can be a package at all: what shows before anything is believed, and without a root of trust. @module */

import { PLATFORMS, platformsOfFile } from "./platforms.ts";
import { readMembers } from "./signature/ar.ts";
import { openRegular } from "./take.ts";

/** `kind`: the end of its name is that of no package. `broken`, such as cut short, is seen of a deb alone, whose members say how long they are. */
export type FileFlaw = "kind" | "empty" | "broken";

/** @throws what the file system says, and `TypeError` for what is no regular file */
export async function flawOfFile(path: string): Promise<FileFlaw | undefined> {
  await using handle = await openRegular(path);
  const [platform] = platformsOfFile(path);
  if (platform === undefined) return "kind";
  if ((await handle.stat()).size === 0) return "empty";
  const isDeb = PLATFORMS[platform].kind === "deb";
  return isDeb && (await readMembers(handle)) === undefined ? "broken" : undefined;
}
