/** `holdfast doctor`, on real file systems where this account may mount them. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Check } from "#agent/cli/doctor-report.ts";
import type { Verdict } from "#agent/cli/finding.ts";
import { LocalSocket } from "#agent/host/local-socket.ts";
import { mountOf } from "#agent/host/mounts.ts";
import { createKek } from "#agent/sealing/kek.ts";
import { Started, until } from "#test/support/processes.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

/** Answers in Linux's FUSE protocol 7.31 (fuse.h): INIT 26, GETATTR 3, STATFS 17, LOOKUP 1; FORGET 2 has no answer. */
const FUSE_SERVER = `import { spawnSync } from "node:child_process";
import { openSync, readSync, writeSync } from "node:fs";
const device = openSync("/dev/fuse", "r+");
const options = "fd=3,rootmode=40000,user_id=0,group_id=0";
const args = ["-i", "-t", "fuse", "-o", options, "holdfast-test", process.argv[1]];
const { status } = spawnSync("mount", args, { stdio: ["ignore", "inherit", "inherit", device] });
if (status !== 0) process.exit(1);
const request = Buffer.alloc(1 << 20);
for (;;) {
  readSync(device, request);
  const operation = request.readUInt32LE(4);
  const body = Buffer.alloc({ 3: 104, 17: 80, 26: 64 }[operation] ?? 0);
  if (operation === 26) {
    body.writeUInt32LE(7);
    body.writeUInt32LE(31, 4);
    body.writeUInt32LE(65536, 20);
  }
  if (operation === 3) {
    body.writeBigUInt64LE(1n, 16);
    body.writeUInt32LE(0o40700, 76);
    body.writeUInt32LE(2, 80);
  }
  if (operation === 17) {
    for (const at of [0, 8, 16]) body.writeBigUInt64LE(1000000n, at);
    body.writeUInt32LE(4096, 40);
    body.writeUInt32LE(4096, 48);
  }
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + body.length);
  head.writeInt32LE(body.length > 0 ? 0 : operation === 1 ? -2 : -38, 4);
  request.copy(head, 8, 8, 16);
  if (operation !== 2) writeSync(device, Buffer.concat([head, body]));
}`;

const MIB = 1024 * 1024;
const DOCTOR = pathToFileURL(join(import.meta.dirname, "../../../agent/cli/doctor.ts")).href;
const isRoot = process.getuid?.() === 0;

interface Ran {
  readonly code: number | null;
  readonly out: string;
  /** Its trouble, and what it has loaded of Node and of packages in CommonJS form. */
  readonly errors: string;
  readonly checks: Readonly<Record<string, Check>>;
}

/** The header of a database as the agent leaves it. */
function writeHeader(file: string): void {
  const header = Buffer.alloc(100);
  header.write("SQLite format 3\0", "latin1");
  header.writeUInt16BE(4_096, 16);
  header.fill(2, 18, 20);
  header.writeUInt32BE(3, 60);
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, header, 0, header.length, 0);
  closeSync(descriptor);
}

