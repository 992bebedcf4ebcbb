/** What Windows's packages hold, as it will lie: the executable, and its native code in `lib` beside it (09 2.1, PK8). @module */
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { Made } from "../bill/made.ts";
import { settle } from "../linux/stage.ts";

export interface WindowsFiles {
  /** `holdfast.exe` and `lib`, and nothing else. */
  readonly folder: string;
  /** The names in `lib`, in order. */
  readonly addOns: readonly string[];
}

/** @param made with its native code under the names that it asks for @param folder is made anew */
export function layOut(made: Pick<Made, "file" | "addOns">, folder: string): WindowsFiles {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "lib"), { recursive: true });
  copyFileSync(made.file, join(folder, "holdfast.exe"));
  const files = Object.values(made.addOns);
  for (const file of files) copyFileSync(file, join(folder, "lib", basename(file)));
  settle(folder);
  return { folder, addOns: files.map((file) => basename(file)).sort() };
}
