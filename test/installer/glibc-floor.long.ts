/** better-sqlite3 compiled twice, and the executable with it on three releases of Debian (09 PK11, T-K08): minutes, and as root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import { debianRoot, insideCommand, runInside } from "#installer/native/debian-root.ts";
import { refuseAboveFloor } from "#installer/native/glibc-floor.ts";
import { compileSqlite } from "#installer/native/sqlite-add-on.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { BuiltExecutable, canRun } from "#test/support/built-executable.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started } from "#test/support/processes.ts";

const skip = canRun && process.getuid?.() === 0 ? false : "only root makes roots of Debian";

for (const platform of ["linux-x64", "linux-arm64"] as const) {
  test(`[PK11] [PK13] compiled again for ${platform} it is the same, to the byte, and within the floor`, {
    skip,
  }, () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-compiled-"));
    try {
      const first = compileSqlite(platform);
      refuseAboveFloor(first);
      const again = compileSqlite(platform, join(folder, "again.node"));
      assert.ok(readFileSync(first).equals(readFileSync(again)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

describe("[T-K08] the executable starts and accepts a message", { skip }, () => {
  let built: BuiltExecutable;
  before(async () => {
    compileSqlite("linux-x64");
    built = await BuiltExecutable.build();
    refuseAboveFloor(built.file);
  });
  after(() => built[Symbol.dispose]());

  for (const release of ["bullseye", "bookworm", "trixie"] as const) {
    test(`on Debian ${release}`, async () => {
      const root = debianRoot(release);
      const place = mkdtempSync(join(root, "opt/trial-"));
      using folder = await AgentFolder.make();
      try {
        copyFileSync(built.file, join(place, "holdfast"));
        // With its modes: a key that others can read is refused.
        execFileSync("cp", ["-a", join(folder.path, "agent"), join(place, "agent")]);
        mkdirSync(join(place, "made"));
        const inside = `/${relative(root, place)}`;
        const holdfast = ["env", `HOME=${inside}`, `${inside}/holdfast`];
        const config = `${inside}/agent/local.yaml`;
        runInside(root, inside, [...holdfast, "version"]);
        runInside(root, inside, [...holdfast, "init", "--config", "made/local.yaml"]);
        const run = insideCommand(root, inside, [...holdfast, "run", "--config", config]);
        await using agent = new Started(run);
        await agent.ready();
        await using sender = await MllpSocket.open(folder.port);
        await sender.send(framed(adt("M1")));
        assert.deepEqual(await sender.acknowledged(1), ["AA M1"]);
        runInside(root, inside, [...holdfast, "doctor", "--config", config]);
        assert.equal((await agent.end("SIGTERM")).code, 0, agent.errors);
      } finally {
        rmSync(place, { recursive: true, force: true });
      }
    });
  }
});