class Site implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-doctor-"));
  readonly config = join(this.path, "local.yaml");
  readonly kek = join(this.path, "kek/holdfast.kek");
  readonly stateDir: string;

  constructor(yaml = "", stateDir?: string) {
    this.stateDir = stateDir ?? join(this.path, "state");
    createKek(this.kek);
    writeFileSync(
      this.config,
      `stateDir: ${JSON.stringify(this.stateDir)}
receiver: { url: "wss://gateway.example.org" }
identity: { certificate: a.crt, key: a.key, receiverCa: ca.crt }
diskBudgetBytes: 268435456
ballastBytes: ${MIB}
statusPage: off
channels: [{ name: adt, kind: mllp-listener, port: 0 }]
${yaml}`,
    );
  }

  /** The state folder and its store, as `run` would make them. */
  install(files: Readonly<Record<string, number>> = {}): this {
    mkdirSync(join(this.stateDir, "outbox"), { recursive: true, mode: 0o700 });
    for (const [name, bytes] of Object.entries(files)) {
      writeFileSync(join(this.stateDir, "outbox", name), Buffer.alloc(bytes));
      if (name === "holdfast.db") writeHeader(join(this.stateDir, "outbox", name));
    }
    return this;
  }

  /** Runs it in a process of its own. */
  async run(
    options: {
      readonly creds?: string;
      readonly text?: boolean;
      /** What starts it. */
      readonly under?: readonly string[];
    } = {},
  ): Promise<Ran> {
    const { creds, text, under = [] } = options;
    const script = `import { createRequire } from "node:module";
      import { doctor } from ${JSON.stringify(DOCTOR)};
      const options = ${JSON.stringify({ config: this.config, json: text !== true, creds })};
      process.exitCode = await doctor({ ...options, version: "0" });
      const packages = Object.keys(createRequire(import.meta.url).cache);
      console.error([...process.moduleLoadList, ...packages].join("\\n"));`;
    const flags = ["--input-type=module", "--eval", script];
    await using command = new Started([...under, process.execPath, ...flags]);
    let out = "";
    command.child.stdout?.setEncoding("utf8").on("data", (part: string) => {
      out += part;
    });
    const { code } = await command.ended;
    if (code !== 0 && code !== 78) assert.fail(`ended with ${code}: ${command.errors}`);
    const found = text === true ? [] : (JSON.parse(out) as { checks: readonly Check[] }).checks;
    // The receiver's section has tests of its own.
    const store = found.filter(({ section }) => section === "store");
    const checks = Object.fromEntries(store.map((check) => [check.name, check]));
    return { code, out, errors: command.errors, checks };
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const verdictsOf = ({ checks }: Ran, ...names: readonly string[]): (Verdict | undefined)[] =>
  names.map((name) => checks[name]?.verdict);

describe("holdfast doctor", () => {
  test("[S4] before the store exists it looks at the folder above, says so, and leaves nothing", async () => {
    using site = new Site("allowVolatileState: true");
    const before = readdirSync(site.path);
    const ran = await site.run();
    assert.equal(ran.code, 0, ran.out);
    assert.deepEqual(Object.keys(ran.checks), [
      "folder",
      "file system",
      "space",
      "flush",
      "key",
      "key files",
      "database",
      "identity",
      "agent",
      "files",
    ]);
    assert.ok(Object.values(ran.checks).every(({ section }) => section === "store"));
    assert.match(ran.checks["folder"]?.text ?? "", /does not exist yet; looked at .*doctor-/);
    assert.equal(ran.checks["flush"]?.facts["count"], 200);
    assert.equal(ran.checks["files"]?.text, "No store yet");
    assert.deepEqual(readdirSync(site.path), before);
  });

  test("[S4] of a store that is there it names the sizes, and leaves nothing", async () => {
    using site = new Site("allowVolatileState: true").install({
      "holdfast.db": 5_000,
      "holdfast.db-wal": 700,
      "high-water": 131_072,
      ballast: 10,
    });
    const outbox = join(site.stateDir, "outbox");
    const before = readdirSync(outbox);
    const ran = await site.run();
    assert.equal(ran.code, 0, ran.out);
    assert.equal(ran.checks["folder"]?.facts["mode"], "700");
    const { databaseBytes, walBytes, highWaterBytes, ballastBytes } =
      ran.checks["files"]?.facts ?? {};
    const sizes = [databaseBytes, walBytes, highWaterBytes, ballastBytes];
    assert.deepEqual(sizes, [5_000, 700, 131_072, 10]);
    assert.match(ran.checks["files"]?.text ?? "", /ballast 10 B \(not whole\)/);
    assert.deepEqual(readdirSync(outbox), before);
  });

  test("[PL6] for a person: a line a check, the remedy below it, and no control characters", async () => {
    using site = new Site("", join(tmpdir(), `holdfast-\u001b[31m-${process.pid}\u202e`));
    chmodSync(site.kek, 0o644);
    for (const isThere of [false, true]) {
      if (isThere) site.install();
      const { code, out } = await site.run({ text: true });
      assert.equal(code, 78);
      assert.match(out, /^store:\n/m);
      assert.match(out, /^ {2}problem +key +.*KEK_EXPOSED\]\n {11}Give it mode 0400/m);
      assert.match(out, /^ {2}ok +agent +None runs/m);
      assert.match(out, /^[\x20-\x7e\n]*$/);
    }
    rmSync(site.stateDir, { recursive: true });
  });

  test("[S4] [08 8] it starts no program, as the system sees it", async (t) => {
    const seen = spawnSync("strace", ["-f", "-o", "/dev/null", "true"]).status === 0;
    if (!seen) return t.skip("not tested: which programs doctor starts is not seen without strace");
    using site = new Site("allowVolatileState: true");
    const trace = join(site.path, "trace");
    const calls = ["-f", "-qq", "-e", "trace=execve,execveat,fork,vfork", "-o", trace];
    const { code } = await site.run({ under: ["strace", ...calls] });
    assert.equal(code, 0);
    const lines = readFileSync(trace, "utf8")
      .split("\n")
      .filter((line) => /exec|fork/.test(line));
    assert.equal(lines.length, 1, lines.join("\n"));
  });

  test("[H14] it loads no package of the running agent but SQLite, which opens no file", async () => {
    using site = new Site("allowVolatileState: true");
    const { errors } = await site.run();
    assert.match(errors, /^NativeModule fs$/m, "what is loaded is not listed");
    assert.doesNotMatch(errors, /node_modules.(?:systeminformation|winston|commander)/m);
  });

  for (const [what, mode] of [
    ["stateDir", 0o770],
    ["stateDir/outbox", 0o702],
  ] as const) {
    test(`[S3, T-S09] a ${what} of mode ${mode.toString(8)} fails`, async () => {
      using site = new Site().install();
      chmodSync(join(site.stateDir, what.slice("stateDir".length)), mode);
      const ran = await site.run();
      assert.deepEqual([ran.code, ran.checks["folder"]?.verdict], [78, "problem"]);
      assert.equal(ran.checks["folder"]?.facts["mode"], mode.toString(8));
      assert.match(ran.checks["folder"]?.remedy ?? "", /chmod 700/);
    });
  }

  test("[S3, T-S09] a stateDir of another account fails", async (t) => {
    if (!isRoot) return t.skip("not tested: another owner; only root can give files away");
    using site = new Site().install();
    chownSync(site.stateDir, 65_534, 65_534);
    const { code, checks } = await site.run();
    assert.deepEqual([code, checks["folder"]?.facts["code"]], [78, "STORE_NOT_PERMITTED"]);
    assert.equal(checks["folder"]?.facts["uid"], 65_534);
  });

  test("[S3] a file in the place of the folder fails, and every other check still answers", async () => {
    using site = new Site();
    writeFileSync(site.stateDir, "");
    const ran = await site.run();
    assert.equal(ran.code, 78);
    assert.deepEqual(verdictsOf(ran, "folder", "key", "agent"), ["problem", "ok", "ok"]);
    assert.equal(Object.keys(ran.checks).length, 10);
  });
});

