/** What `doctor` makes of what it saw, for machines that nobody has here. @module */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judgeSkew, judgeSync } from "#agent/cli/doctor-clock.ts";
import { judgeFlush } from "#agent/cli/doctor-disk.ts";
import {
  judgeEncryption,
  judgeMemory,
  judgeProcessors,
  judgeScanners,
  lookAtZone,
} from "#agent/cli/doctor-fitness.ts";
import { judgeAddresses, lookAtNames } from "#agent/cli/doctor-names.ts";
import { judgePort, type PortLook } from "#agent/cli/doctor-ports.ts";
import type { Verdict } from "#agent/cli/finding.ts";
import { AgentError } from "#agent/errors.ts";
import type { DeviceKind } from "#agent/host/flush-latency.ts";
import { listenersIn } from "#agent/host/listening.ts";

const MIB = 1024 * 1024;

/** Median in ms, device, verdict. */
const FLUSHES: readonly (readonly [number, DeviceKind | undefined, Verdict, RegExp])[] = [
  [0.049, "virtual", "warning", /ignores flush/],
  [0.049, "rotational", "warning", /ignores flush/],
  [0.049, "solid", "warning", /ignores flush/],
  [0.049, undefined, "warning", /ignores flush/],
  [0.01, "nvme", "ok", /median 0.01 ms/],
  [0.05, "virtual", "ok", /on sdx \(virtual\)/],
  [20, "rotational", "ok", /p99 40 ms/],
  [20.1, "rotational", "warning", /slow/],
  [20.1, "nvme", "warning", /slow/],
];

describe("flush", () => {
  for (const [medianMs, kind, verdict, text] of FLUSHES) {
    test(`[S4, T-S17] a median of ${medianMs} ms on ${kind ?? "an unknown"} storage is ${verdict}`, () => {
      const device = kind === undefined ? undefined : { name: "sdx", kind };
      const found = judgeFlush({ count: 200, medianMs, p99Ms: medianMs * 2 }, device);
      assert.equal(found.verdict, verdict);
      assert.match(found.text, text);
      assert.equal(found.remedy === undefined, verdict === "ok");
    });
  }
});

describe("the machine", () => {
  test("[08 8] memory and processors: what the unit may take, and as much again", () => {
    const verdicts = [4_096, 1_990, 1_024].map((mib) => judgeMemory(mib * MIB).verdict);
    assert.deepEqual(verdicts, ["ok", "ok", "warning"]);
    assert.deepEqual([judgeProcessors(1).verdict, judgeProcessors(2).verdict], ["notice", "ok"]);
  });

  test("[08 8] a machine whose time zone is none, as of a TZ that nobody knows, is told so", () => {
    const own = ["", "Etc/Unknown", "UTC", "Europe/Berlin"];
    const verdicts = own.map((zone) => lookAtZone(undefined, zone).verdict);
    assert.deepEqual(verdicts, ["warning", "warning", "notice", "ok"]);
    assert.equal(lookAtZone("Europe/Berlin", "Etc/Unknown").verdict, "ok");
  });

  test("[08 2.6] disk encryption is shown, and not demanded", () => {
    const found = [true, false, undefined].map((one) => judgeEncryption(one).verdict);
    assert.deepEqual(found, ["ok", "notice", "notice"]);
  });

  test("[08 11] scanners that are known are named, with what to exempt: the store, by the process", () => {
    const seen = ["bash", "falcon-sensor", "clamd", "clamdscan-cron", "falcon_lsm_pinned"];
    const found = judgeScanners(seen, "/var/lib/holdfast", ["/srv/in"]);
    assert.equal(found.text, "ClamAV, CrowdStrike Falcon");
    assert.match(
      found.remedy ?? "",
      /exempt \/var\/lib\/holdfast for the process holdfast.*\/srv\/in/,
    );
    assert.equal(judgeScanners(["bash", "not-clamd"], "/var", []).verdict, "ok");
  });
});

