/**
 * A clean Debian with systemd as its first process, in namespaces of its own (systemd-nspawn), on the network of this
 * machine: what a package does to a machine is tried on one.
 *
 * @module
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Said } from "./built-executable.ts";
import { until } from "./processes.ts";

const ROOTS = join(import.meta.dirname, "../../build/roots");
const MIRROR = "http://deb.debian.org/debian";
const BOOT_MS = 60_000;
const COMMAND_MS = 120_000;

export type Suite = "bullseye" | "bookworm" | "trixie";

/** Why no machine can be made here, or `false`. */
export function containerMissing(): string | false {
  if (process.getuid?.() !== 0) return "not root: no container can be started";
  for (const program of ["mmdebstrap", "systemd-nspawn"]) {
    if (spawnSync(program, ["--version"], { stdio: "ignore" }).status !== 0)
      return `no ${program} here`;
  }
  return false;
}

/**
 * The root folder of a Debian as it is after its smallest installation, with systemd; fetched once, and kept.
 *
 * @throws {Error} what the tool says: most often that there is no mirror
 */
export function debianRoot(suite: Suite): string {
  const root = join(ROOTS, suite);
  if (existsSync(root)) return root;
  mkdirSync(ROOTS, { recursive: true });
  const work = mkdtempSync(join(ROOTS, `${suite}-`));
  const include = "--include=systemd,systemd-sysv,dbus";
  const options = ["--quiet", "--variant=minbase", include, suite, work, MIRROR];
  // Several test files ask at once: one makes it, and the others wait for that one.
  const made = `test -d "$0" || { mmdebstrap "$@" && mv -T "$work" "$0"; }`;
  execFileSync("flock", [join(ROOTS, `${suite}.lock`), "sh", "-c", made, root, ...options], {
    ...{ env: { ...process.env, work }, stdio: ["ignore", "ignore", "pipe"] },
  });
  rmSync(work, { recursive: true, force: true });
  return root;
}

export class Container implements AsyncDisposable {
  /** The machine's root, as this machine sees it. */
  readonly root: string;
  readonly #nspawn: ChildProcess;
  /** Process id, on this machine, of its first process. */
  readonly leader: number;

  private constructor(root: string, nspawn: ChildProcess, leader: number) {
    this.root = root;
    this.#nspawn = nspawn;
    this.leader = leader;
  }

  /** A machine of its own for this test, once systemd has started what it starts. */
  static async boot(suite: Suite): Promise<Container> {
    const clean = debianRoot(suite);
    const root = mkdtempSync(join(ROOTS, "machine-"));
    // A copy: a store is refused on an overlay, whose flushes nobody vouches for (05 S4).
    execFileSync("cp", ["-a", `${clean}/.`, root]);
    const nspawn = spawn(
      "unshare",
      [
        ...["-m", "sh", "-c", `mount --make-rprivate / && exec "$@"`, "sh", "systemd-nspawn"],
        ...["--quiet", "-D", root, "--boot", "--register=no", "--keep-unit", "--console=pipe"],
        // Not among what the container allows by itself; a machine of its own would.
        "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self",
      ],
      { stdio: ["ignore", "ignore", "ignore"] },
    );
    const leader = await firstProcess(nspawn.pid ?? 0);
    const machine = new Container(root, nspawn, leader);
    await until(
      "systemd",
      () => /^(running|degraded)/.test(machine.run("systemctl", "is-system-running").out),
      BOOT_MS,
    );
    return machine;
  }

  /** The beginning of a command line that is run inside. @param env beside that of a login of root's */
  within(env: readonly string[] = []): string[] {
    const inside = ["-t", String(this.leader), "-m", "-u", "-i", "-p", "-r", "-w", "--"];
    const login = ["HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"];
    return ["nsenter", ...inside, "env", "-C", "/root", "-i", ...login, ...env];
  }

  /** Runs a program inside, as root, and waits for its end. */
  run(program: string, ...args: readonly string[]): Said {
    const [nsenter = "", ...inside] = this.within();
    const { stdout, stderr, status } = spawnSync(nsenter, [...inside, program, ...args], {
      ...{ encoding: "utf8", timeout: COMMAND_MS, maxBuffer: 64 * 1_048_576 },
    });
    return { out: stdout + stderr, status };
  }

  /** Runs lines of shell inside. @throws {Error} with all that was said, unless they end with 0 */
  sh(lines: string): string {
    const { out, status } = this.run("sh", "-c", lines);
    if (status !== 0) throw new Error(`${lines}\nended with ${status}:\n${out}`);
    return out;
  }

  /** The host's path of a file inside. */
  path(inside: string): string {
    return join(this.root, inside);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#nspawn.exitCode === null) {
      const ended = once(this.#nspawn, "exit");
      // Of the machine's first process all others end, too.
      process.kill(this.leader, "SIGKILL");
      await ended;
    }
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** It has others before, which make its namespaces and end. */
async function firstProcess(nspawn: number): Promise<number> {
  const children = `/proc/${nspawn}/task/${nspawn}/children`;
  let found: number | undefined;
  await until(
    "the first process of the machine",
    () => {
      if (!existsSync(children)) throw new Error("systemd-nspawn has ended");
      found = readFileSync(children, "utf8").trim().split(" ").map(Number).find(isSystemd);
      return found !== undefined;
    },
    BOOT_MS,
  );
  return found ?? 0;
}

function isSystemd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8") === "systemd\n";
  } catch {
    return false;
  }
}
