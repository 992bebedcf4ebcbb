/**
 * The deb on a clean Debian 12 with systemd as its first process: docs/install-linux.md as it stands there, with a
 * receiver outside; then senders that never pause while it is upgraded, restarted, removed, installed again (09 2, 3).
 *
 * @module
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { agentPackage, type LinuxPackage } from "#installer/linux/contents.ts";
import { makeDeb } from "#installer/linux/deb.ts";
import { BuiltExecutable, canRun } from "#test/support/built-executable.ts";
import { Container, containerMissing } from "#test/support/container.ts";
import { until } from "#test/support/processes.ts";
import { Load } from "./debian/load.ts";
import { followPage } from "./debian/page.ts";
import { tried } from "./debian/probe.ts";
import { Vendor } from "./debian/vendor.ts";

const UNIT = "/usr/lib/systemd/system/holdfast.service";
/** What the unit may leave open, of 10 (08 H01). */
const EXPOSURE = 1.5;
const CLOSED_MS = 5_000;
const skip = canRun ? containerMissing() : "the executable of Linux x64 does not run here";

describe("the package on Debian 12", { skip }, () => {
  let machine: Container;
  let vendor: Vendor;
  const work = mkdtempSync(join(tmpdir(), "holdfast-deb-"));

  /** A package of the same program, of another version. */
  let deb: (version: string) => string;

  before(async () => {
    const built = await BuiltExecutable.build();
    const contents = agentPackage(built.released(), "linux-x64", []);
    deb = (version) => {
      const one: LinuxPackage = { ...contents, version };
      return makeDeb(one, work, join(work, "staged"), "none");
    };
    vendor = await Vendor.open();
    machine = await Container.boot("bookworm");
    vendor.sendTo(machine);
  });
  after(async () => {
    await machine?.[Symbol.asyncDispose]();
    await vendor?.[Symbol.asyncDispose]();
    rmSync(work, { recursive: true, force: true });
  });

  /** Puts the package of a version, and no other, where the page wants it. */
  function download(version: string): void {
    machine.sh("rm -f /root/holdfast_*.deb");
    copyFileSync(deb(version), machine.path(`root/holdfast_${version}_amd64.deb`));
  }

  /** Runs a section of the page. */
  const follow = (heading: string): Promise<void> => followPage(heading, machine, vendor);

  const isActive = (): boolean => machine.run("systemctl", "is-active", "holdfast").status === 0;

  test("[PK17] [PK18] docs/install-linux.md, Install: from the package to an acknowledged message, line by line", async () => {
    download("0.1.0");
    await follow("## Install");
    assert.ok(isActive());
    assert.match(machine.sh("systemctl is-enabled holdfast"), /^enabled/);
  });

  test("[08 8] doctor by root sees what the service's account sees: nothing is wrong here", () => {
    const asked = machine.sh("holdfast doctor");
    assert.match(asked, /^ {2}ok +folder +\/var\/lib\/holdfast$/m);
    assert.match(asked, /^ {2}ok +account +Looked at as holdfast$/m);
    const account = machine.sh("runuser -u holdfast -- holdfast doctor");
    // But for what is measured anew.
    const verdicts = (text: string): string[] =>
      text.match(/^ {2}(?:ok|notice|warning|problem) +\S+/gm) ?? [];
    assert.deepEqual(verdicts(asked), verdicts(account));
    assert.ok(!/^ {2}problem/m.test(asked), asked);
  });

  test("[09 2.1] what lies where, and whose it is", () => {
    const shown = machine.sh(
      "stat -c '%a %U:%G %n' /opt/holdfast/bin/holdfast /opt/holdfast/lib/* /usr/bin/holdfast /etc/holdfast " +
        "/etc/holdfast/local.yaml /var/lib/holdfast /var/log/holdfast /run/holdfast /run/holdfast/control.sock " +
        `${UNIT}`,
    );
    const lines = shown.trim().split("\n");
    const expected = [
      /^755 root:root \/opt\/holdfast\/bin\/holdfast$/,
      /^644 root:root \/opt\/holdfast\/lib\/[0-9a-f]{16}-better-sqlite3\.node$/,
      /^644 root:root \/opt\/holdfast\/lib\/[0-9a-f]{16}-koffi\.node$/,
      /^777 root:root \/usr\/bin\/holdfast$/,
      /^750 root:holdfast \/etc\/holdfast$/,
      /^640 root:holdfast \/etc\/holdfast\/local\.yaml$/,
      /^700 holdfast:holdfast \/var\/lib\/holdfast$/,
      /^700 holdfast:holdfast \/var\/log\/holdfast$/,
      /^2750 holdfast:holdfast-approvers \/run\/holdfast$/,
      /^660 holdfast:holdfast-approvers \/run\/holdfast\/control\.sock$/,
      /^644 root:root \/usr\/lib\/systemd\/system\/holdfast\.service$/,
    ];
    assert.equal(lines.length, expected.length, shown);
    for (const [index, pattern] of expected.entries()) assert.match(lines[index] ?? "", pattern);
    assert.match(machine.sh("getent passwd holdfast"), /:\/usr\/sbin\/nologin$/m);
  });

  test("[H01] [T-K13] the unit is clean, and leaves at most 1.5 of 10 open", () => {
    assert.equal(machine.sh("systemd-analyze verify holdfast.service 2>&1"), "");
    const said = machine.sh("systemd-analyze security --no-pager holdfast.service");
    const exposure = Number(/exposure level for holdfast\.service: ([\d.]+)/.exec(said)?.[1]);
    assert.ok(exposure <= EXPOSURE, said);
  });

  test("[09 3] systemd never gives the service up by itself: its restarts take longer than it counts", () => {
    const unit = readFileSync(machine.path(UNIT), "utf8");
    const setting = (name: string): number =>
      Number(new RegExp(`^${name}=(\\d+)$`, "m").exec(unit)?.[1]);
    const countedSeconds = setting("StartLimitBurst") * setting("RestartSec");
    assert.ok(countedSeconds > setting("StartLimitIntervalSec"));
  });

  test("[H02] [H04] under the unit nothing is written, read, run or reached that the service does not need", () => {
    const { "give up starting programs": landlock, ...attacks } = tried(machine, UNIT);
    // What the agent asks of the kernel against attackers (Landlock); not every kernel has it.
    assert.match(landlock ?? "", /^(?:done|ENOSYS|EOPNOTSUPP)$/);
    for (const [what, outcome] of Object.entries(attacks)) {
      assert.match(outcome, /^(?:EACCES|EPERM|EROFS|ENOENT|EAFNOSUPPORT)$/, `${what}: ${outcome}`);
    }
  });

  test("[T-K11] [PK20] 10,000 messages while it is upgraded and restarted: each that was acknowledged arrives once", async (t) => {
    download("0.1.1");
    assert.ok(isActive(), "it is not installed");
    using load = new Load(vendor.port);
    await load.acknowledged(1_000);
    await follow("## Upgrade");
    assert.match(machine.sh("dpkg-query -W holdfast"), /0\.1\.1$/m);
    await load.acknowledged(4_000);
    machine.sh("systemctl restart holdfast");
    await load.acknowledged(10_000);
    const { longestRefusalMs, ledger } = await load.finish();
    t.diagnostic(`the port was closed for ${Math.round(longestRefusalMs)} ms at most`);
    assert.ok(longestRefusalMs < CLOSED_MS, `${longestRefusalMs} ms`);
    assert.deepEqual(await vendor.holds(ledger, machine), []);
  });

  test("[T-K11] [PK21] removed with a backlog and installed again, it starts by itself and delivers the backlog", async () => {
    await vendor.goAway();
    using load = new Load(vendor.port);
    await load.acknowledged(200);
    const { ledger } = await load.finish();
    await follow("## Remove");
    assert.match(machine.sh("ls /var/lib/holdfast /etc/holdfast"), /local\.yaml/);
    const left = "command -v holdfast || systemctl is-active -q holdfast";
    assert.equal(machine.run("sh", "-c", left).out, "");
    machine.sh("apt-get install -y ./holdfast_*_amd64.deb");
    assert.ok(isActive());
    await vendor.comeBack();
    assert.deepEqual(await vendor.holds(ledger, machine), []);
  });

  test("[T-K11] [PK21] purge leaves what is stored and its key; with the configuration back, it goes on", async () => {
    await vendor.goAway();
    using load = new Load(vendor.port);
    await load.acknowledged(100);
    const { ledger } = await load.finish();
    const purged = machine.sh(
      "cp /etc/holdfast/local.yaml /root && apt-get purge -y holdfast 2>&1",
    );
    assert.match(purged, /rm -rf \/var\/lib\/holdfast/);
    assert.equal(machine.sh("find /etc/holdfast -type f").trim(), "/etc/holdfast/kek/holdfast.kek");
    assert.match(machine.sh("stat -c %U /var/lib/holdfast"), /^holdfast/);
    download("0.1.2");
    machine.sh("apt-get install -y ./holdfast_*_amd64.deb");
    assert.ok(!isActive(), "there is no configuration");
    machine.sh("install -m 0640 -g holdfast local.yaml /etc/holdfast/ && systemctl start holdfast");
    await vendor.comeBack();
    assert.deepEqual(await vendor.holds(ledger, machine), []);
  });

  test("[T-K11] [PK20] an upgrade leaves a service stopped that somebody has stopped", () => {
    machine.sh("systemctl stop holdfast");
    download("0.1.3");
    machine.sh("apt-get install -y ./holdfast_*_amd64.deb");
    assert.ok(!isActive());
    machine.sh("systemctl start holdfast");
  });

  test("[T-K12] [SV7] with the socket unit nobody is refused while it is upgraded", async () => {
    machine.sh("systemctl stop holdfast && mkdir -p /etc/systemd/system/holdfast.socket.d");
    writeFileSync(
      machine.path("etc/systemd/system/holdfast.socket.d/ports.conf"),
      `[Socket]\nListenStream=127.0.0.1:${vendor.port}\n`,
    );
    assert.equal(
      machine.sh("systemctl daemon-reload && systemd-analyze verify holdfast.socket 2>&1"),
      "",
    );
    machine.sh("systemctl enable --now holdfast.socket && systemctl start holdfast");
    download("0.1.4");
    using load = new Load(vendor.port);
    await load.acknowledged(500);
    machine.sh("apt-get install -y ./holdfast_*_amd64.deb");
    await load.acknowledged(1_500);
    const { refusals, ledger } = await load.finish();
    assert.equal(refusals, 0);
    assert.deepEqual(await vendor.holds(ledger, machine), []);
    machine.sh("systemctl disable --now holdfast.socket && systemctl restart holdfast");
  });

  test("[SV4] [SV6] [T-K14] it is started again after a kill and after silence, and not after exit 78", async () => {
    const pid = (): string => machine.sh("systemctl show -P MainPID holdfast").trim();
    const restarted = async (signal: string): Promise<void> => {
      const before = pid();
      // Which a kill would take for everybody around it.
      assert.notEqual(before, "0");
      machine.sh(`kill -${signal} ${before}`);
      await until(
        `another process after ${signal}`,
        () => isActive() && !["0", before].includes(pid()),
        90_000,
      );
    };
    await restarted("KILL");
    machine.sh(
      "mkdir -p /run/systemd/system/holdfast.service.d && " +
        "printf '[Service]\\nWatchdogSec=3\\n' > /run/systemd/system/holdfast.service.d/quick.conf && " +
        "systemctl daemon-reload && systemctl restart holdfast",
    );
    await restarted("STOP");
    machine.sh("systemctl stop holdfast && echo nonsense >> /etc/holdfast/local.yaml");
    machine.run("systemctl", "start", "holdfast");
    await until(
      "it has failed",
      () => machine.run("systemctl", "is-failed", "holdfast").status === 0,
    );
    assert.match(machine.sh("systemctl show -P ExecMainStatus -P NRestarts holdfast"), /^0\n78\n/);
  });
});
