/** An executable that was made, and all that went into it. @module */
import type { Metafile } from "esbuild";
import type { Program } from "../programs.ts";
import type { Platform } from "../runtime.ts";

export interface Made {
  readonly program: Program;
  readonly platform: Platform;
  /** Its path, in `dist`. */
  readonly file: string;
  /** Of the program and of its threads. */
  readonly metafiles: readonly Metafile[];
  /** Paths of the native code inside, by name. */
  readonly addOns: Readonly<Record<string, string>>;
}
