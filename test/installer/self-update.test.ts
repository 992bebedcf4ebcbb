/**
 * The updater on a clean Debian 12: a release that is good and stays, one that is never ready, and the way back, under
 * senders that never pause (07 section 3).
 *
 * @module
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { canRun } from "#test/support/built-executable.ts";
import { Container, containerMissing } from "#test/support/container.ts";
import { until } from "#test/support/processes.ts";
import { Load } from "./debian/load.ts";
import { followPage } from "./debian/page.ts";
import { type Release, Releases } from "./debian/releases.ts";
import { Vendor } from "./debian/vendor.ts";

/** B20. */
const BACK_MS = 60_000;
/** Of each of four senders: the processor is for what is tested. */
const PAUSE_MS = 40;
const skip = canRun ? containerMissing() : "the executable of Linux x64 does not run here";

describe("updates on Debian 12", { skip }, () => {
  let machine: Container;
  let vendor: Vendor;
  let releases: Releases;
  let first: Release;
  let second: Release;
  let third: Release;

  before(async () => {
    releases = await Releases.open();
    vendor = await Vendor.open();
    machine = await Container.boot("bookworm");
    vendor.sendTo(machine);
    first = await releases.good(1, "0.1.0", machine);
    second = await releases.good(2, "0.2.0", machine);
    third = await releases.neverReady(3, "0.3.0", machine);
  });
  after(async () => {
    await machine?.[Symbol.asyncDispose]();
    await vendor?.[Symbol.asyncDispose]();
    releases?.[Symbol.dispose]();
  });

  /** By a person who may decide and nothing else. */
  const approve = (digest: string, ...more: readonly string[]): string =>
    machine.sh(
      `runuser -u erika -- holdfast update approve ${digest} ${more.join(" ")} --socket /run/holdfast/control.sock`,
    );
  /** Senders go on meanwhile. */
  const apply = async (): Promise<{ out: string; status: number | null }> => {
    const [nsenter = "", ...inside] = machine.within();
    const asked = spawn(nsenter, [...inside, "holdfast", "update", "apply"]);
    let out = "";
    for (const stream of [asked.stdout, asked.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        out += part;
      });
    }
    const [status] = (await once(asked, "close")) as [number | null];
    return { out, status };
  };
  const runs = (): string => {
    const { out } = machine.run("runuser", "-u", "holdfast", "--", "holdfast", "status", "--json");
    return (JSON.parse(out.slice(out.indexOf("{"))) as { version: string }).version;
  };
  const kept = (name: string): Record<string, unknown> =>
    JSON.parse(readFileSync(machine.path(`var/lib/holdfast-updater/${name}.json`), "utf8"));
  const installed = (): string => machine.sh("dpkg-query -W holdfast").trim().split("\t")[1] ?? "";
  const audit = (): string => machine.sh("runuser -u holdfast -- holdfast audit show");

  test("[09 2.1] the updater is off until root enables it with the package of what runs", async () => {
    machine.sh(`cp ${first.file} /root`);
    await followPage("## Install", machine, vendor, (commands) => {
      // Its port is that of another machine of the tests, which has the same addresses.
      if (commands.startsWith("holdfast init"))
        machine.sh("echo 'statusPage: off' >> /etc/holdfast/local.yaml");
    });
    machine.sh("useradd --groups holdfast-approvers erika");
    assert.notEqual(machine.run("systemctl", "is-enabled", "holdfast-updater.timer").status, 0);
    assert.equal((await apply()).status, 77);
    assert.equal(machine.run("holdfast", "update", "enable", second.file).status, 65);
    machine.sh(`holdfast update enable ${first.file}`);
    assert.match(machine.sh("systemctl is-enabled holdfast-updater.timer"), /^enabled/);
    machine.sh("systemd-analyze verify holdfast-updater.service holdfast-updater.timer 2>&1");
    // Root's yes alone is not the hospital's.
    machine.sh(`holdfast update stage ${second.file}`);
    const refused = machine.run("holdfast", "update", "approve", second.digest);
    assert.match(refused.out, /UPDATE_OFF/);
    machine.sh("printf 'policy: { updates: { mode: apply } }\\n' >> /etc/holdfast/local.yaml");
    machine.sh("systemctl restart holdfast");
  });

  test("[B20] a good release takes the place of the one that runs: none is lost, and it is in the audit", async (t) => {
    using load = new Load(vendor.port, PAUSE_MS);
    await load.acknowledged(300);
    assert.match(approve(second.digest), /approved by erika/);
    const { out, status } = await apply();
    assert.equal(status, 0, `${out}\n${machine.run("journalctl", "-u", "holdfast-updater").out}`);
    await load.acknowledged(600);
    const { longestRefusalMs, ledger } = await load.finish();
    t.diagnostic(`the port was closed for ${Math.round(longestRefusalMs)} ms at most`);
    assert.equal(runs(), "0.2.0");
    assert.equal(installed(), "0.2.0");
    assert.equal(kept("marks")["releaseCounter"], 2);
    assert.deepEqual(await vendor.holds(ledger, machine), []);
    const entries = audit();
    assert.match(entries, /erika.*update\.approved|update\.approved.*erika/);
    assert.match(entries, /update\.committed/);
  });

  test("[B20] a release that is never ready: the one before serves in less than 60 s, and no message is lost", async (t) => {
    machine.sh(`holdfast update stage ${third.file}`);
    using load = new Load(vendor.port, PAUSE_MS);
    await load.acknowledged(300);
    approve(third.digest);
    const applied = await apply();
    assert.equal(applied.status, 69, applied.out);
    await load.acknowledged(600);
    const { longestRefusalMs, ledger } = await load.finish();
    t.diagnostic(`the port was closed for ${Math.round(longestRefusalMs)} ms`);
    assert.ok(longestRefusalMs > 0 && longestRefusalMs < BACK_MS, `${longestRefusalMs} ms`);
    assert.equal(runs(), "0.2.0");
    assert.equal(installed(), "0.2.0");
    assert.equal(kept("marks")["releaseCounter"], 2);
    assert.equal(kept("marks")["wentBack"], false);
    assert.deepEqual(await vendor.holds(ledger, machine), []);
    assert.match(audit(), /update\.wentBack/);
    const status = machine.run("runuser", "-u", "holdfast", "--", "holdfast", "status").out;
    assert.match(status, /last: went back .* 0\.2\.0 to 0\.3\.0 \(silent\), approved by erika/);
    assert.match(status, /updateWentBack/);
    // The yes is used up.
    assert.equal((await apply()).status, 0);
    assert.equal(runs(), "0.2.0");
  });

  test("[B20] the updater is killed while the release that is never ready is watched: it goes back by itself", async () => {
    using load = new Load(vendor.port, PAUSE_MS);
    await load.acknowledged(100);
    approve(third.digest);
    machine.sh("systemctl start --no-block holdfast-updater");
    await until("it is watched", () => kept("journal")["step"] === "switching");
    machine.sh("systemctl kill --signal=KILL holdfast-updater");
    await until(
      "it has gone back",
      () => (kept("journal")["outcome"] as { reason?: string }).reason === "interrupted",
      BACK_MS,
    );
    await load.acknowledged(300);
    const { longestRefusalMs, ledger } = await load.finish();
    assert.ok(longestRefusalMs > 0 && longestRefusalMs < BACK_MS, `${longestRefusalMs} ms`);
    assert.equal(runs(), "0.2.0");
    assert.equal(installed(), "0.2.0");
    assert.deepEqual(await vendor.holds(ledger, machine), []);
  });

  test("[B19] back to the release before, with approval, once", async () => {
    assert.notEqual(machine.run("holdfast", "update", "approve", first.digest).status, 0);
    approve(first.digest, "--back");
    assert.equal((await apply()).status, 0);
    assert.equal(runs(), "0.1.0");
    assert.equal(installed(), "0.1.0");
    assert.deepEqual([kept("marks")["releaseCounter"], kept("marks")["wentBack"]], [2, true]);
    // And no way forward to what was left but by a newer release.
    approve(second.digest, "--back");
    assert.equal((await apply()).status, 65);
    assert.equal(runs(), "0.1.0");
  });
});