describe("the clock", () => {
  test("[07 1.10] what the kernel knows of who keeps it, and what the receiver says", () => {
    const kept = { isSynchronized: true, errorMaxMs: 12.1 };
    assert.equal(judgeSync(kept).text, "Kept right, to 13 ms at most");
    assert.equal(judgeSync({ ...kept, isSynchronized: false }).verdict, "warning");
    assert.equal(judgeSync(undefined).verdict, "notice");
    const skews = [1_500, -1_500, 30_000, 301_000].map((ms) => judgeSkew(ms, 300_000));
    assert.deepEqual(
      skews.map(({ verdict }) => verdict),
      ["ok", "ok", "notice", "warning"],
    );
    assert.equal(judgeSkew(-301_000, 300_000).text, "301 s ahead of the receiver's");
    assert.equal(judgeSkew(undefined, 1).verdict, "notice");
  });
});

describe("names", () => {
  const judged = (found: readonly string[], whole: readonly string[] | string): Verdict =>
    judgeAddresses("gateway.example.org", found, whole, 3).verdict;

  test("[08 8] a name that only a search domain completes, or that a filter answers, is told", () => {
    assert.equal(judged(["10.1.2.3", "10.1.2.4"], ["10.1.2.4"]), "ok");
    assert.equal(judged(["10.1.2.3"], "ENOTFOUND"), "notice");
    assert.equal(judged(["10.1.2.3"], ["192.0.2.1"]), "notice");
    for (const sink of ["0.0.0.0", "127.0.0.1", "::1", "::"]) {
      assert.equal(judged([sink], [sink]), "warning", sink);
    }
    assert.equal(judgeAddresses("localhost", ["127.0.0.1"], "ENOTFOUND", 0).verdict, "ok");
  });

  test("[08 8] each name once, addresses not at all; what fails is a warning with its code", async () => {
    const asked: string[] = [];
    const found = await lookAtNames(["a.example", "a.example", "10.0.0.1", "::1"], async (name) => {
      asked.push(name);
      throw Object.assign(new Error("quotes what it likes"), { code: "EAI_AGAIN" });
    });
    assert.deepEqual(asked, ["a.example"]);
    assert.equal(found["a.example"]?.verdict, "warning");
    assert.equal(found["a.example"]?.text, "Cannot be resolved (EAI_AGAIN)");
  });
});

describe("ports", () => {
  const look: PortLook = {
    ...{ host: "10.1.2.3", port: 2_575, error: undefined, holder: undefined },
    ...{ agentPid: undefined, firstOpen: 1_024 },
  };
  const inUse = new AgentError("LISTEN_PORT_IN_USE", {});
  const held = (pid: number | undefined, agentPid?: number): PortLook => ({
    ...{ ...look, error: inUse, holder: { inode: "1", pid, name: "java" }, agentPid },
  });

  test("[09 SV7] free, the agent's own, systemd's, somebody else's, and below 1024", () => {
    assert.equal(judgePort(look).verdict, "ok");
    assert.equal(judgePort(held(7, 7)).text, "10.1.2.3 port 2575: the agent listens");
    assert.equal(judgePort(held(1)).verdict, "ok");
    const foreign = judgePort(held(8, 7));
    assert.equal(foreign.verdict, "problem");
    assert.match(foreign.text, /taken by process 8 \(java\)$/);
    assert.equal(judgePort(held(undefined, 7)).verdict, "notice");
    assert.match(
      judgePort(held(undefined)).remedy ?? "",
      /root sees whose it is: ss -ltnp 'sport = :2575'$/,
    );
    const low = judgePort({ ...look, port: 104 });
    assert.equal(low.verdict, "notice");
    assert.match(low.remedy ?? "", /ListenStream=10\.1\.2\.3:104 into holdfast\.socket/);
    const six = judgePort({ ...look, host: "fd00::1", port: 104 });
    assert.match(six.remedy ?? "", /ListenStream=\[fd00::1\]:104 /);
    const nowhere = { ...look, error: new AgentError("LISTEN_ADDRESS_UNKNOWN", {}) };
    assert.match(judgePort(nowhere).text, /LISTEN_ADDRESS_UNKNOWN/);
    assert.equal(judgePort(nowhere).verdict, "problem");
  });

  test("[09 SV7] of Linux's table those count that listen, on that very port", () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0A0F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0
   1: 0100007F:0A0F 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0
   2: 0100007F:10A0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0`;
    assert.deepEqual(listenersIn(table, 2_575), ["4711"]);
    assert.deepEqual(listenersIn(table, 0xa0), []);
  });
});
