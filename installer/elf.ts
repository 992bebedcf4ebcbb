/** Puts the blob into an executable of Linux (09 1.3, steps 5 and 8). @module */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync } from "node:fs";
import { inject } from "postject";
import type { Platform } from "./runtime.ts";

/** Of Node: it looks for the blob only where this was flipped. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** Of binutils: without its symbols Node is 18 MB smaller. */
const STRIP = { "linux-x64": "x86_64-linux-gnu-strip", "linux-arm64": "aarch64-linux-gnu-strip" };

/** @param platform whose file it is: `strip` is one a platform */
export async function makeElf(
  node: string,
  blob: string,
  file: string,
  platform: keyof typeof STRIP & Platform,
): Promise<void> {
  copyFileSync(node, file);
  chmodSync(file, 0o755);
  execFileSync(STRIP[platform], ["--strip-all", file]);
  await inject(file, "NODE_SEA_BLOB", readFileSync(blob), { sentinelFuse: FUSE });
}
