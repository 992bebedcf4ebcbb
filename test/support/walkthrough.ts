/**
 * A page whose commands are run: the blocks of one section, as they stand there, and what the page says that they print.
 *
 * A block ```` ```sh ```` is run in a bash of its own, in one folder. A block ```` ```text ```` says what the block before
 * it prints, of which `…` stands for anything within a line, and on a line of its own for any lines.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

/** How a block is marked: it starts a program whose clock a test moves; it waits until time has passed there. */
export type BlockKind = "plain" | "starts" | "waits";

export interface Block {
  /** Of its first line, in the page. */
  readonly line: number;
  readonly kind: BlockKind;
  readonly commands: string;
  /** Absent: the page says nothing of it. */
  readonly prints?: string;
}

const FENCE = /^```(\S*)(?: (.*))?$/;
const KINDS: Readonly<Record<string, BlockKind>> = {
  "": "plain",
  starts: "starts",
  waits: "waits",
};

/**
 * @param heading of the section, which ends with the next heading of its level
 * @throws {Error} what is no such page: nothing of it may be passed over
 */
export function blocksOf(page: string, heading: string): readonly Block[] {
  const lines = page.split("\n");
  const begin = lines.indexOf(heading);
  if (begin < 0) throw new Error(`there is no section ${heading}`);
  const level = `${/^#+/.exec(heading)?.[0]} `;
  const blocks: Block[] = [];
  for (let index = begin + 1; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    if (line.startsWith(level)) break;
    const [, language, mark = ""] = FENCE.exec(line) ?? [];
    if (language === undefined) continue;
    const end = lines.indexOf("```", index + 1);
    if (end < 0) throw new Error(`line ${index + 1}: the block does not end`);
    const text = lines.slice(index + 1, end).join("\n");
    const kind = KINDS[mark];
    const last = blocks.at(-1);
    if (language === "sh" && kind !== undefined) {
      blocks.push({ line: index + 1, kind, commands: text });
    } else if (language === "text" && last !== undefined && last.prints === undefined) {
      blocks.splice(-1, 1, { ...last, prints: text });
    } else throw new Error(`line ${index + 1}: neither commands nor what they print`);
    index = end;
  }
  return blocks;
}

/** Whether `said` is what a page says. */
export const isAsSaid = (said: string, prints: string): boolean =>
  areAsSaid(said.trimEnd().split("\n"), prints.split("\n"));

function areAsSaid(said: readonly string[], [line, ...lines]: readonly string[]): boolean {
  if (line === undefined) return said.length === 0;
  if (line.trim() === "…") {
    return [...said.keys(), said.length].some((from) => areAsSaid(said.slice(from), lines));
  }
  const [first, ...rest] = said;
  if (first === undefined) return false;
  const words = line.split("…").map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${words.join(".*")}$`).test(first) && areAsSaid(rest, lines);
}

/** A block that takes longer does not come to its end. */
const LIMIT_MS = 60_000;

export interface Ran {
  readonly code: number | null;
  /** Both outputs, as a terminal shows them. */
  readonly said: string;
}

/** A folder in which blocks are run one after the other. Disposal ends whatever they have started. */
export class Walk implements Disposable {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #within: readonly string[];
  readonly #groups: number[] = [];

  /** @param within a command line before each shell: what runs it on another machine */
  constructor(folder: string, env: NodeJS.ProcessEnv, within: readonly string[] = []) {
    this.#folder = folder;
    this.#env = env;
    this.#within = within;
  }

  /** @param more of the environment @param onSaid all that was said so far, at each part of it */
  async run(
    { commands }: Block,
    more: NodeJS.ProcessEnv = {},
    onSaid: (said: string) => void = () => {},
  ): Promise<Ran> {
    const lines = ["bash", "-euo", "pipefail", "-c", `exec 2>&1\n${commands}`];
    const [program = "", ...args] = [...this.#within, ...lines];
    const shell = spawn(program, args, {
      cwd: this.#folder,
      env: { ...this.#env, ...more },
      // A group of its own, in which everything stays that it starts.
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    if (shell.pid !== undefined) this.#groups.push(shell.pid);
    const end = setTimeout(() => shell.kill("SIGKILL"), LIMIT_MS);
    let said = "";
    shell.stdout.setEncoding("utf8").on("data", (part: string) => {
      said += part;
      onSaid(said);
    });
    const [code] = (await once(shell, "exit")) as [number | null];
    clearTimeout(end);
    return { code, said };
  }

  [Symbol.dispose](): void {
    for (const group of this.#groups) {
      try {
        process.kill(-group, "SIGKILL");
      } catch {
        // Nothing of it runs any more.
      }
    }
  }
}
