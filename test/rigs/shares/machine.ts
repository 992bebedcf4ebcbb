/**
 * One small virtual machine: Debian's kernel under QEMU, with this system's files as they are, read only.
 * It has no network to the outside.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { kernelVersion, PACKAGES_FOLDER } from "./packages.ts";

export type Accelerator = "kvm" | "tcg";

const MEMORY_MIB = 1_024;
const PROCESSORS = 2;
/** vm/init says so, after two seconds. */
const STARTED = "shares: kernel and modules";
/** Until then a kernel has started, or the accelerator does not work. */
const START_MAX_MS = 20_000;
const LOOK_MS = 100;
const ACCELERATORS = {
  kvm: ["-accel", "kvm", "-cpu", "host"],
  tcg: ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max"],
} as const;

export interface Machine {
  /** Absolute: what vm/init is told (`machine.env`), and what comes back. Visible inside as `/out`. */
  readonly out: string;
  readonly initramfs: string;
  /** A sparse file; lost with the machine, so it is never flushed. */
  readonly disk: string;
  /** Written to this file: everything that the kernel and vm/ say. */
  readonly console: string;
  readonly timeoutMs: number;
}

/**
 * What to try, the best first. KVM without the processor's own virtualisation exists (PVM): it makes a
 * machine, in which only kernels start that know it.
 */
export function accelerators(): readonly Accelerator[] {
  const hasVirtualisation = /^flags\b.*\b(vmx|svm)\b/m.test(readFileSync("/proc/cpuinfo", "utf8"));
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
  } catch {
    return ["tcg"];
  }
  return hasVirtualisation ? ["kvm", "tcg"] : ["tcg"];
}

/**
 * Runs the machine until it ends by itself, or is ended after `timeoutMs`.
 *
 * @returns what it ran on: the first accelerator with which a kernel starts; undefined if with none
 */
export async function runMachine(
  machine: Machine,
  candidates: readonly Accelerator[],
): Promise<Accelerator | undefined> {
  for (const [index, accelerator] of candidates.entries()) {
    await using qemu = new Qemu(machine, accelerator);
    const isLast = index === candidates.length - 1;
    // A busy machine may need long for a kernel that starts.
    if (!isLast && !(await qemu.started())) continue;
    await qemu.exited;
    if (consoleOf(machine.console).includes(STARTED)) return accelerator;
  }
  return undefined;
}

class Qemu implements AsyncDisposable {
  readonly #console: string;
  readonly #child: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly #end = (): boolean => this.#child.kill("SIGTERM");

  constructor(machine: Machine, accelerator: Accelerator) {
    this.#console = machine.console;
    // timeout(1) ends it even if the test itself is killed meanwhile.
    const limit = ["--kill-after=5", `${machine.timeoutMs / 1_000}`];
    const args = [...limit, "qemu-system-x86_64", ...commandLine(machine, accelerator)];
    this.#child = spawn("timeout", args, { stdio: "ignore" });
    this.exited = once(this.#child, "exit");
    process.once("exit", this.#end);
  }

  /** @returns whether a kernel runs; after its end, or after START_MAX_MS */
  async started(): Promise<boolean> {
    for (let waitedMs = 0; waitedMs < START_MAX_MS; waitedMs += LOOK_MS) {
      const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
      if (consoleOf(this.#console).includes(STARTED)) return true;
      if (hasEnded) return false;
      await pause(LOOK_MS);
    }
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off("exit", this.#end);
    this.#end();
    await this.exited;
  }
}

/** What was said so far. */
export function consoleOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function commandLine(machine: Machine, accelerator: Accelerator): readonly string[] {
  const { out, initramfs, disk } = machine;
  const kernel = join(PACKAGES_FOLDER, `boot/vmlinuz-${kernelVersion(PACKAGES_FOLDER)}`);
  return [
    ...ACCELERATORS[accelerator],
    ...["-machine", "pc", "-m", `${MEMORY_MIB}`, "-smp", `${PROCESSORS}`],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-serial", `file:${machine.console}`],
    ...["-kernel", kernel, "-initrd", initramfs],
    ...[
      "-append",
      "console=ttyS0 quiet panic=-1 reboot=t mitigations=off nokaslr cryptomgr.notests",
    ],
    ...shared("host", "/", ",readonly=on"),
    ...shared("packages", PACKAGES_FOLDER, ",readonly=on"),
    ...shared("out", out, ""),
    ...["-drive", `if=none,id=disk,format=raw,cache=unsafe,file=${commas(disk)}`],
    ...["-device", "virtio-blk-pci,drive=disk"],
  ];
}

function shared(tag: string, path: string, more: string): readonly string[] {
  // Inode numbers of several file systems below one root are kept apart.
  const how = `security_model=passthrough,multidevs=remap${more}`;
  return [
    ...["-fsdev", `local,id=${tag},path=${commas(path)},${how}`],
    ...["-device", `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
}

/** QEMU's way to quote. */
const commas = (path: string): string => path.replaceAll(",", ",,");
