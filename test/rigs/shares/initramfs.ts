/** The file system with which the kernel starts: vm/init, busybox, and the modules by which it reaches the rest. @module */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { kernelVersion, PACKAGES_FOLDER } from "./packages.ts";

const INIT = join(import.meta.dirname, "vm/init");
const MODULES = ["virtio_pci", "virtio_blk", "9pnet_virtio", "9p", "overlay", "ext4"];

/** Writes the archive as `file`, beside a folder of what is in it. */
export function writeInitramfs(file: string): void {
  const folder = `${file}.d`;
  const busybox = join(PACKAGES_FOLDER, "bin/busybox");
  for (const name of ["bin", "modules"]) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(busybox, join(folder, "bin/busybox"));
  copyFileSync(INIT, join(folder, "init"));
  chmodSync(join(folder, "init"), 0o755);

  const all = join(PACKAGES_FOLDER, "lib/modules", kernelVersion(PACKAGES_FOLDER));
  const paths = inOrder(readFileSync(join(all, "modules.dep"), "utf8"));
  for (const path of paths) cpSync(join(all, path), join(folder, "modules", basename(path)));
  const names = paths.map((path) => basename(path));
  writeFileSync(join(folder, "modules/order"), `${names.join("\n")}\n`);

  const inside = execFileSync("find", ["."], { cwd: folder });
  const archive = execFileSync(busybox, ["cpio", "-o", "-H", "newc"], {
    cwd: folder,
    input: inside,
    stdio: ["pipe", "pipe", "ignore"],
    maxBuffer: 64_000_000,
  });
  writeFileSync(file, archive);
}

/** @param dependencies modules.dep: `path: path …`, what is loaded first at the end (modules.dep(5)) */
function inOrder(dependencies: string): readonly string[] {
  const lines = dependencies.split("\n");
  const paths = MODULES.flatMap((name) => {
    const line = lines.find((candidate) => candidate.split(":")[0]?.endsWith(`/${name}.ko`));
    if (line === undefined) throw new Error(`the kernel has no module ${name}`);
    return line.replace(":", "").split(" ").reverse();
  });
  return [...new Set(paths)];
}
