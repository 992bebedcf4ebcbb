/** `setup.exe`, by NSIS (09 2, PK19). @module */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../root.ts";
import { sourceDate } from "../source-date.ts";
import type { WindowsFiles } from "./layout.ts";

export interface SetupOptions {
  /** As `1.2.3`. */
  readonly version: string;
  /** Small takes a minute of a processor. */
  readonly packing: "small" | "fast";
}

/** @returns its path, in `dist` @throws {Error} what makensis says */
export function makeSetup({ folder }: WindowsFiles, dist: string, options: SetupOptions): string {
  const { version, packing } = options;
  const file = join(dist, `holdfast-${version}-x64-setup.exe`);
  const defines = { VERSION: version, PROGRAM: folder, OUT: file };
  const names = Object.entries(defines).map(([name, value]) => `-D${name}=${value}`);
  const compressor = packing === "small" ? "SetCompressor /SOLID lzma" : "SetCompress off";
  const script = join(ROOT, "installer/windows/setup.nsi");
  const time = `SOURCE_DATE_EPOCH=${sourceDate()}`;
  const packed = ["-V1", `-X${compressor}`, ...names, script];
  execFileSync("env", [time, "makensis", ...packed], { stdio: ["ignore", "inherit", "inherit"] });
  return file;
}
