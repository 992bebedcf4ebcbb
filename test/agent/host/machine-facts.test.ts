/** What the kernel says of clock, disks and ports, held against others who ask it. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { clockSync } from "#agent/host/clock-sync.ts";
import { isEncrypted } from "#agent/host/disk-encryption.ts";
import { holderOf, processNames } from "#agent/host/listening.ts";

const skip = process.platform === "linux" ? false : "not tested: Linux says it";
const folder = mkdtempSync(join(tmpdir(), "holdfast-facts-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("[07 1.10] whether the clock is kept is what the kernel says to others, too", {
  skip,
}, async (t) => {
  // System call 159 of x64; its result is the state of the clock, 5: not synchronized.
  const script = 'my $timex = "\\0" x 256; print syscall(159, $timex)';
  const { stdout, status } = spawnSync("perl", ["-e", script], { encoding: "utf8" });
  if (process.arch !== "x64" || status !== 0 || Number(stdout) < 0) {
    return t.skip("not tested: perl, x64 and a kernel that answers are needed to ask it otherwise");
  }
  const found = await clockSync();
  assert.equal(found?.isSynchronized, Number(stdout) !== 5);
  assert.ok(found.errorMaxMs >= 0 && found.errorMaxMs <= 16_000, "the kernel counts to 16 s");
});

test("[08 2.6] a disk is encrypted if every device below it is", { skip }, () => {
  const device = spawnSync("stat", ["-c", "%Hd:%Ld", folder], { encoding: "utf8" }).stdout.trim();
  const sys = join(folder, "sys");
  const block = join(sys, "dev/block", device);
  assert.equal(isEncrypted(folder, sys), undefined, "no device is known");
  mkdirSync(join(block, "slaves"), { recursive: true });
  writeFileSync(join(block, "dev"), device);
  assert.equal(isEncrypted(folder, sys), false);
  const add = (name: string, uuid: string): void => {
    mkdirSync(join(sys, name, "dm"), { recursive: true });
    writeFileSync(join(sys, name, "dm/uuid"), uuid);
    symlinkSync(join(sys, name), join(block, "slaves", name));
  };
  add("dm-1", "CRYPT-LUKS2-0123-root\n");
  assert.equal(isEncrypted(folder, sys), true);
  add("dm-2", "LVM-0123");
  assert.equal(isEncrypted(folder, sys), false);
});

test("[09 SV7] who has a port is found by number and name, on IPv4 and IPv6", {
  skip,
}, async () => {
  for (const host of ["127.0.0.1", "::1"]) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    const { port } = server.address() as { port: number };
    const found = holderOf(port);
    assert.equal(found?.pid, process.pid);
    assert.ok(processNames().includes(found.name ?? ""));
    await new Promise((resolve) => server.close(resolve));
    assert.equal(holderOf(port), undefined);
  }
});
