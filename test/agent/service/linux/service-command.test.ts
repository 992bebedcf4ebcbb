/** `holdfast service …`, with the machine's own tools but for `systemctl`, which notes what it is asked (09 SV8, PK21). */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { OwnRoot, type Said } from "#test/support/own-root.ts";
import { programFile } from "#test/support/programs.ts";
import { RecordedSystemctl } from "#test/support/recorded-systemctl.ts";

const HOLDFAST = [process.execPath, programFile("agent/main.ts"), "service"];
const CHILD = [process.execPath, join(import.meta.dirname, "install-child.ts")];
const OLD = "0123456789abcdef-koffi.node";
const NEW = "fedcba9876543210-koffi.node";
const STATE = "/var/lib/holdfast";
const UNIT = "/usr/lib/systemd/system/holdfast.service";
const RUNS = {
  ...{ LoadState: "loaded", ActiveState: "active", UnitFileState: "enabled", MainPID: 7 },
  ...{ Result: "success", ExecMainStatus: 0, NRestarts: 2, FragmentPath: UNIT },
};

interface Machine extends Disposable {
  readonly root: OwnRoot;
  readonly systemctl: RecordedSystemctl;
  readonly service: (...args: readonly string[]) => Said;
  /** As the executable would, of which `program` is the content. */
  readonly install: (program: string, addOn?: string) => Said;
}

function machine(): Machine | string {
  const root = OwnRoot.make();
  if (typeof root === "string") return root;
  const systemctl = new RecordedSystemctl(root);
  return {
    ...{ root, systemctl },
    service: (...args) => root.run([...HOLDFAST, ...args]),
    install: (program, addOn = OLD) => {
      writeFileSync(root.at("/var/holdfast"), program);
      return root.run([...CHILD, "/var/holdfast", addOn]);
    },
    [Symbol.dispose]: () => root[Symbol.dispose](),
  };
}

const configure = (root: OwnRoot, text = "x"): void => {
  mkdirSync(root.at("/etc/holdfast"), { recursive: true });
  writeFileSync(root.at("/etc/holdfast/local.yaml"), text);
};

