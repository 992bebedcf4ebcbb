/** Whether the disk under a folder is encrypted by this machine (08 2.6): Linux's device mapper says so. @module */
import { readdirSync, readFileSync, statSync } from "node:fs";

/** Of layers upon layers: more than anybody stacks. */
const DEPTH_MAX = 8;

/**
 * @returns `undefined` where it cannot be told: no Linux, or a file system without a device of its own
 */
export function isEncrypted(folder: string, sys = "/sys"): boolean | undefined {
  if (process.platform !== "linux") return undefined;
  const device = statSync(folder).dev;
  const block = `${sys}/dev/block/${majorOf(device)}:${minorOf(device)}`;
  return textOf(`${block}/dev`) === "" ? undefined : isAnyCrypt(block, DEPTH_MAX);
}

function isAnyCrypt(block: string, depth: number): boolean {
  if (textOf(`${block}/dm/uuid`).startsWith("CRYPT-")) return true;
  const below = depth === 0 ? [] : namesIn(`${block}/slaves`);
  return (
    below.length > 0 && below.every((name) => isAnyCrypt(`${block}/slaves/${name}`, depth - 1))
  );
}

/** As makedev(3) of glibc packs them. */
const majorOf = (device: number): number => Math.floor(device / 256) % 4_096;
const minorOf = (device: number): number => (device % 256) + Math.floor(device / 2 ** 20) * 256;

function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    // No such layer.
    return "";
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
