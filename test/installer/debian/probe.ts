/** A program inside the shipped unit that tries what an attacker would who has taken the service over (08 H02). @module */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import type { Container } from "#test/support/container.ts";

/** It runs on Node itself: the packaged executable runs no code from outside. */
const PROBE = `
const fs = require("node:fs");
const { spawnSync } = require("node:child_process");
const dgram = require("node:dgram");
const koffi = { exports: {} };
process.dlopen(koffi, process.argv[2]);
const libc = koffi.exports.load("libc.so.6");
const errno = (type, ...args) => (libc.func(type)(...args) < 0 ? name(koffi.exports.errno()) : "done");
const name = (number) => Object.entries(require("node:os").constants.errno).find(([, n]) => n === number)?.[0] ?? String(number);
const attempt = (act) => { try { act(); return "done"; } catch (error) { return error.code ?? String(error); } };
const spawned = (file, args = []) => { const { error, status } = spawnSync(file, args); return error === undefined ? "done " + status : error.code; };
const mapped = (loader, args) => { const { error, status, stderr } = spawnSync(loader, args, { encoding: "utf8" }); return error?.code ?? (status === 0 ? "done" : /failed to map|not permitted|denied/i.test(stderr) ? "EACCES" : stderr); };
const dropped = (folder) => { const file = folder + "/dropped"; fs.copyFileSync("/usr/bin/true", file); fs.chmodSync(file, 0o755); try { return spawned(file); } finally { fs.unlinkSync(file); } };
const loaded = (folder) => { const file = folder + "/dropped.node"; fs.copyFileSync(process.argv[2], file); try { return attempt(() => process.dlopen({ exports: {} }, file)).replace("ERR_DLOPEN_FAILED", "EACCES"); } finally { fs.unlinkSync(file); } };
const { DatabaseSync } = require("node:sqlite");
const CANTOPEN = 14;
const stored = (file, ...statements) => { try { const database = new DatabaseSync(file); for (const one of statements) database.exec(one); return "done"; } catch (error) { return error.errcode === CANTOPEN ? "EACCES" : String(error); } };
const results = {
  "write the program folder": attempt(() => fs.writeFileSync("/opt/holdfast/bin/planted", "")),
  "write the add-ons": attempt(() => fs.writeFileSync("/opt/holdfast/lib/planted.node", "")),
  "write local.yaml": attempt(() => fs.appendFileSync("/etc/holdfast/local.yaml", "")),
  "write a unit": attempt(() => fs.writeFileSync("/etc/systemd/system/planted.service", "")),
  "make a database outside the state folder": stored("/opt/holdfast/planted.db", "create table planted (x)"),
  "attach a database outside the state folder": stored(":memory:", "attach '/etc/holdfast/planted.db' as other", "create table other.planted (x)"),
  "read root's home": attempt(() => fs.readdirSync("/root")),
  "read the shadow file": attempt(() => fs.readFileSync("/etc/shadow")),
  "start a shell": spawned("/bin/sh", ["-c", "true"]),
  "start a program by way of the dynamic loader": mapped("/lib64/ld-linux-x86-64.so.2", ["/usr/bin/true"]),
  "run a file dropped into the state folder": dropped("/var/lib/holdfast"),
  "run a file dropped into the log folder": dropped("/var/log/holdfast"),
  "run a file dropped into /tmp": dropped("/tmp"),
  "run a file dropped into /dev/shm": dropped("/dev/shm"),
  "load a file dropped into the state folder": loaded("/var/lib/holdfast"),
  "load a file dropped into /tmp": loaded("/tmp"),
  "trace another process": errno("long ptrace(long, long, long, long)", 16, 1, 0, 0),
  "open a raw socket": errno("int socket(int, int, int)", 2, 3, 1),
  "open a packet socket": errno("int socket(int, int, int)", 17, 3, 768),
  "mount": errno("int mount(const char *, const char *, const char *, ulong, void *)", "none", "/tmp", "tmpfs", 0, null),
  "set the clock": errno("int settimeofday(int64_t *, void *)", [0, 0], null),
  "load a kernel module": errno("long syscall(long, long, long, long)", 313, 0, 0, 0),
  "give up starting programs": errno("long syscall(long, long, long, long)", 444, 0, 0, 1),
  "make a namespace": errno("int unshare(int)", 0x10000000),
};
const server = require("node:net").createServer();
server.on("error", (error) => finish(error.code));
server.on("listening", () => finish("done"));
server.listen(1023, "127.0.0.1");
function finish(outcome) {
  results["bind a port below 1024"] = outcome;
  console.log(JSON.stringify(results));
  process.exit(0);
}
`;

/** @param unit inside the machine @returns by what was tried, the name of the error, or `done` */
export function tried(machine: Container, unit: string): Readonly<Record<string, string>> {
  copyFileSync(process.execPath, machine.path("opt/holdfast/bin/probe"));
  writeFileSync(machine.path("opt/holdfast/probe.cjs"), PROBE);
  const koffi = machine.sh("ls /opt/holdfast/lib/*-koffi.node").trim();
  const shipped = readFileSync(machine.path(unit), "utf8");
  const probing = shipped
    .replace(
      /^ExecStart=.*$/m,
      `ExecStart=/opt/holdfast/bin/probe /opt/holdfast/probe.cjs ${koffi}`,
    )
    .replace("Type=notify", "Type=oneshot")
    .replace(
      /^(?:NotifyAccess|Restart|RestartSec|RestartPreventExitStatus|WatchdogSec)=.*\n/gm,
      "",
    );
  writeFileSync(machine.path("etc/systemd/system/probe.service"), probing);
  try {
    machine.sh(
      "systemctl daemon-reload && systemctl start probe || journalctl -u probe --no-pager >&2",
    );
    const said = machine.sh("journalctl -u probe -o cat --no-pager");
    const line = said.split("\n").find((one) => one.startsWith("{"));
    if (line === undefined) throw new Error(`the probe said nothing:\n${said}`);
    return JSON.parse(line) as Readonly<Record<string, string>>;
  } finally {
    machine.sh(
      "rm -rf /etc/systemd/system/probe.service /opt/holdfast/bin/probe /opt/holdfast/probe.cjs",
    );
    machine.sh("systemctl daemon-reload");
  }
}
