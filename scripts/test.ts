/**
 * `npm test`: every test, each file in a process of its own. A file that fails beside others is run once more, alone
 * (`test-tally.ts`). Ends in the line `N passed, N failed`.
 *
 *   npm test [-- PATTERN …]     only files whose path contains one of the patterns
 *   npm test -- --long          the long ones instead, which take minutes each (`*.long.ts`)
 *
 * Tests that need a Debian package which is missing are skipped with a line that says what was not
 * tested; where we are root the packages are installed first.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { buildExecutable } from "#installer/executable.ts";
import { AGENT } from "#installer/programs.ts";
import { BUILT_AGENT, canRun } from "#test/support/built-executable.ts";
import { PROCESSOR_TIMES } from "#test/support/processor-time.ts";
import { BUNDLED_ROOT } from "#test/support/programs.ts";
import { buildPrograms } from "./build-programs.ts";
import { TestTally } from "./test-tally.ts";
import { fetchWindowsNode } from "./windows-node.ts";

/** Debian packages that tests use, and a program by which each is known to be there. */
const PACKAGES = [
  // Debian's own Python: another one on the path does not see Debian's packages.
  { name: "python3-hl7", has: ["/usr/bin/python3", "-c", "import hl7"] },
  { name: "gcc", has: ["gcc", "--version"] },
  { name: "libc6-dev", has: ["test", "-f", "/usr/include/stdio.h"] },
  { name: "make", has: ["make", "--version"] },
  { name: "pkg-config", has: ["pkg-config", "--version"] },
  { name: "libfuse3-dev", has: ["pkg-config", "--exists", "fuse3"] },
  { name: "fuse3", has: ["fusermount3", "-V"] },
  { name: "e2fsprogs", has: ["mkfs.ext4", "-V"] },
  { name: "systemd", has: ["systemd-analyze", "--version"] },
  { name: "haproxy", has: ["/usr/sbin/haproxy", "-v"] },
  { name: "tinyproxy", has: ["tinyproxy", "-v"] },
  { name: "squid", has: ["/usr/sbin/squid", "-v"] },
  { name: "postgresql", has: ["sh", "-c", "ls /usr/lib/postgresql/*/bin/initdb"] },
  { name: "kcat", has: ["kcat", "-V"] },
  { name: "faketime", has: ["faketime", "--version"] },
  { name: "rsyslog-openssl", has: ["sh", "-c", "ls /usr/lib/*/rsyslog/lmnsd_ossl.so"] },
  { name: "softhsm2", has: ["softhsm2-util", "--version"] },
  { name: "opensc", has: ["sh", "-c", "command -v pkcs11-tool"] },
  { name: "python3-pykcs11", has: ["/usr/bin/python3", "-c", "import PyKCS11"] },
  { name: "gpg", has: ["gpg", "--version"] },
  { name: "gpgv", has: ["gpgv", "--version"] },
  { name: "debsigs", has: ["sh", "-c", "command -v debsigs"] },
  { name: "rpm", has: ["rpmbuild", "--version"] },
  { name: "zstd", has: ["zstd", "--version"] },
  { name: "osslsigncode", has: ["osslsigncode", "--version"] },
  { name: "cpio", has: ["cpio", "--version"] },
  { name: "systemd-container", has: ["systemd-nspawn", "--version"] },
  { name: "mmdebstrap", has: ["mmdebstrap", "--version"] },
  { name: "xfsprogs", has: ["mkfs.xfs", "-V"] },
  { name: "prometheus", has: ["promtool", "--version"] },
  { name: "chromium", has: ["test", "-x", "/usr/bin/chromium"] },
  { name: "osslsigncode", has: ["osslsigncode", "--version"] },
  { name: "binutils-aarch64-linux-gnu", has: ["aarch64-linux-gnu-strip", "--version"] },
  { name: "qemu-user-static", has: ["qemu-aarch64-static", "--version"] },
  // Libraries for it: 15 MB.
  {
    name: "libstdc++6-arm64-cross",
    has: ["test", "-e", "/usr/aarch64-linux-gnu/lib/libstdc++.so.6"],
  },
  // 101 MB to fetch, 740 MB on the disk, 23 s: for the tests of Windows's files.
  { name: "nsis", has: ["makensis", "-VERSION"] },
  { name: "wixl", has: ["wixl", "--version"] },
  { name: "msitools", has: ["sh", "-c", "command -v msibuild"] },
  { name: "wine64", has: ["test", "-x", "/usr/lib/wine/wine64"] },
] as const;
/** How a test asks for the executable. */
const BUILDS_AGENT = "BuiltExecutable.build()";
const TEST_TIMEOUT_MS = 600_000;
/** Compiled code of all that tests start, which is a thousand programs: half of what a start takes. */
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(
  new URL("../build/code-cache", import.meta.url),
);
/** Tests wait for clocks, disks and each other half of their time. */
const CONCURRENCY = availableParallelism() + 1;

