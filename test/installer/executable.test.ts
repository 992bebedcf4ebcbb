/** The executable that people install, built and run for real (09 section 1, 6; 08 H03, H07). */
import assert from "node:assert/strict";
import { fork, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { BAKED_FLAGS } from "#installer/blob.ts";
import { PlantedCopy } from "#test/faults/planted-copy.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { BuiltExecutable, canRun } from "#test/support/built-executable.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Notified } from "#test/support/notified.ts";
import { Started, until } from "#test/support/processes.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

const MB = 1_000_000;
const digestOf = (file: string): string =>
  createHash("sha256").update(readFileSync(file)).digest("hex");
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => one.name);
/** How many threads of a process can never get more rights than they have. */
const confinedThreads = (pid: number | undefined): number =>
  readdirSync(`/proc/${pid}/task`).filter((id) =>
    /^NoNewPrivs:\s1$/m.test(readFileSync(`/proc/${pid}/task/${id}/status`, "utf8")),
  ).length;
const skip = canRun ? false : "the executable of Linux x64 does not run here";

describe("the executable", { skip }, () => {
  let built: BuiltExecutable;
  /** An agent has run in it, and does not any more: for commands that only read. */
  let kept: AgentFolder;
  before(async () => {
    built = await BuiltExecutable.build();
    kept = await AgentFolder.make();
    await (await new AgentRun(built, kept).stored()).end("SIGTERM");
  });
  after(() => {
    kept[Symbol.dispose]();
    built[Symbol.dispose]();
  });

  const lib = (): string => join(built.folder, "cache/holdfast/lib");
  /** A command that opens SQLite, on a store that an agent has made. */
  const audit = (folder: AgentFolder, env = built.env(), file = built.file) =>
    built.command(["audit", "verify", "--config", folder.config], env, file);

  test("[09 6] it is one file of at most 125 MB, and says which Node is inside", () => {
    assert.ok(statSync(built.file).size <= 125 * MB, `${statSync(built.file).size} bytes`);
    const { out, status } = built.command(["version"]);
    assert.equal(status, 0);
    assert.match(out, /^holdfast \S+ \(Node 24\.21\.0, tunnel protocol holdfast\.v1\)$/m);
  });

  test("[09 6] a short command starts soon: it loads none of Node's large parts", () => {
    const { out } = built.command(["version"], built.env({ NODE_DEBUG_NATIVE: "code_cache" }));
    const loaded = new Set([...out.matchAll(/^Compiling (\S+) with/gm)].map(([, name]) => name));
    assert.ok(loaded.has("child_process"), "Node says what it loads");
    for (const name of ["crypto", "zlib", "worker_threads", "http", "tls", "sqlite"]) {
      assert.ok(!loaded.has(name), name);
    }
  });

  test("[PK9] [PK10] [T-K05] it runs as the source does: threads, store, page and their files, from inside; no thread of ours can get more rights", async (t) => {
    using folder = await AgentFolder.make();
    await using manager = await Notified.open();
    const env = built.env({ NOTIFY_SOCKET: manager.socket });
    await using agent = built.start(["run", "--config", folder.config], env);
    await agent.ready();
    await manager.hears("READY=1");
    await using sender = await MllpSocket.open(folder.port);
    await sender.send(framed(adt("M1")));
    assert.deepEqual((await sender.acknowledged(1)).length, 1);
    for (const path of ["page.css", "charts.css", "charts.js", "live.js", "day.js"]) {
      const { status } = await fetch(`${folder.statusPage}/${path}`);
      assert.equal(status, 200, path);
    }
    const backup = join(folder.path, "backup");
    const made = built.command(["backup", "create", backup, "--config", folder.config]);
    assert.equal(made.status, 0, made.out);
    const mapped = readFileSync(`/proc/${agent.child.pid}/maps`, "utf8");
    const addOns = new Set(mapped.match(/\S+\.node$/gm));
    const placed = readdirSync(lib()).map((name) => join(lib(), name));
    assert.deepEqual([...addOns].sort(), placed.sort(), "one SQLite, and ours");
    assert.equal(statSync(lib()).mode & 0o777, 0o700);
    // Node's own threads were there before, and run none of ours; the store's writer and the loop's watchdog came later.
    const confined = confinedThreads(agent.child.pid);
    if (confined === 0)
      t.diagnostic("not tested: threads; this kernel has no Landlock (Linux 5.13)");
    else assert.ok(confined >= 3, "the main thread, the writer, the watchdog");
    const { code } = await agent.end("SIGTERM");
    assert.equal(code, 0, agent.errors);
  });

  test("[P46] it is the process for a folder on a network share, too", async () => {
    const child = fork("folder-worker", [], {
      ...{ execPath: built.file, execArgv: [], env: built.env(), serialization: "advanced" },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const answers: unknown[] = [];
    child.on("message", (message) => answers.push(message));
    child.send({ id: 1, method: "poll", ask: undefined });
    // Never opened: that is a fault of the question, and the worker is there to say so.
    await until("it answers", () => answers.some((one) => (one as { id?: number }).id === 1));
    child.disconnect();
    await once(child, "exit");
  });

  test("[T-K07] [PK12] [I-1] each acknowledgment waits for a flush of its own", async (t) => {
    if (spawnSync("strace", ["-o", "/dev/null", "true"]).status !== 0) {
      t.skip("not tested: flushes of the executable are not counted without strace");
      return;
    }
    using folder = await AgentFolder.make();
    const log = join(folder.path, "flushes");
    // -D: the process that is started is the agent, and strace stands aside.
    const trace = ["strace", "-D", "-f", "-e", "trace=fsync,fdatasync", "-o", log];
    await using agent = new Started(
      [...trace, built.file, "run", "--config", folder.config],
      built.env(),
    );
    await agent.ready();
    const flushes = (): number => readFileSync(log, "latin1").match(/= 0$/gm)?.length ?? 0;
    await using sender = await MllpSocket.open(folder.port);
    for (let index = 1; index <= 20; index++) {
      const earlier = flushes();
      await sender.send(framed(adt(`M${index}`)));
      await sender.acknowledged(index);
      assert.ok(flushes() > earlier, `message ${index}`);
    }
  });

  test("[T-K06] add-ons that a package placed are used where they lie, and only if they are what was built", async () => {
    const name = readdirSync(lib()).find((one) => one.endsWith("-better-sqlite3.node")) ?? "";
    const places = ["sound", "changed", "linked"].map((one) => built.install(one));
    const nobody = built.env({ XDG_CACHE_HOME: "/dev/null/nowhere" });
    const [sound = "", changed = "", linked = ""] = places;
    assert.equal(audit(kept, nobody, sound).status, 0);
    const placed = join(changed, "../../lib", name);
    const bytes = readFileSync(placed);
    bytes.writeUInt8((bytes[4_000] ?? 0) ^ 1, 4_000);
    writeFileSync(placed, bytes);
    const refused = audit(kept, nobody, changed);
    assert.match(
      refused.out,
      /addOn=better-sqlite3.*\[ADD_ON_CHANGED\]\n {2}.*install the package again/i,
    );
    assert.equal(refused.status, 78);
    // Whoever can put a link there can put a file there: what counts is what it says.
    const other = join(linked, "../../lib", name);
    rmSync(other);
    symlinkSync(placed, other);
    assert.match(audit(kept, nobody, linked).out, /\[ADD_ON_CHANGED\]/);
    rmSync(join(sound, "../../lib", name));
    const missing = audit(kept, nobody, sound);
    assert.match(missing.out, /\[ADD_ON_NO_FOLDER\]/, "it is not an installed one any more");
  });

  test("[T-K06] [PK8] where a package belongs nothing is unpacked: an add-on that is gone is missing", async (t) => {
    if (spawnSync("unshare", ["-m", "true"]).status !== 0) {
      t.skip(
        "not tested: an installed program without its add-on; only root has an /opt of its own",
      );
      return;
    }
    const installed = built.install("package");
    // An /opt that only this command sees.
    const script = `mount -t tmpfs tmpfs /opt && mkdir /opt/holdfast &&
      cp -r "$1"/bin "$1"/lib /opt/holdfast && rm /opt/holdfast/lib/*sqlite3.node &&
      exec /opt/holdfast/bin/holdfast audit verify --config "$2"`;
    const args = ["-m", "sh", "-c", script, "sh", join(installed, "../.."), kept.config];
    const ran = spawnSync("unshare", args, { encoding: "utf8", env: built.env() });
    assert.match(ran.stderr, /\[ADD_ON_MISSING\]\n {2}Install the package again/);
    assert.equal(ran.status, 78);
  });

  test("[T-K06] [PK9] a folder that others may write to, a link in its path: refused by name", async () => {
    const open = join(built.folder, "open");
    mkdirSync(open, { recursive: true });
    chmodSync(open, 0o777);
    const shared = audit(kept, built.env({ HOLDFAST_LIB_DIR: open }));
    assert.match(shared.out, /\[ADD_ON_NO_FOLDER\]\n.*HOLDFAST_LIB_DIR/);
    assert.equal(shared.status, 78);
    const below = audit(kept, built.env({ HOLDFAST_LIB_DIR: join(open, "lib") }));
    assert.match(below.out, /\[ADD_ON_NO_FOLDER\]/, "whoever may rename it may exchange it");
    const link = join(built.folder, "link");
    symlinkSync(join(built.folder, "cache"), link);
    const linked = audit(kept, built.env({ HOLDFAST_LIB_DIR: join(link, "holdfast/lib") }));
    assert.match(linked.out, /\[ADD_ON_NO_FOLDER\]/);
    assert.match(audit(kept, built.env({ HOLDFAST_LIB_DIR: "lib" })).out, /\[ADD_ON_NO_FOLDER\]/);
  });

  test("[T-K06] [PK9] a file system that runs no programs is named, and the way out", async (t) => {
    const disk = SmallDisk.make(16 * MB);
    if (typeof disk === "string") {
      t.skip("not tested: native code on a file system with noexec; only root mounts one");
      return;
    }
    using small = disk;
    spawnSync("mount", ["-o", "remount,noexec", small.path]);
    const noexec = audit(kept, built.env({ HOLDFAST_LIB_DIR: join(small.path, "lib") }));
    assert.match(noexec.out, /sysCode=ERR_DLOPEN_FAILED\) \[ADD_ON_REFUSED\]\n.*noexec/);
    assert.equal(noexec.status, 78);
  });

  test("[PL3] a fault that no part expected is told by its place in the source, from inside the executable, too", async () => {
    using folder = await AgentFolder.make();
    // A path that no service manager gives: refused where it is read.
    const env = built.env({ NOTIFY_SOCKET: "relative" });
    const { out, status } = built.command(["run", "--config", folder.config], env);
    const [, line = ""] =
      /module=service-manager:notify-socket\.ts, line=(\d+)\)$/m.exec(out) ?? [];
    const source = readFileSync("service-manager/notify-socket.ts", "utf8").split("\n");
    assert.match(
      source[Number(line) - 1] ?? "",
      /throw new RangeError\("NOTIFY_SOCKET is no absolute/,
    );
    assert.equal(status, 70);
  });

  test("[H10] [09 1.6] another build of the tree, in another folder and in another year, is equal", (t) => {
    if (spawnSync("faketime", ["--version"]).status !== 0) {
      t.skip("not tested: builds of two days are not compared without faketime");
      return;
    }
    using copy = new PlantedCopy();
    const args = [
      "2031-03-04 05:06:07",
      process.execPath,
      join(copy.root, "installer/main.ts"),
      // Packed small, its packages would take minutes.
      ...["--at-hand", "linux-x64"],
    ];
    // The copy has no history.
    const env = { ...process.env, SOURCE_DATE_EPOCH: "1790000000" };
    const options = { cwd: copy.root, encoding: "utf8", env } as const;
    const { status, stderr } = spawnSync("faketime", args, options);
    assert.equal(status, 0, stderr);
    assert.equal(digestOf(join(copy.root, "dist/linux-x64/holdfast")), digestOf(built.file));
  });

  test("[08 9, H07] a poisoned PATH, HOME, temporary folder, language, zone, library path or Node variable changes nothing, or is refused", async () => {
    const [planted, marker] = [join(built.folder, "planted"), join(built.folder, "started")];
    mkdirSync(planted, { recursive: true });
    for (const name of ["sh", "node", "systemctl", "id", "ldconfig", "getconf"]) {
      writeFileSync(join(planted, name), `#!/bin/sh\n: >> ${marker}\n`, { mode: 0o755 });
    }
    for (const name of ["libc.so.6", "koffi.node", "libssl.so.3"]) {
      writeFileSync(join(planted, `.${name}`), "no library");
    }
    const poison = {
      ...{
        PATH: planted,
        HOME: "/nonexistent",
        TMPDIR: "/nonexistent",
        TMP: planted,
        TEMP: planted,
      },
      ...{
        TZ: ":/etc/shadow",
        LANG: "../../x",
        LC_ALL: "xx_XX.%n",
        LD_PRELOAD: join(planted, "none.so"),
      },
      ...{ LD_LIBRARY_PATH: planted, NODE_PENDING_DEPRECATION: "1", NODE_ICU_DATA: planted },
      ...{
        OPENSSL_CONF: join(planted, "none.cnf"),
        SSL_CERT_DIR: planted,
        NODE_DEBUG: "fs,net,tls",
      },
      ...{
        NODE_COMPILE_CACHE: join(planted, "cache"),
        NODE_REDIRECT_WARNINGS: join(planted, "warnings"),
        NODE_PATH: planted,
        NODE_TLS_REJECT_UNAUTHORIZED: "0",
        NODE_USE_ENV_PROXY: "1",
        NODE_USE_SYSTEM_CA: "1",
        HTTPS_PROXY: "http://127.0.0.1:1",
        OPENSSL_MODULES: planted,
      },
    };
    const before = filesIn(planted);
    using folder = await AgentFolder.make();
    const agent = await new AgentRun(built, folder, built.env(poison)).stored();
    // Nothing of a message may be told by what Node can be made to tell.
    assert.doesNotMatch(agent.errors, /MSH\|/);
    assert.equal((await agent.end("SIGTERM")).code, 0);
    assert.ok(!existsSync(marker), "no program was started by name");
    assert.deepEqual(filesIn(planted), before, "no file was put there");
    const [, time = ""] = /"agentStarted".*"timestamp":"([^"]+Z)"/.exec(agent.errors) ?? [];
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, `${time} is no time of UTC`);
    const cluster = built.command(
      ["run", "--config", folder.config],
      built.env({ NODE_UNIQUE_ID: "1" }),
    );
    assert.match(cluster.out, /Unset NODE_UNIQUE_ID/);
    assert.equal(cluster.status, 64);
    const homeless = built.env({ HOME: "relative", XDG_CACHE_HOME: "relative" });
    const refused = audit(folder, homeless);
    assert.match(refused.out, /\[ADD_ON_NO_FOLDER\]/);
    assert.equal(refused.status, 78);
  });

  test("[T-K05] [H03] what Node takes from outside changes nothing: NODE_OPTIONS and its like, arguments, SIGUSR1", async () => {
    assert.ok(BAKED_FLAGS.includes("--disallow-code-generation-from-strings"));
    const marker = join(built.folder, "loaded");
    const evil = join(built.folder, "evil.cjs");
    writeFileSync(evil, `require("node:fs").writeFileSync(${JSON.stringify(marker)}, "")`);
    const poisoned = built.env({
      ...{
        NODE_OPTIONS: `--require ${evil} --inspect=0`,
        NODE_PATH: built.folder,
        TZ: "/etc/passwd",
      },
      ...{
        NODE_EXTRA_CA_CERTS: evil,
        LANG: "xx",
        NODE_V8_COVERAGE: built.folder,
      },
      ...{ PKG_EXECPATH: "PKG_INVOKE_NODEJS", ELECTRON_RUN_AS_NODE: "1" },
    });
    const { out, status } = built.command(["version"], poisoned);
    assert.match(out, /^holdfast \S+ \(Node/);
    assert.equal(status, 0);
    // This one Node refuses.
    const repl = built.command(["version"], built.env({ NODE_REPL_EXTERNAL_MODULE: evil }));
    assert.notEqual(repl.status, 0);
    for (const argument of ["--inspect", "--require=x", "-e", "--eval", "-p"]) {
      assert.equal(built.command([argument, evil]).status, 64, argument);
    }
    assert.equal(built.command([evil]).status, 64);
    assert.ok(!existsSync(marker));
    using folder = await AgentFolder.make();
    const agent = await new AgentRun(built, folder, poisoned).stored();
    agent.child.kill("SIGUSR1");
    await new AgentRun(built, folder).isUp();
    assert.doesNotMatch(agent.errors, /Debugger listening/);
    await agent.end("SIGTERM");
    assert.ok(!existsSync(marker));
  });
});

