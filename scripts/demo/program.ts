/** One of our programs as a real process. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";

export class Program {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /**
   * Starts a program and waits for the line that says it accepts traffic.
   *
   * @param logFile where its standard error goes, appended
   * @throws if it ends before that
   */
  static async start(args: readonly string[], logFile: string): Promise<Program> {
    const all = [...process.execArgv, ...args];
    const child = spawn(process.execPath, all, { stdio: ["ignore", "pipe", "pipe"] });
    child.stderr.pipe(createWriteStream(logFile, { flags: "a" }));
    const lines = createInterface({ input: child.stdout });
    const started = once(lines, "line").then(() => true);
    const ended = once(child, "exit").then(() => false);
    if (!(await Promise.race([started, ended]))) {
      throw new Error(`${args.join(" ")} ended with ${child.exitCode}; see ${logFile}`);
    }
    return new Program(child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Sends the signal and waits for the end. */
  async stop(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }
}

/** Runs a program to its end and gives its standard output. @throws on an exit code that is not expected */
export async function output(
  args: readonly string[],
  exits: readonly number[] = [0],
): Promise<string> {
  const child = spawn(process.execPath, [...args], { stdio: ["ignore", "pipe", "inherit"] });
  const parts: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => parts.push(part));
  const [code] = (await once(child, "close")) as [number | null];
  if (code === null || !exits.includes(code))
    throw new Error(`${args.join(" ")} ended with ${code}`);
  return Buffer.concat(parts).toString("utf8");
}
