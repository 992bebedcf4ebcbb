/**
 * What the machine of the shares is made of, from Debian: unpacked into a folder, not installed, so that no
 * server starts here and no kernel settles in. QEMU alone is installed.
 *
 * @module
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

/** Fetched with what they need and this system lacks. */
const SERVERS = [
  ...["samba", "cifs-utils", "nfs-kernel-server", "iptables"],
  ...["iproute2", "procps", "e2fsprogs", "python3"],
];
/** Fetched even where they are installed: they are looked for in the folder. */
const BOOT = ["busybox-static", "kmod"];
const KERNEL = "linux-image-amd64";
/** Of the kernel's 400 MB. */
const KERNEL_PARTS = [
  ...["fs", "net", "crypto", "lib", "arch", "drivers/virtio"],
  ...["drivers/block/virtio_blk.ko", "drivers/net/veth.ko"],
];
const QEMU = { program: "qemu-system-x86_64", name: "qemu-system-x86" };
const UNPACK_FORMAT = 1;

const BUILD = join(import.meta.dirname, "../../../build/rigs");
const KEY = createHash("sha256")
  .update(JSON.stringify([UNPACK_FORMAT, SERVERS, BOOT, KERNEL, KERNEL_PARTS]))
  .digest("hex")
  .slice(0, 12);

/** Root of the unpacked packages; complete if it is there. */
export const PACKAGES_FOLDER = join(BUILD, `shares-${KEY}`);
/** Held by the one who unpacks: test files run side by side. */
export const PACKAGES_LOCK = join(BUILD, "shares.lock");
export const PACKAGE_NAMES: readonly string[] = [QEMU.name, KERNEL, ...BOOT, ...SERVERS];

const runs = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: "ignore" }).status === 0;

export const packagesReady = (): boolean =>
  existsSync(PACKAGES_FOLDER) && runs(QEMU.program, "--version");

/** Fetches and unpacks what is missing; ten seconds where Debian is near and the machine is quiet. @throws {Error} if a step fails */
export function unpackPackages(): void {
  try {
    installAndUnpack();
  } catch {
    // What is known of Debian's packages may be old, or nothing.
    apt("update", "-qq");
    installAndUnpack();
  }
}

function installAndUnpack(): void {
  const quietly = ["-y", "-qq", "--no-install-recommends"];
  if (!runs(QEMU.program, "--version")) apt("install", ...quietly, QEMU.name);
  if (existsSync(PACKAGES_FOLDER)) return;
  const folder = `${PACKAGES_FOLDER}.new`;
  const fetched = `${PACKAGES_FOLDER}.fetched`;
  for (const old of [folder, fetched]) rmSync(old, { recursive: true, force: true });
  mkdirSync(join(fetched, "partial"), { recursive: true });
  apt("install", ...quietly, "-d", "-o", `Dir::Cache::archives=${fetched}`, ...SERVERS);
  execFileSync("apt-get", ["download", "-qq", ...BOOT, kernelPackage()], {
    cwd: fetched,
    stdio: "pipe",
  });

  // As in a system that is installed: /lib and the others are links, and packages write through them.
  for (const name of ["bin", "lib", "lib64", "sbin"]) {
    mkdirSync(join(folder, "usr", name), { recursive: true });
    symlinkSync(join("usr", name), join(folder, name));
  }
  for (const file of globSync(join(fetched, "*.deb"))) unpack(file, folder);
  // The program decides by its name what it is.
  const kmod = join(folder, "usr/bin/kmod");
  const depmod = spawnSync(kmod, ["-b", folder, kernelVersion(folder)], { argv0: "depmod" });
  if (depmod.status !== 0) throw new Error(`depmod failed: ${depmod.stderr}`);
  rmSync(fetched, { recursive: true });
  renameSync(folder, PACKAGES_FOLDER);
}

function apt(...args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const patient = ["-o", "DPkg::Lock::Timeout=300"];
  execFileSync("apt-get", [...patient, ...args], { stdio: "pipe", env });
}

/** The metapackage names the version. */
function kernelPackage(): string {
  const said = execFileSync("apt-cache", ["depends", KERNEL], { encoding: "utf8" });
  const [, name] = /Depends: (linux-image-\S+)/.exec(said) ?? [];
  if (name === undefined) throw new Error(`${KERNEL} names no kernel: ${said}`);
  return name;
}

function unpack(file: string, folder: string): void {
  const isKernel = file.includes("/linux-image-");
  const modules = "./lib/modules/*";
  const wanted = isKernel
    ? ["./boot", `${modules}/modules.*`, ...KERNEL_PARTS.map((part) => `${modules}/kernel/${part}`)]
    : ["--exclude=./usr/share/doc", "--exclude=./usr/share/man", "."];
  const pipe = 'dpkg-deb --fsys-tarfile "$1" | (shift; exec tar -x --wildcards -C "$@")';
  const args = [file, folder, "--keep-directory-symlink", ...wanted];
  execFileSync("bash", ["-o", "pipefail", "-c", pipe, "unpack", ...args], { stdio: "pipe" });
}

/** @returns such as `6.1.0-56-amd64` */
export function kernelVersion(folder: string): string {
  const [image = ""] = globSync(join(folder, "boot/vmlinuz-*"));
  return image.slice(image.indexOf("vmlinuz-") + "vmlinuz-".length);
}
