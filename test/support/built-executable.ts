/** The executable as `npm run build` makes it, with an agent's folder to run it on. @module */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { buildExecutable } from "#installer/executable.ts";
import { AGENT, type Program } from "#installer/programs.ts";
import type { Platform } from "#installer/runtime.ts";
import { shipAddOns } from "#installer/shipped-add-ons.ts";
import { Started } from "./processes.ts";

export interface Said {
  readonly out: string;
  readonly status: number | null;
}

/** Names the file that `npm test` has built. */
export const BUILT_AGENT = "HOLDFAST_BUILT_AGENT";

/** Linux x64: what the machine of the tests runs. */
export const canRun = process.platform === "linux" && process.arch === "x64";

/** Asks both native add-ons, and Windows, something. */
export const NATIVE_PROBE: Program = {
  ...{ name: "holdfast-native-probe", title: "Probe", threads: [], files: [] },
  main: "test/installer/probe/native.ts",
  addOns: ["better-sqlite3", "koffi"],
};

export class BuiltExecutable implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-executable-"));
  readonly file: string;

  private constructor(file: string) {
    this.file = file;
  }

  /** The agent's for Linux is built once, by `npm test`: two that are built at once would write the same files. */
  static async build(
    program: Program = AGENT,
    platform: Platform = "linux-x64",
  ): Promise<BuiltExecutable> {
    const dist = mkdtempSync(join(tmpdir(), "holdfast-dist-"));
    const built = process.env[BUILT_AGENT];
    if (program === AGENT && platform === "linux-x64" && built !== undefined) {
      const file = join(dist, AGENT.name);
      copyFileSync(built, file);
      return new BuiltExecutable(file);
    }
    const { file } = await buildExecutable(program, platform, dist);
    return new BuiltExecutable(file);
  }

  /** The environment of a person whose add-ons lie in this test's folder. */
  env(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const { PATH } = process.env;
    return { PATH, HOME: this.folder, XDG_CACHE_HOME: join(this.folder, "cache"), ...more };
  }

  /** @param file of another place than where it was built */
  command(args: readonly string[], env = this.env(), file = this.file): Said {
    const { stdout, stderr, status } = spawnSync(file, args, { encoding: "utf8", env });
    return { out: stdout + stderr, status };
  }

  start(args: readonly string[], env = this.env(), file = this.file): Started {
    return new Started([file, ...args], env);
  }

  /** As `npm run build` leaves it for the packages: its native code in `lib` beside it. @returns the executable there */
  released(): string {
    const folder = join(this.folder, "released");
    const file = join(folder, basename(this.file));
    shipAddOns("linux-x64", join(folder, "lib"));
    copyFileSync(this.file, file);
    return file;
  }

  /** As a package lays it out: `bin` and, beside it, `lib` with what was loaded once. @returns the executable there */
  install(name: string): string {
    const root = join(this.folder, name);
    mkdirSync(join(root, "bin"), { recursive: true });
    cpSync(this.file, join(root, "bin/holdfast"));
    cpSync(join(this.folder, "cache/holdfast/lib"), join(root, "lib"), { recursive: true });
    return join(root, "bin/holdfast");
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
    rmSync(join(this.file, ".."), { recursive: true, force: true });
  }
}