describe("holdfast service install", () => {
  test("[09 2.1] it places program, native code, units and account, tells systemd, and says what it did; again it changes nothing", (t) => {
    const made = machine();
    if (typeof made === "string") return t.skip(made);
    using _ = made;
    const { root, systemctl, install } = made;
    // Root's own mask must not keep the service out.
    const first = root.run([
      "sh",
      "-c",
      `umask 077; printf one > /var/holdfast; exec "$@"`,
      "sh",
      ...CHILD,
      "/var/holdfast",
      OLD,
    ]);
    assert.equal(first.status, 0, first.errors);
    assert.equal(readFileSync(root.at("/opt/holdfast/bin/holdfast"), "utf8"), "one");
    const modes = ["", "/bin", "/bin/holdfast", "/lib", `/lib/${OLD}`].map(
      (path) => statSync(root.at(`/opt/holdfast${path}`)).mode & 0o777,
    );
    assert.deepEqual(modes, [0o755, 0o755, 0o755, 0o755, 0o644]);
    assert.equal(
      root.run(["readlink", "/usr/bin/holdfast"]).out.trim(),
      "/opt/holdfast/bin/holdfast",
    );
    assert.ok(root.has(UNIT));
    const asked = ["daemon-reload", "enable holdfast.service", "try-restart holdfast.service"];
    assert.deepEqual(systemctl.asked(), asked);
    assert.match(root.run(["id", "holdfast"]).out, /\(holdfast\)/);
    const run = root.run(["stat", "-c", "%a %U:%G", "/run/holdfast"]).out.trim();
    assert.equal(run, "2750 holdfast:holdfast-approvers");
    const { placed, configured } = JSON.parse(first.out) as Record<string, { was: string }[]>;
    assert.equal(configured, false);
    assert.ok(
      placed?.every(({ was }) => was === "placed"),
      first.out,
    );
    const again = install("one");
    assert.ok(!again.out.includes('"placed","'), again.out);
    assert.ok(!/"was":"placed"/.test(again.out), again.out);
  });

  test("[PK20] a later program takes the place of the earlier one, whose native code goes once the service was started anew", (t) => {
    const made = machine();
    if (typeof made === "string") return t.skip(made);
    using _ = made;
    const { root, systemctl, install } = made;
    install("one");
    systemctl.fail("try-restart", "holdfast.service");
    const broken = install("two", NEW);
    assert.equal(broken.status, 69, broken.errors);
    assert.deepEqual(readdirSync(root.at("/opt/holdfast/lib")).sort(), [OLD, NEW].sort(), "both");
    root.run(["rm", "-r", "/run/fails"]);
    assert.equal(install("two", NEW).status, 0);
    assert.deepEqual(readdirSync(root.at("/opt/holdfast/lib")), [NEW]);
    assert.equal(readFileSync(root.at("/opt/holdfast/bin/holdfast"), "utf8"), "two");
    root.run(["sh", "-c", "rm /usr/bin/holdfast; echo other > /usr/bin/holdfast"]);
    assert.match(install("two", NEW).out, /"path":"\/usr\/bin\/holdfast","was":"left"/);
  });

  test("[PK17] it refuses without root (77), without systemd (69), from source (64), and beside a package (64): nothing is written", (t) => {
    const made = machine();
    if (typeof made === "string") return t.skip(made);
    using _ = made;
    const { root, service, install } = made;
    const refused = (said: Said, code: string, status: number): void => {
      assert.match(said.errors, new RegExp(`\\[?${code}\\b`));
      assert.equal(said.status, status);
    };
    refused(root.run(["setpriv", "--reuid=65534", ...HOLDFAST, "install"]), "NOT_ROOT", 77);
    refused(service("install"), "SERVICE_FROM_SOURCE", 64);
    root.run(["sh", "-c", "mkdir -p /opt/holdfast; echo deb > /opt/holdfast/packaged-by"]);
    refused(install("one"), "SERVICE_OF_A_PACKAGE", 64);
    refused(service("uninstall"), "SERVICE_OF_A_PACKAGE", 64);
    const info = "/var/lib/dpkg/info";
    const listed = `rm -r /opt/holdfast; mkdir -p ${info}; echo /opt/holdfast/bin/holdfast > ${info}/holdfast.list`;
    root.run(["sh", "-c", listed]);
    refused(install("one"), "SERVICE_OF_A_PACKAGE", 64);
    // As it is after the package was removed, and not purged.
    root.run(["sh", "-c", `echo /. > ${info}/holdfast.list`]);
    root.run(["rm", "-r", "/run/systemd/system"]);
    for (const one of ["uninstall", "start", "status"]) {
      refused(service(one), "SERVICE_NO_SYSTEMD", 69);
    }
    assert.equal(root.has("/opt/holdfast"), false);
  });
});

describe("holdfast service uninstall", () => {
  test("[PK21] the program goes and the queue stays: it says what remains, how many messages wait, and what deletes it", async (t) => {
    const made = machine();
    if (typeof made === "string") return t.skip(made);
    using _ = made;
    const { root, systemctl, service, install } = made;
    using folder = await AgentFolder.make();
    await using agent = await folder.start();
    await using sender = await MllpSocket.open(folder.port);
    const site = readFileSync(folder.config, "utf8").replace(/^stateDir: .*\n/m, "");
    for (let index = 1; index <= 3; index++) await sender.send(framed(adt(`M${index}`)));
    await sender.acknowledged(3);
    install("one");
    configure(root, `stateDir: ${folder.stateDir}\n${site}`);
    const count = (): unknown => JSON.parse(service("remains", "--json").out).unsettled;
    assert.equal(count(), 3, "of an agent that runs");
    await agent.end("SIGTERM");
    cpSync(folder.stateDir, root.at(STATE), { recursive: true });
    configure(root, `stateDir: ${STATE}\n${site}`);
    root.run(["chown", "-R", "holdfast:", STATE]);
    systemctl.asked();
    const removed = service("uninstall");
    assert.equal(removed.status, 0, removed.errors);
    assert.deepEqual(systemctl.asked().slice(0, 4), [
      ...["disable --now holdfast.socket", "disable --now holdfast-rekey.timer"],
      ...["disable --now holdfast.service", "daemon-reload"],
    ]);
    assert.match(removed.out, /there are 3 messages that are not settled/);
    const command = `rm -rf ${STATE} /etc/holdfast; userdel holdfast`;
    assert.ok(removed.out.includes(command), removed.out);
    for (const path of ["/opt/holdfast", "/usr/bin/holdfast", UNIT, "/run/holdfast"]) {
      assert.notEqual(root.run(["test", "-e", path]).status, 0, path);
    }
    const owners = root.run(["find", STATE, "!", "-user", "holdfast"]).out;
    assert.equal(owners, "", "counting has left nothing that keeps the account out");
    assert.ok(root.has("/etc/holdfast/local.yaml"));
    assert.equal(service("uninstall").status, 0, "again");
    // Of its own, or userdel sees accounts of the same number in the machines of other tests.
    const processes = ["unshare", "--pid", "--fork", "--mount-proc"];
    const deleted = root.run([...processes, "sh", "-c", command]);
    assert.equal(deleted.status, 0, deleted.errors);
    assert.match(service("remains").out, /Nothing remains/);
  });
});

