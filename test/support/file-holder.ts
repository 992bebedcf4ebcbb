/**
 * Another program that has a file open, as a writer or a virus scanner has. Asked by `Holder`; a program of its own,
 * because what one process opens can be shared differently from another's only between processes.
 *
 * @module
 */
import { type ChildProcess, fork } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** libuv's UV_FS_O_EXLOCK: shares neither reading nor writing nor deleting. */
const SHARE_NOTHING = 0x1000_0000;

interface Order {
  readonly path: string;
  readonly share: "all" | "nothing";
  /** Opens, writes a byte and closes again and again, so often. */
  readonly times?: number;
  /** Closes by itself. */
  readonly forMs?: number;
}

function open({ path, share }: Order): number {
  return openSync(path, constants.O_RDWR | (share === "nothing" ? SHARE_NOTHING : 0));
}

/** @returns how often it could not be opened */
function write(order: Order): number {
  let refused = 0;
  for (let at = 0; at < (order.times ?? 0); at++) {
    try {
      const descriptor = open(order);
      writeSync(descriptor, "M", 0);
      closeSync(descriptor);
    } catch {
      refused += 1;
    }
  }
  return refused;
}

let held: number | undefined;
function obey(order: Order | "release"): unknown {
  if (order === "release") {
    if (held !== undefined) closeSync(held);
    held = undefined;
    return "released";
  }
  if (order.times !== undefined) return write(order);
  held = open(order);
  if (order.forMs !== undefined) setTimeout(() => obey("release"), order.forMs);
  return "held";
}

if (process.argv[2] === "hold") {
  process.on("message", (order: Order | "release") => process.send?.(obey(order)));
  process.on("disconnect", () => process.exit(0));
}

export class Holder implements AsyncDisposable {
  readonly #child: ChildProcess = fork(fileURLToPath(import.meta.url), ["hold"], { execArgv: [] });

  /** Has it open once this resolves. @param forMs closes by itself then */
  async hold(path: string, share: "all" | "nothing", forMs?: number): Promise<void> {
    await this.#ask({ path, share, ...(forMs === undefined ? {} : { forMs }) });
  }

  async release(): Promise<void> {
    await this.#ask("release");
  }

  /** @returns how often it could not open it, out of `times` */
  async write(path: string, times: number): Promise<number> {
    return Number(await this.#ask({ path, share: "nothing", times }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  #ask(order: Order | "release"): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#child.once("message", resolve);
      this.#child.once("exit", () => reject(new Error("the holder has ended")));
      this.#child.send(order);
    });
  }
}
