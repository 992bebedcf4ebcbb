/** A package's files as they will lie, below a folder (09 PK13: of one time, and of fixed rights). @module */
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { sourceDate } from "../source-date.ts";
import type { LinuxPackage } from "./contents.ts";

/** @param folder is made anew */
export function stage({ name, files }: LinuxPackage, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  for (const { path, from, mode } of files) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(from, target);
    chmodSync(target, mode);
  }
  mkdirSync(join(folder, "usr/bin"), { recursive: true });
  symlinkSync(`/opt/${name}/bin/${name}`, join(folder, "usr/bin", name));
  settle(folder);
}

/** Folders of mode 0755 and everything of the time of the commit, whatever the umask and the clock are here. */
export function settle(folder: string): void {
  const seconds = sourceDate();
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).concat("")) {
    const path = join(folder, name);
    if (lstatSync(path).isDirectory()) chmodSync(path, 0o755);
    lutimesSync(path, seconds, seconds);
  }
}
