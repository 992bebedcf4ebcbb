/** The programs as `npm run build` bundles them for Linux x64, without the executables around them. @module */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stop } from "esbuild";
import type { Made } from "#installer/bill/made.ts";
import { bundleProgram, bundleThread } from "#installer/bundle.ts";
import { AGENT, type Program, RECEIVER, SIGN_TOOL } from "#installer/programs.ts";
import { runtimeOf } from "#installer/runtime.ts";

export interface Bundles {
  readonly made: Made;
  /** The bundles, each with its source map beside it. */
  readonly files: readonly string[];
}

export class BundledPrograms implements Disposable {
  readonly folder: string;
  readonly all: readonly Bundles[];

  private constructor(folder: string, all: readonly Bundles[]) {
    this.folder = folder;
    this.all = all;
  }

  static async make(programs = [AGENT, RECEIVER, SIGN_TOOL]): Promise<BundledPrograms> {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-bundled-"));
    const all: Bundles[] = [];
    for (const program of programs) all.push(await bundled(program, folder));
    await stop();
    return new BundledPrograms(folder, all);
  }

  get made(): readonly Made[] {
    return this.all.map(({ made }) => made);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function bundled(program: Program, folder: string): Promise<Bundles> {
  const work = join(folder, "bundles", program.name);
  mkdirSync(work, { recursive: true });
  const main = await bundleProgram(program, work);
  const threads = await Promise.all(program.threads.map((thread) => bundleThread(thread, work)));
  const { addOns } = runtimeOf("linux-x64");
  const own = program.addOns.map((name) => [name, addOns[name]] as const);
  const all = [main, ...threads];
  return {
    made: {
      ...{ program, platform: "linux-x64", file: join(folder, program.name) },
      metafiles: all.map(({ metafile }) => metafile),
      addOns: Object.fromEntries(own),
    },
    files: all.map(({ file }) => file),
  };
}