describe("holdfast service start, stop, restart, status", () => {
  test("[SV8] stop takes the socket first; start forgets what had failed, and opens the socket first if it is enabled", (t) => {
    const made = machine();
    if (typeof made === "string") return t.skip(made);
    using _ = made;
    const { root, systemctl, service } = made;
    assert.match(service("start").errors, /\[SERVICE_NOT_INSTALLED\]/);
    systemctl.unit("holdfast.service", RUNS);
    const unconfigured = service("start");
    assert.match(unconfigured.errors, /\[SERVICE_NOT_CONFIGURED\]/);
    assert.equal(unconfigured.status, 78);
    assert.deepEqual(systemctl.asked(), [], "the unit's condition would make it a success");
    configure(root);
    assert.equal(service("start").status, 0);
    const forgets = ["reset-failed holdfast.service"];
    assert.deepEqual(systemctl.asked(), ["daemon-reload", ...forgets, "start holdfast.service"]);
    assert.equal(service("stop").status, 0);
    assert.deepEqual(systemctl.asked(), ["stop holdfast.service"]);
    systemctl.unit("holdfast.socket", { ...RUNS, LoadState: "loaded" });
    assert.equal(service("stop").status, 0);
    assert.deepEqual(systemctl.asked(), ["stop holdfast.socket", "stop holdfast.service"]);
    assert.equal(service("start").status, 0);
    assert.deepEqual(systemctl.asked().slice(-2), [
      "start holdfast.socket",
      "start holdfast.service",
    ]);
    assert.equal(service("restart").status, 0);
    assert.deepEqual(systemctl.asked(), [...forgets, "restart holdfast.service"]);
    systemctl.unit("holdfast.service", { ...RUNS, ActiveState: "failed" });
    assert.equal(service("start").status, 0);
    const anew = ["restart holdfast.socket", "start holdfast.service"];
    assert.deepEqual(systemctl.asked().slice(-2), anew, "with the ports that it has now");
    systemctl.unit("holdfast.socket", { ...RUNS, ActiveState: "failed" });
    assert.equal(service("restart").status, 0);
    assert.deepEqual(systemctl.asked().slice(0, 2), [...forgets, "reset-failed holdfast.socket"]);
    const nobody = root.run(["setpriv", "--reuid=65534", ...HOLDFAST, "stop"]);
    assert.equal(nobody.status, 77, nobody.errors);
  });

  test("[SV6] a start that fails says with which code the service ended, and so does status", (t) => {
    const made = machine();
    if (typeof made === "string") return t.skip(made);
    using _ = made;
    const { root, systemctl, service } = made;
    configure(root);
    const failed = {
      ...RUNS,
      ActiveState: "failed",
      MainPID: 0,
      Result: "exit-code",
      ExecMainStatus: 78,
    };
    systemctl.unit("holdfast.service", failed);
    systemctl.fail("start", "holdfast.service");
    const start = service("start");
    assert.match(start.errors, /code=78.*\[SERVICE_NOT_STARTED\]\n {2}.*journalctl -u holdfast/);
    assert.equal(start.status, 69);
    const shown = service("status");
    assert.match(shown.out, /has failed, and is not started anew\n/);
    assert.match(shown.out, /exit 78: configuration, key or identity: a person must act/);
    assert.equal(shown.status, 69);
    systemctl.unit("holdfast.service", RUNS);
    const runs = service("status");
    assert.match(runs.out, /^The service runs as process 7\n {2}It starts with the machine\n/);
    assert.match(runs.out, /started it anew 2 times\n/);
    assert.equal(runs.status, 0);
    const facts = JSON.parse(service("status", "--json").out);
    assert.equal(facts.service.pid, 7);
    assert.equal(facts.socket.active, "inactive");
  });
});