describe("the key", () => {
  test("[08 2.2] is found in its file, with a word on disk encryption, and is not shown", async () => {
    using site = new Site("allowVolatileState: true");
    const { checks, out } = await site.run();
    assert.equal(checks["key"]?.verdict, "ok");
    assert.match(checks["key"]?.text ?? "", /unless the disk is encrypted/);
    assert.doesNotMatch(out, /[0-9a-f]{64}/i);
  });

  for (const [code, spoil] of [
    ["KEK_NOT_MADE", (file: string) => rmSync(file)],
    ["KEK_EXPOSED", (file: string) => chmodSync(file, 0o444)],
    ["KEK_MALFORMED", (file: string) => truncateSync(file, 10)],
  ] as const) {
    test(`[R06] ${code} fails`, async () => {
      using site = new Site();
      chmodSync(site.kek, 0o600);
      spoil(site.kek);
      const ran = await site.run();
      assert.deepEqual([ran.code, ran.checks["key"]?.facts["code"]], [78, code]);
    });
  }

  test("[08 2.2] as a credential it is looked at where the service has it", async () => {
    using site = new Site("allowVolatileState: true\nkek: { custody: credential }");
    const outside = await site.run();
    assert.deepEqual([outside.code, ...verdictsOf(outside, "key")], [0, "warning"]);
    const creds = join(site.path, "credentials");
    createKek(join(creds, "kek"));
    assert.deepEqual(verdictsOf(await site.run({ creds }), "key"), ["ok"]);
    const empty = await site.run({ creds: site.path });
    assert.deepEqual([empty.code, ...verdictsOf(empty, "key")], [78, "problem"]);
  });
});

describe("the agent", () => {
  test("one that runs is told apart from none, and one that needs attention warns", async () => {
    using site = new Site("allowVolatileState: true").install();
    assert.deepEqual((await site.run()).checks["agent"]?.facts, { running: false });
    for (const [health, verdict] of [
      ["ok", "ok"],
      ["attention", "warning"],
    ] as const) {
      await using _ = await LocalSocket.open(site.stateDir, async () => ({ pid: 4_711, health }));
      const ran = await site.run();
      assert.deepEqual([ran.code, ...verdictsOf(ran, "agent")], [0, verdict]);
      assert.deepEqual(ran.checks["agent"]?.facts, { running: true, pid: 4_711 });
    }
  });
});

