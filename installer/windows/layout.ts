/** What Windows's packages hold, as it will lie: the executable, its native code in `lib`, its papers in `doc` (09 2.1, PK8). @module */
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { Made } from "../bill/made.ts";
import { settle } from "../linux/stage.ts";

export interface WindowsFiles {
  /** `holdfast.exe`, `lib` and `doc`, and nothing else. */
  readonly folder: string;
  /** The names in `lib`, in order. */
  readonly addOns: readonly string[];
  /** The names in `doc`, in order. */
  readonly papers: readonly string[];
}

/**
 * @param made with its native code under the names that it asks for
 * @param papers notices and lists of parts
 * @param folder is made anew
 */
export function layOut(
  made: Pick<Made, "file" | "addOns">,
  papers: readonly string[],
  folder: string,
): WindowsFiles {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  copyFileSync(made.file, join(folder, "holdfast.exe"));
  const addOns = copied(Object.values(made.addOns), join(folder, "lib"));
  const named = copied(papers, join(folder, "doc"));
  settle(folder);
  return { folder, addOns, papers: named };
}

function copied(files: readonly string[], folder: string): string[] {
  mkdirSync(folder);
  for (const file of files) copyFileSync(file, join(folder, basename(file)));
  return files.map((file) => basename(file)).sort();
}
