/** Programs of the platform: run without a shell, with an environment and a time of our own choosing. @module */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";

/** Programs are those of the system, not of whoever calls. */
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
const LIMIT_MS = 300_000;
const OUTPUT_MAX_BYTES = 1 << 20;

export type Command = readonly [program: string, ...args: string[]];

export interface Ran {
  /** Null if it ended by a signal, ours after 5 minutes among them. */
  readonly status: number | null;
  /** Standard output and error, each at most 1 MB. */
  readonly stdout: string;
  readonly stderr: string;
}

/** @returns undefined if there is no such program */
export async function runTool([program, ...args]: Command): Promise<Ran | undefined> {
  const child = spawn(program, args, {
    ...{ env: ENVIRONMENT, signal: limit(), stdio: ["ignore", "pipe", "pipe"] },
  });
  const [stdout, stderr] = [collected(child.stdout), collected(child.stderr)];
  const status = await endOf(child);
  if (status === "absent") return undefined;
  return { status, stdout: await stdout, stderr: await stderr };
}

/**
 * Runs one program into the next and hashes what comes out.
 *
 * @returns hex SHA-256; `failed` if one of them failed or nothing came out; undefined if one of them is absent
 */
export async function hashOfPipe(
  commands: readonly Command[],
): Promise<string | "failed" | undefined> {
  const hash = createHash("sha256");
  let bytes = 0;
  const children = commands.map(([program, ...args]) =>
    spawn(program, args, {
      env: ENVIRONMENT,
      signal: limit(),
      stdio: ["pipe", "pipe", "ignore"],
    }),
  );
  for (const [at, child] of children.entries()) {
    // A reader that has enough closes its end.
    child.stdin.on("error", () => {});
    const next = children[at + 1];
    if (at === 0) child.stdin.end();
    if (next !== undefined) child.stdout.pipe(next.stdin);
  }
  const last = children.at(-1);
  last?.stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  const ends = await Promise.all(
    children.map(async (child) => {
      const end = await endOf(child);
      // The others would wait for it, or for room in a pipe that nobody reads.
      if (end !== 0) for (const other of children) other.kill();
      return end;
    }),
  );
  if (ends.includes("absent")) return undefined;
  return ends.every((end) => end === 0) && bytes > 0 ? hash.digest("hex") : "failed";
}

type Child = ReturnType<typeof spawn>;

/** Not `timeout` of `spawn`: after a program that is not there its timer keeps the process alive. */
const limit = (): AbortSignal => AbortSignal.timeout(LIMIT_MS);

function endOf(child: Child): Promise<number | null | "absent"> {
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(error.name === "AbortError" ? null : "absent"));
    child.on("close", (status) => resolve(status));
  });
}

async function collected(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes <= OUTPUT_MAX_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
