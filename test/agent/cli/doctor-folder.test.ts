/** `holdfast doctor --folder`, as IT runs it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { lookAtDrops } from "#agent/cli/doctor-folder.ts";
import type { Finding } from "#agent/cli/finding.ts";
import { fileDrop, withFolders } from "#config/file-drop.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

const base = mkdtempSync(join(tmpdir(), "holdfast-doctor-folder-"));
chmodSync(base, 0o755);
after(() => rmSync(base, { recursive: true, force: true }));

interface Said {
  readonly status: number | null;
  readonly verdict: string;
  readonly text: string;
  readonly remedy: string | undefined;
  readonly facts: Readonly<Record<string, unknown>>;
}

const NOBODY = 65_534;

function doctor(folder: string, account?: number): Said {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["agent/main.ts", "doctor", "--json", "--folder", folder],
    { encoding: "utf8", ...(account === undefined ? {} : { uid: account, gid: account }) },
  );
  assert.equal(stderr, "");
  return { status, ...JSON.parse(stdout) };
}

test("[P3] a folder that is fit: every step works, and nothing is left there", () => {
  const folder = join(base, "fit");
  mkdirSync(folder);
  const said = doctor(folder);
  assert.equal(said.status, 0, said.text);
  assert.equal(said.verdict, "ok");
  assert.deepEqual(readdirSync(folder), []);
});

test("[P3] a folder that is not there is said in words, with what to do", () => {
  const said = doctor(join(base, "absent"));
  assert.equal(said.status, 69);
  assert.equal(said.facts["step"], "exists");
  assert.equal(said.facts["sysCode"], "ENOENT");
  assert.match(said.remedy ?? "", /mount the share/);
});

test("[P3] a folder where the account may not write: the step, the code, the right that is missing", (t) => {
  if (process.getuid?.() !== 0) return t.skip("another account is needed: not tested");
  const folder = join(base, "others");
  mkdirSync(folder, { mode: 0o755 });
  const said = doctor(folder, NOBODY);
  assert.equal(said.status, 69);
  assert.equal(said.facts["step"], "create");
  assert.equal(said.facts["sysCode"], "EACCES");
  assert.match(said.text, /cannot create a file/);
  assert.match(said.remedy ?? "", /right to create/);
});

test("[P3] in a folder with the sticky bit others' files cannot be renamed, one's own can", (t) => {
  if (process.getuid?.() !== 0) return t.skip("another account is needed: not tested");
  const folder = join(base, "sticky");
  mkdirSync(folder);
  chmodSync(folder, 0o1777);
  chownSync(folder, 0, 0);
  assert.equal(doctor(folder, NOBODY).status, 0);
});

/** Of the drop folder of a channel. */
async function lookedAt(config: Readonly<Record<string, unknown>>): Promise<Finding> {
  const drop = withFolders(fileDrop.parse({ name: "lab", kind: "file-drop", ...config }), base);
  const found = (await lookAtDrops([drop]))["lab drop folder"];
  assert.ok(found);
  return found;
}

test("[P3, P19] where files are claimed by row a folder may be read-only, and has one reader only", async (t) => {
  const disk = SmallDisk.make(1 << 20);
  if (typeof disk === "string") return t.skip(disk);
  using _disk = disk;
  const folder = join(disk.path, "in");
  mkdirSync(folder);
  spawnSync("mount", ["-o", "remount,ro", disk.path]);
  try {
    const folders = { folder, workFolder: "work", archiveFolder: "archive", errorFolder: "error" };
    const row = await lookedAt({ ...folders, claimBy: "row" });
    assert.equal(row.verdict, "ok", row.text);
    assert.match(row.text, /only one reader/);
    const rename = await lookedAt(folders);
    assert.deepEqual([rename.verdict, rename.facts["sysCode"]], ["warning", "EROFS"]);
  } finally {
    spawnSync("mount", ["-o", "remount,rw", disk.path]);
  }
});

test("[P2, P3] a work folder on another file system is said, before it is made, too", async (t) => {
  const disk = SmallDisk.make(1 << 20);
  if (typeof disk === "string") return t.skip(disk);
  using _disk = disk;
  const workFolder = join(base, "elsewhere");
  for (const isMade of [false, true]) {
    if (isMade) mkdirSync(workFolder);
    const { verdict, facts, remedy } = await lookedAt({ folder: disk.path, workFolder });
    assert.deepEqual([verdict, facts["code"]], ["warning", "FOLDER_WORK_ELSEWHERE"]);
    assert.match(remedy ?? "", /claimBy: row/);
    assert.equal((await lookedAt({ folder: disk.path, workFolder, claimBy: "row" })).verdict, "ok");
  }
  assert.deepEqual(readdirSync(workFolder), []);
  assert.equal((await lookedAt({ folder: base, workFolder })).verdict, "ok");
});
