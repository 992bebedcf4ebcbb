/**
 * Real CIFS and NFS mounts for tests, in a virtual machine: the sandbox in which tests run has a kernel without
 * them, and a share that hangs must not hang the tests. Inside, the project and the pinned Node are those of
 * the host; `inside.ts` is what a program there can do to the network and the servers.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { writeInitramfs } from "./initramfs.ts";
import { type Accelerator, accelerators, consoleOf, runMachine } from "./machine.ts";
import { PACKAGE_NAMES, PACKAGES_LOCK, packagesReady } from "./packages.ts";

const PROJECT = resolve(import.meta.dirname, "../../..");
const DISK_BYTES = 1024 ** 3;
const PREPARE_MAX_MS = 150_000;
const SHOWN_CHARS = 4_000;

/** What runs inside. */
export interface SharesRun {
  /** From the root of the project. Run by this Node, as root, in the hospital's network. */
  readonly program: string;
  readonly args?: readonly string[];
  /** From the start of the machine, for everything. */
  readonly timeoutMs: number;
  /** mount.cifs(8) without the account: by default version 3.1.1 and what the kernel does otherwise. */
  readonly smbOptions?: string;
  /** nfs(5): by default version 4.2 and what the kernel does otherwise, which is `hard`. */
  readonly nfsOptions?: string;
}

export interface SharesOutcome {
  /** Above 128: ended by a signal, as a shell says it. */
  readonly exitCode: number;
  /** Standard output and standard error, as they came. */
  readonly output: string;
  readonly accelerator: Accelerator;
  /** What the kernel and the machine's own programs said: when each step was done, in seconds. */
  readonly console: string;
}

/**
 * Fetches and unpacks Debian's packages where that is possible and not done.
 *
 * @returns why the rig cannot run here, for the line of a skipped test; else `false`
 */
export function sharesRigMissing(): string | false {
  const line = (why: string): string => `not tested: network shares (CIFS, NFS): ${why}`;
  if (process.platform !== "linux" || process.arch !== "x64") return line("it needs Linux on x64");
  if (process.getuid?.() !== 0) return line("it needs root");
  if (packagesReady()) return false;
  mkdirSync(dirname(PACKAGES_LOCK), { recursive: true });
  const prepare = [process.execPath, join(import.meta.dirname, "prepare.ts")];
  const { stderr } = spawnSync("flock", [PACKAGES_LOCK, ...prepare], {
    encoding: "utf8",
    timeout: PREPARE_MAX_MS,
  });
  if (packagesReady()) return false;
  const [reason = ""] = (stderr ?? "").match(/^(E: |Error: ).*$/m) ?? [];
  return line(`it needs Debian's ${PACKAGE_NAMES.join(" ")} ${reason}`.trim());
}

/**
 * Boots a machine of its own, mounts both shares, runs the program and ends the machine. Each share is a fresh
 * folder of an ext4.
 *
 * @throws {Error} if the machine does not start, a share cannot be mounted, or the program has not ended
 *   after `timeoutMs`; with the end of what program and machine said
 */
export async function runInShares(run: SharesRun): Promise<SharesOutcome> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-shares-"));
  const out = join(folder, "out");
  const initramfs = join(folder, "initramfs");
  const disk = join(folder, "disk");
  const console = join(folder, "console");
  try {
    mkdirSync(out);
    writeFileSync(join(out, "machine.env"), environmentOf(run));
    writeFileSync(disk, "");
    truncateSync(disk, DISK_BYTES);
    writeInitramfs(initramfs);
    const machine = { out, initramfs, disk, console, timeoutMs: run.timeoutMs };
    const accelerator = await runMachine(machine, accelerators());

    const said = (name: string): string => consoleOf(join(out, name));
    const exit = said("exit").trim();
    if (accelerator === undefined || exit === "") {
      throw new Error(
        `the machine did not run ${run.program} to its end ${said("failed")}\n` +
          `--- output\n${said("output").slice(-SHOWN_CHARS)}\n` +
          `--- console\n${consoleOf(console).slice(-SHOWN_CHARS)}`,
      );
    }
    const output = said("output");
    return { exitCode: Number(exit), output, accelerator, console: consoleOf(console) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** For a shell: what vm/ is told. */
function environmentOf(run: SharesRun): string {
  const { smbOptions = "vers=3.1.1", nfsOptions = "vers=4.2" } = run;
  const program = [process.execPath, resolve(PROJECT, run.program), ...(run.args ?? [])];
  return [
    `RIG=${quoted(import.meta.dirname)}`,
    `PROJECT=${quoted(PROJECT)}`,
    `SMB_OPTIONS=${quoted(smbOptions)}`,
    `NFS_OPTIONS=${quoted(nfsOptions)}`,
    // Behind a command that runs another, such as nsenter.
    `run_program() { "$@" ${program.map(quoted).join(" ")}; }`,
    "",
  ].join("\n");
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