function installMissing(): void {
  const missing = PACKAGES.filter(({ has: [program, ...args] }) => {
    return spawnSync(program, args, { stdio: "ignore" }).status !== 0;
  }).map(({ name }) => name);
  if (missing.length === 0 || process.getuid?.() !== 0) return;
  console.log(`installing ${missing.join(", ")} (tests that need them are skipped otherwise)`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore", env });
  const args = ["install", "-y", "-qq", "--no-install-recommends", ...missing];
  spawnSync("apt-get", args, { stdio: "ignore", env });
}

/** So many of the files that took longest are named at the end: where the next minute is to be saved. */
const SLOWEST = 20;

const mostOf = (files: ReadonlyMap<string, number>): (readonly [string, number])[] =>
  [...files]
    .sort(([, one], [, other]) => other - one)
    .slice(0, SLOWEST)
    .map(([file, value]) => [relative(process.cwd(), file), value]);

/** By file, in seconds; empty where no test file wrote it down. */
function costs(): ReadonlyMap<string, number> {
  if (!existsSync(processorTimes)) return new Map();
  const lines = readFileSync(processorTimes, "utf8").trimEnd().split("\n");
  return new Map(lines.map((line) => [line.slice(line.indexOf(" ") + 1), Number.parseFloat(line)]));
}

const LONG = "--long";
const patterns = process.argv.slice(2).filter((argument) => argument !== LONG);
const files = globSync(process.argv.includes(LONG) ? "test/**/*.long.ts" : "test/**/*.test.ts")
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort();
installMissing();
// 36 MB to fetch, 94 MB on the disk.
if (
  process.arch === "x64" &&
  files.some((file) => /windows(?:-packages)?\.(?:test|long)\.ts$/.test(file))
) {
  fetchWindowsNode();
}

await buildPrograms();
process.env[BUNDLED_ROOT] = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Some 20 s, for those that need it. */
const wantsExecutable = files.some((file) => readFileSync(file, "utf8").includes(BUILDS_AGENT));
if (canRun && wantsExecutable) {
  const folder = fileURLToPath(new URL("../build/tested", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const { file } = await buildExecutable(AGENT, "linux-x64", folder);
  process.env[BUILT_AGENT] = file;
}

const tally = new TestTally();
const took = new Map<string, number>();
const skipped = new Set<string>();
const inTests = ["bundled-workers", "processor-time"].flatMap((name) => {
  return ["--import", new URL(`../test/support/${name}.ts`, import.meta.url).href];
});
const processorTimes = fileURLToPath(new URL("../build/processor-times", import.meta.url));
rmSync(processorTimes, { force: true });
process.env[PROCESSOR_TIMES] = processorTimes;

/** To the end of all of them, and of what the reporter prints. */
async function tested(these: readonly string[], concurrency: number): Promise<void> {
  const stream = run({
    ...{ files: these, concurrency, timeout: TEST_TIMEOUT_MS, execArgv: inTests },
  });
  stream.on("test:pass", ({ name, nesting, file, line, column, skip, details }) => {
    if (nesting === 0 && file !== undefined)
      took.set(file, (took.get(file) ?? 0) + details.duration_ms);
    if (details.type === "suite") return;
    if (skip === undefined) tally.pass({ name, file }, `${line}:${column}`);
    else skipped.add(typeof skip === "string" ? `${name}: ${skip}` : name);
  });
  stream.on("test:fail", ({ name, nesting, file, line, column, todo, details }) => {
    if (nesting === 0 && file !== undefined)
      took.set(file, (took.get(file) ?? 0) + details.duration_ms);
    if (details.type === "suite") return;
    if (todo === undefined) tally.fail({ name, file }, `${line}:${column}`);
    else skipped.add(`${name}: known to fail`);
  });
  stream.compose(spec).pipe(process.stdout, { end: false });
  await once(stream, "end");
  // Behind what the reporter still prints.
  await new Promise(setImmediate);
}

if (files.length > 0) await tested(files, CONCURRENCY);
const again = tally.secondRun();
if (again.length > 0) {
  console.log(`once more, alone: ${again.map((file) => relative(process.cwd(), file)).join(", ")}`);
  await tested(again, 1);
}
for (const reason of skipped) console.log(`not tested: ${reason}`);
for (const [file, ms] of mostOf(took)) console.log(`slow: ${file} ${(ms / 1000).toFixed(0)} s`);
for (const [file, seconds] of mostOf(costs())) {
  console.log(`costly: ${file} ${seconds.toFixed(0)} s of a processor`);
}
for (const name of tally.unsteady)
  console.log(`unsteady: ${name}: failed beside others, passed alone`);
if (files.length === 0) console.log("no test file matches");
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exitCode = tally.failed > 0 || tally.passed === 0 ? 1 : 0;