describe("what the store is on", () => {
  test("[S4, T-S19] a tmpfs fails, and warns where it is allowed; its flush is not believed", async (t) => {
    const disk = SmallDisk.make(8 * MIB);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    using refused = new Site("", disk.stateDir);
    const failed = await refused.run();
    assert.deepEqual([failed.code, ...verdictsOf(failed, "file system")], [78, "problem"]);
    assert.equal(failed.checks["file system"]?.facts["type"], "tmpfs");
    using allowed = new Site("allowVolatileState: true", disk.stateDir);
    const ran = await allowed.run();
    // T-S17: memory answers as storage that ignores flush does, thirty times faster than the limit.
    const verdicts = verdictsOf(ran, "file system", "flush", "space");
    assert.deepEqual([ran.code, ...verdicts], [0, "warning", "warning", "warning"]);
    assert.match(ran.checks["flush"]?.text ?? "", /probably ignores flush/);
  });

  test("[S4, S12, T-S17] a disk is known by name and device; its room counts without what root keeps", async (t) => {
    const disk = LoopDisk.make(450);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    using site = new Site("", disk.stateDir).install();
    const ran = await site.run();
    assert.equal(ran.code, 0, ran.out);
    const { type, kind } = ran.checks["file system"]?.facts ?? {};
    assert.deepEqual([type, kind], ["ext4", "local"]);
    const { device, deviceKind } = ran.checks["flush"]?.facts ?? {};
    assert.match(String(device), /^loop\d+$/);
    assert.equal(deviceKind, "virtual");
    const free = (): number => Number(ran.checks["space"]?.facts["freeBytes"]);
    // 20 % of 450 MiB are for root.
    assert.ok(free() > 257 * MIB && free() < 360 * MIB, String(free()));
    assert.deepEqual(verdictsOf(ran, "space"), ["ok"]);

    spawnSync("fallocate", ["-l", "200M", join(disk.stateDir, "outbox/holdfast.db")]);
    writeHeader(join(disk.stateDir, "outbox/holdfast.db"));
    assert.deepEqual(verdictsOf(await site.run(), "space"), ["ok"], "what the store has counts");
    spawnSync("fallocate", ["-l", "120M", join(disk.path, "of-others")]);
    const short = await site.run();
    assert.deepEqual([short.code, ...verdictsOf(short, "space")], [0, "warning"]);
    assert.match(short.checks["space"]?.remedy ?? "", /diskBudgetBytes/);
  });

  test("[S4, T-S19] a FUSE fails, whatever is allowed, and is not measured", async (t) => {
    const fuse = await Fuse.make();
    if (typeof fuse === "string") return t.skip(fuse);
    await using _ = fuse;
    using site = new Site("allowVolatileState: true", fuse.path);
    const ran = await site.run();
    assert.deepEqual([ran.code, ...verdictsOf(ran, "file system")], [78, "problem"]);
    const { code, type } = ran.checks["file system"]?.facts ?? {};
    assert.deepEqual([code, type], ["STORE_REMOTE", "fuse"]);
    assert.equal(ran.checks["flush"]?.text, "Not measured on such a file system");
  });
});

const mount = (...args: readonly string[]): string => {
  const { status, stderr, error } = spawnSync("mount", args, { encoding: "utf8" });
  return status === 0 ? "" : (error?.message ?? stderr).trim();
};

/** An ext4 in a file, which only root can mount; a fifth of it is kept back for root. */
class LoopDisk implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-loop-"));
  readonly stateDir = join(this.path, "state");

  static make(mebibytes: number): LoopDisk | string {
    const disk = new LoopDisk();
    const image = `${disk.path}.img`;
    writeFileSync(image, "");
    truncateSync(image, mebibytes * MIB);
    const made = spawnSync("mkfs.ext4", ["-q", "-F", "-m", "20", image], { encoding: "utf8" });
    const trouble = made.status === 0 ? mount("-o", "loop", image, disk.path) : "no mkfs.ext4";
    if (trouble === "") return disk;
    disk[Symbol.dispose]();
    return `not tested: a real disk; cannot mount one (${trouble})`;
  }

  [Symbol.dispose](): void {
    spawnSync("umount", [this.path]);
    rmSync(this.path, { recursive: true, force: true });
    rmSync(`${this.path}.img`, { force: true });
  }
}

/** The smallest FUSE there is: a folder in which nothing is. It answers from a process of its own. */
class Fuse implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-fuse-"));
  readonly #server = new Started([
    ...[process.execPath, "--input-type=module", "--eval", FUSE_SERVER],
    this.path,
  ]);

  static async make(): Promise<Fuse | string> {
    const fuse = new Fuse();
    const mounted = until("it is mounted", () => mountOf(fuse.path)?.type === "fuse");
    const trouble = await Promise.race([mounted.then(() => ""), fuse.#trouble()]);
    if (trouble === "") return fuse;
    await fuse[Symbol.asyncDispose]();
    return `not tested: FUSE; cannot mount one (${trouble})`;
  }

  async #trouble(): Promise<string> {
    await this.#server.ended;
    return /^(?:mount|Error):.*/m.exec(this.#server.errors)?.[0] ?? "its server ended";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    spawnSync("umount", ["-l", this.path]);
    await this.#server[Symbol.asyncDispose]();
    rmSync(this.path, { recursive: true, force: true });
  }
}
