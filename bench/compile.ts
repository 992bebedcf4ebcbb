/** The parts of the bench that are in C, compiled into `build/` when they are needed. Needs gcc. @module */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OPTIONS = ["-O2", "-Wall", "-D_GNU_SOURCE"];

/** @returns the program made of `bench/NAME.c`, compiled if it is not there or older than its source */
export const compiledProgram = (name: string): string => compiled(name, name, []);

/** @returns the library made of `bench/NAME.c`, to preload into another program */
export const compiledLibrary = (name: string): string =>
  compiled(name, `${name}.so`, ["-shared", "-fPIC"]);

function compiled(name: string, targetName: string, options: readonly string[]): string {
  const source = join(ROOT, "bench", `${name}.c`);
  const target = join(ROOT, "build", targetName);
  if (existsSync(target) && statSync(target).mtimeMs > statSync(source).mtimeMs) return target;
  mkdirSync(join(ROOT, "build"), { recursive: true });
  execFileSync("gcc", [...OPTIONS, ...options, "-o", target, source], { stdio: "inherit" });
  return target;
}
