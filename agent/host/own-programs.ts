/**
 * From then on the kernel lets this process start no program but its own, which folders on network shares need (04 P46):
 * no shell, and nothing that somebody has dropped (Landlock, landlock(7)). It cannot be taken back, and holds for threads
 * that are started later.
 *
 * Node's permission model would do it by itself, and cannot be had (ARCHITECTURE.md). An obstacle, no boundary: who runs
 * code in this process may have the dynamic loader map a program; the unit's `NoExecPaths=` refuses that, too.
 *
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { foreignFunctions } from "#packaged/foreign-functions.ts";

/** The same on every architecture since they were added (Linux 5.13). */
const CREATE_RULESET = 444;
const ADD_RULE = 445;
const RESTRICT_SELF = 446;

/** Of a ruleset, asks which version of all this the kernel has. */
const VERSION = 1;
/** From here on renaming between folders can be allowed; before, whoever restricts himself loses it (Linux 5.19). */
const VERSION_LEAST = 2;
const FS_EXECUTE = 1n;
/** Rename and link between folders: refused to whoever restricts himself, unless it is allowed by name. */
const FS_REFER = 1n << 13n;
const RULE_PATH_BENEATH = 1;
/** prctl(2). */
const PR_SET_NO_NEW_PRIVS = 38;

/** What the kernel starts in the place of a program of this architecture: without it, ours does not start either. */
const LOADERS: Readonly<Record<string, string>> = {
  x64: "/lib64/ld-linux-x86-64.so.2",
  arm64: "/lib/ld-linux-aarch64.so.1",
};

/**
 * Call it before any thread is started.
 *
 * @returns whether it is so from now on: not on other systems, older kernels, or where the kernel is told not to
 * @throws {AddOnError} in the executable
 */
export async function startOnlyOwnProgram(own = process.execPath): Promise<boolean> {
  const loader = LOADERS[process.arch];
  if (process.platform !== "linux" || loader === undefined) return false;
  const { load } = await foreignFunctions();
  const libc = load("libc.so.6");
  const create = libc.func("syscall", "long", ["long", "const uint8_t *", "ulong", "ulong"]);
  const addRule = libc.func("syscall", "long", [
    "long",
    "long",
    "long",
    "const uint8_t *",
    "ulong",
  ]);
  const restrict = libc.func("syscall", "long", ["long", "long", "ulong"]);
  const prctl = libc.func("int prctl(int option, ulong a, ulong b, ulong c, ulong d)");

  if (Number(create(CREATE_RULESET, null, 0, VERSION)) < VERSION_LEAST) return false;
  const handled = Buffer.alloc(8);
  handled.writeBigUInt64LE(FS_EXECUTE | FS_REFER);
  const ruleset = Number(create(CREATE_RULESET, handled, handled.length, 0));
  if (ruleset < 0) return false;
  try {
    const allow = (path: string, access: bigint): boolean => {
      const file = openSync(path, "r");
      try {
        const rule = Buffer.alloc(12);
        rule.writeBigUInt64LE(access);
        rule.writeInt32LE(file, 8);
        return Number(addRule(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0)) === 0;
      } finally {
        closeSync(file);
      }
    };
    const isAllowed = [own, loader].every((path) => allow(path, FS_EXECUTE));
    return (
      isAllowed &&
      allow("/", FS_REFER) &&
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) === 0 &&
      Number(restrict(RESTRICT_SELF, ruleset, 0)) === 0
    );
  } finally {
    closeSync(ruleset);
  }
}
