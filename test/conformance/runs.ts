/** `npm run conformance` as a process, and what it said. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePair, type Pair, type PairOptions } from "#scripts/make-pair.ts";
import { Started } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const ROOT = join(import.meta.dirname, "../..");

export interface Run {
  readonly code: number | null;
  readonly out: string;
  /** The line of each scenario, without what follows a failure. */
  readonly lines: readonly string[];
}

/** Runs it to its end. */
export async function conformance(...args: readonly string[]): Promise<Run> {
  const main = join(ROOT, "scripts/conformance/main.ts");
  await using started = new Started([process.execPath, main, ...args]);
  let out = "";
  started.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  const { code } = await started.ended;
  const lines = out.split("\n").filter((line) => /^(ok|FAILED|skipped) +\[/.test(line));
  return { code, out: `${out}${started.errors}`, lines };
}

/** An agent and a receiver on disk; nothing is started. */
export class PairFolder implements Disposable {
  readonly path: string;
  readonly pair: Pair;

  private constructor(path: string, pair: Pair) {
    this.path = path;
    this.pair = pair;
  }

  static async make(more: Pick<PairOptions, "receiverYaml"> = {}): Promise<PairFolder> {
    const path = mkdtempSync(join(tmpdir(), "holdfast-conformance-"));
    return new PairFolder(path, await makePair({ folder: path, ...more }));
  }

  /** What an agent needs, and what a receiver needs. */
  get agentIdentity(): string {
    return join(this.path, "agent/identity");
  }

  get serverIdentity(): string {
    return join(this.path, "receiver/tls");
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The command that shows what our receiver stores. */
export function exportCommand(receiverConfig: string): string {
  const main = programFile("receiver/main.ts");
  return `"${process.execPath}" "${main}" export --body --config "${receiverConfig}"`;
}