test("[09 1.2] another Node than the chosen one is not built with", { skip }, () => {
  using copy = new PlantedCopy([
    { file: "installer/runtime.json", search: '"sha256": "7', replacement: '"sha256": "8' },
  ]);
  const [program, ...args] = [
    process.execPath,
    join(copy.root, "installer/main.ts"),
    ...["linux-x64", "--at-hand"],
  ] as const;
  const { status, stderr } = spawnSync(program, args, { cwd: copy.root, encoding: "utf8" });
  assert.notEqual(status, 0);
  assert.match(stderr, /bin\/node: SHA-256 is 7fde7b8a\w+, not 8fde7b8a/);
});

/** An agent of the executable on a folder. */
class AgentRun {
  readonly #built: BuiltExecutable;
  readonly #folder: AgentFolder;
  readonly #env: NodeJS.ProcessEnv;

  constructor(built: BuiltExecutable, folder: AgentFolder, env = built.env()) {
    this.#built = built;
    this.#folder = folder;
    this.#env = env;
  }

  /** Runs, with one message in its store. */
  async stored(): Promise<Started> {
    const agent = this.#built.start(["run", "--config", this.#folder.config], this.#env);
    await agent.ready();
    await this.isUp();
    return agent;
  }

  async isUp(): Promise<void> {
    await using sender = await MllpSocket.open(this.#folder.port);
    await sender.send(framed(adt("M1")));
    await sender.acknowledged(1);
  }
}
