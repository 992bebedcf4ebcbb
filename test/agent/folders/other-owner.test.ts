/** The agent is not root, and files are their senders': what a service account really meets. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { DROP_DEFAULTS } from "#test/support/drop-folder.ts";

const NOBODY = 65_534;
const SENDER = 12_345;
const module = pathToFileURL(join(import.meta.dirname, "../../../agent/folders/pickup.ts")).href;
const clock = pathToFileURL(join(import.meta.dirname, "../../../agent/host/clock.ts")).href;

/** Runs `script` as nobody. @returns what it printed as JSON, or the line that says why it cannot be run */
function asNobody(script: string): unknown {
  const args = ["--input-type=module", "--eval", script];
  const { stdout, stderr, status, error } = spawnSync(process.execPath, args, {
    uid: NOBODY,
    gid: NOBODY,
    encoding: "utf8",
    cwd: "/",
  });
  if (status !== 0)
    return `not tested: another account (${error?.message ?? stderr.trim().split("\n").at(-1)})`;
  return JSON.parse(stdout);
}

describe("files of another owner", () => {
  test("[P17, P27, P33] are claimed, read, archived and set aside though they can be neither linked nor changed", (t) => {
    if (process.getuid?.() !== 0) return t.skip("not tested: two accounts; this is not root");
    if (typeof asNobody("console.log(1)") === "string")
      return t.skip(String(asNobody("console.log(1)")));
    const path = mkdtempSync(join(tmpdir(), "holdfast-owner-"));
    try {
      chmodSync(path, 0o755);
      for (const name of ["drop", "work", "archive", "error"]) {
        mkdirSync(join(path, name));
        chownSync(join(path, name), NOBODY, NOBODY);
      }
      for (const name of ["a.hl7", "b.hl7", "c.hl7"]) {
        const file = join(path, "drop", name);
        writeFileSync(file, name);
        chownSync(file, SENDER, SENDER);
        // The last one cannot even be read.
        chmodSync(file, name === "c.hl7" ? 0o600 : 0o755);
      }
      const folders = Object.fromEntries(
        ["work", "archive", "error"].map((name) => [`${name}Folder`, join(path, name)]),
      );
      const settings = {
        ...DROP_DEFAULTS,
        completion: "rename",
        folder: join(path, "drop"),
        ...folders,
      };
      const found = asNobody(`
        import { pickupMethods } from ${JSON.stringify(module)};
        import { systemClock } from ${JSON.stringify(clock)};
        const voice = { touched() {}, hint() {} };
        const methods = pickupMethods({ clock: systemClock, voice });
        const standing = methods.open(${JSON.stringify(settings)});
        const { candidates } = methods.poll(undefined);
        const claims = candidates.map(({ files }, at) => ({ claim: String(at).padStart(16, "0"), files }));
        const claimed = methods.claim(candidates.map(({ token }, at) => ({ token, claim: claims[at].claim })));
        const read = methods.read({ claims, maxBytes: 1000 });
        const move = (claim, targets) => ({ ...claim, sha256: undefined, atMs: 0, targets, duplicate: false });
        const archive = (targets) => methods.archive({ moves: [move(claims[0], targets)], after: "archive" })[0];
        const reason = { code: "unreadable", rule: "P32", channel: "adt" };
        const aside = (at, targets) => methods.aside([{ ...move(claims[at], targets), reason }])[0];
        const outcomes = [];
        const drive = (ask) => {
          for (let one = ask([]); ; one = ask(one.targets)) {
            outcomes.push(one.outcome);
            if (one.outcome !== "planned") return;
          }
        };
        drive(archive);
        drive((targets) => aside(1, targets));
        drive((targets) => aside(2, targets));
        methods.putBack([]);
        console.log(JSON.stringify({
          canLink: standing.canLink,
          claimed: claimed.map(({ outcome }) => outcome),
          read: read.map(({ outcome, sysCode }) => sysCode ?? outcome),
          outcomes,
        }));
        process.exit(0);
      `);
      const isProtected =
        spawnSync("cat", ["/proc/sys/fs/protected_hardlinks"]).stdout.toString().trim() === "1";
      assert.deepEqual(found, {
        canLink: true,
        claimed: ["claimed", "claimed", "claimed"],
        read: ["whole", "whole", "EACCES"],
        outcomes: isProtected
          ? ["planned", "moved", "planned", "moved", "planned", "moved"]
          : ["moved", "moved", "moved"],
      });
      assert.deepEqual(readdirSync(join(path, "archive/1970/01/01")), ["a.hl7"]);
      const names = ["b.hl7", "b.hl7.reason.json", "c.hl7", "c.hl7.reason.json"];
      assert.deepEqual(readdirSync(join(path, "error")).sort(), names);
      assert.deepEqual(readdirSync(join(path, "work")), []);
      assert.equal(statSync(join(path, "error", "b.hl7.reason.json")).mode & 0o7777, 0o640);
    } finally {
      rmSync(path, { recursive: true });
    }
  });
});
