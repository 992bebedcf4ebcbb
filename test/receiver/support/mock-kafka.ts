/**
 * Brokers that nobody here wrote: the mock cluster of librdkafka, inside Debian's kcat, which also reads
 * back what was published. In memory, in the clear, without logins; topics appear when they are asked for.
 *
 * @module
 */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const READ_MAX_BYTES = 64_000_000;
const READ_MAX_MS = 30_000;

/** @returns false, or what a test says that is skipped because there is no kcat */
export function withoutKcat(): string | false {
  const isThere = () => spawnSync("kcat", ["-V"], { stdio: "ignore" }).status === 0;
  if (!isThere() && process.getuid?.() === 0) {
    spawnSync("apt-get", ["install", "-y", "-q", "--no-install-recommends", "kcat"]);
  }
  return !isThere() && "not tested: the brokers of librdkafka; Debian's kcat is missing";
}

export interface ReadRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly partition: number;
  readonly headers: Readonly<Record<string, string>>;
}

export class MockKafka implements AsyncDisposable {
  /** Of the first broker. */
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  static async start(brokerCount: number): Promise<MockKafka> {
    const cluster = `test.mock.num.brokers=${brokerCount}`;
    // It consumes from itself, so that it goes on; the name of its broker is not looked at.
    const args = ["-C", "-q", "-t", "none", "-b", "none", "-X", cluster, "-d", "mock"];
    const child = spawn("kcat", args, { stdio: ["ignore", "ignore", "pipe"] });
    // A test that is ended does not leave it behind.
    process.once("exit", () => child.kill("SIGKILL"));
    // Read to its end: a program whose output nobody reads stands still.
    const lines = createInterface({ input: child.stderr });
    const port = await new Promise<number>((resolve, reject) => {
      child.once("exit", () => reject(new Error("kcat ended")));
      lines.on("line", (line) => {
        const [, found] = /bootstrap\.servers=127\.0\.0\.1:([0-9]+)/.exec(line) ?? [];
        if (found !== undefined) resolve(Number(found));
      });
    });
    return new MockKafka(port, child);
  }

  /** Everything in a topic, with its CRC checked by librdkafka; partitions one after the other. */
  async read(topic: string): Promise<ReadRecord[]> {
    const records: ReadRecord[] = [];
    // Brokers have four partitions unless they are told otherwise.
    for (let partition = 0; partition < 4; partition += 1) {
      const from = ["-C", "-q", "-e", "-o", "beginning", "-X", "check.crcs=true"];
      const where = ["-b", `127.0.0.1:${this.port}`, "-t", topic, "-p", `${partition}`];
      const form = ["-f", "%K %S %h\n%k%s"];
      const options = {
        encoding: "buffer",
        maxBuffer: READ_MAX_BYTES,
        timeout: READ_MAX_MS,
      } as const;
      const { stdout } = await run("kcat", [...from, ...where, ...form], options);
      records.push(...recordsIn(stdout, partition));
    }
    return records;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

function recordsIn(bytes: Buffer, partition: number): ReadRecord[] {
  const records: ReadRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const lineEnd = bytes.indexOf(10, at);
    const [keyBytes = "", valueBytes = "", headers = ""] = bytes
      .toString("utf8", at, lineEnd)
      .split(" ");
    const valueAt = lineEnd + 1 + Number(keyBytes);
    const key = bytes.toString("utf8", lineEnd + 1, valueAt);
    at = valueAt + Math.max(Number(valueBytes), 0);
    const value = new Uint8Array(bytes.subarray(valueAt, at));
    const pairs = headers.split(",").map((pair) => pair.split("=", 2));
    records.push({ key, value, partition, headers: Object.fromEntries(pairs) });
  }
  return records;
}
