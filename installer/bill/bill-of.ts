/** The bills of executables: every part once in each (09 PK14). @module */
import { type Platform, runtimeOf } from "../runtime.ts";
import { bundledPackages } from "./bundled-packages.ts";
import { type LockFile, readLockFile } from "./lock-file.ts";
import type { Made } from "./made.ts";
import { nativeParts } from "./native-code.ts";
import { nodeParts } from "./node-parts.ts";
import { type Bill, byPurl, type Part } from "./part.ts";

/** @throws {Error} that names a part that cannot be accounted for */
export function billsOf(made: readonly Made[], lock: LockFile = readLockFile()): readonly Bill[] {
  const nodes = new Map<Platform, readonly Part[]>();
  return made.map((one) => {
    const { platform } = one;
    const node =
      nodes.get(platform) ?? nodeParts({ executable: runtimeOf(platform).node, platform }, lock);
    nodes.set(platform, node);
    return billOf(one, node, lock);
  });
}

function billOf(made: Made, node: readonly Part[], lock: LockFile): Bill {
  const { program, platform, metafiles, addOns } = made;
  const { packages, direct } = bundledPackages(metafiles, program.files, lock);
  const native = nativeParts(addOns, platform, lock);
  const parts = new Map<string, Part>();
  for (const part of [...packages, ...native, ...node]) {
    parts.set(part.purl, merged(part, parts.get(part.purl)));
  }
  const needed = new Set([...parts.values()].flatMap(({ needs }) => needs));
  // Nobody's but ours: native code whose package has no JavaScript in the program, and Node.
  const loose = [...native, ...node].map(({ purl }) => purl).filter((purl) => !needed.has(purl));
  return {
    ...{ program, platform, parts: [...parts.values()].sort(byPurl) },
    direct: [...new Set([...direct, ...loose])].sort(),
  };
}

/** A package may lie there with its JavaScript, with its native code, and as a part of Node. */
function merged(part: Part, before: Part | undefined): Part {
  if (before === undefined) return part;
  const hashes = new Map([...before.hashes, ...part.hashes].map((hash) => [hash.hex, hash]));
  return {
    ...before,
    hashes: [...hashes.values()],
    texts: [...new Set([...before.texts, ...part.texts])],
    needs: [...new Set([...before.needs, ...part.needs])].sort(),
  };
}
