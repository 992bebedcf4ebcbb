/** What `holdfast doctor` sees of drop folders is what the agent finds at its start (04 P2, P3, P19, P47). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { lookAtDrop } from "#agent/cli/doctor-drops.ts";
import type { Finding } from "#agent/cli/finding.ts";
import { pickupSettings } from "#agent/drop-options.ts";
import { AgentError } from "#agent/errors.ts";
import { pickupMethods } from "#agent/folders/pickup.ts";
import { systemClock } from "#agent/host/clock.ts";
import { type FileDropConfig, fileDrop, withFolders } from "#config/file-drop.ts";
import { DeadShare } from "#test/support/dead-share.ts";
import { SmallDisk } from "#test/support/small-disk.ts";

const base = mkdtempSync(join(tmpdir(), "holdfast-doctor-drops-"));
after(() => rmSync(base, { recursive: true, force: true }));
let count = 0;

/** A folder of its own, with these in it. */
function site(...folders: readonly string[]): string {
  const path = join(base, `site-${count++}`);
  for (const one of ["", ...folders]) mkdirSync(join(path, one), { recursive: true });
  return path;
}

const ALL = ["in", "work", "archive", "error"] as const;
const dropIn = (path: string, more: Readonly<Record<string, unknown>> = {}): FileDropConfig =>
  withFolders(fileDrop.parse({ name: "lab", kind: "file-drop", folder: "in", ...more }), path);

interface Looked {
  readonly drop: Finding;
  readonly work: Finding;
  readonly archive: Finding;
  readonly error: Finding;
}

async function look(drop: FileDropConfig): Promise<Looked> {
  const found = await lookAtDrop(drop, 6_000);
  const [first, work, archive, error] = Object.values(found);
  assert.ok(first && work && archive && error);
  const names = ["lab drop folder", "lab work", "lab archive", "lab error"];
  assert.deepEqual(Object.keys(found), names);
  return { drop: first, work, archive, error };
}

/** Code of what keeps the agent from watching; `undefined`: nothing. It makes folders. */
function agentOn(drop: FileDropConfig): string | undefined {
  const voice = { touched: () => {}, hint: () => {} };
  const methods = pickupMethods({ clock: systemClock, voice });
  try {
    methods.open(pickupSettings(drop));
  } catch (error) {
    assert.ok(error instanceof AgentError);
    return error.code;
  }
  const isFailing = methods.test(undefined).some(({ sysCode }) => sysCode !== undefined);
  return isFailing ? "FOLDER_FAILED" : undefined;
}

const verdicts = ({ drop, work, archive, error }: Looked): string[] =>
  [drop, work, archive, error].map(({ verdict }) => verdict);

describe("doctor says what the agent finds", () => {
  const rows: readonly (readonly [
    what: string,
    make: () => FileDropConfig,
    refusal: string | undefined,
    worst: keyof Looked,
    text: RegExp,
  ])[] = [
    ["all are there", () => dropIn(site(...ALL)), undefined, "drop", /all work/],
    [
      "only the drop folder is there",
      () => dropIn(site("in")),
      undefined,
      "work",
      /made when the agent starts/,
    ],
    [
      "the drop folder is missing",
      () => dropIn(site()),
      "FOLDER_FAILED",
      "drop",
      /cannot open it \(ENOENT\)/,
    ],
    [
      "an archive elsewhere is missing",
      () => dropIn(site(...ALL), { archiveFolder: "share/archive" }),
      "FOLDER_FAILED",
      "archive",
      /cannot open it \(ENOENT\)/,
    ],
    [
      "the sentinel is missing",
      () => dropIn(site(...ALL), { sentinelFile: "here" }),
      "FOLDER_MOVED",
      "drop",
      /what=sentinel/,
    ],
    [
      "a share is not mounted",
      () => dropIn(site(...ALL), { shareKind: "smb" }),
      "FOLDER_MOVED",
      "drop",
      /what=mount/,
    ],
  ];
  for (const [what, make, refusal, worst, text] of rows) {
    test(`[P2, P3, P47] ${what}`, async () => {
      const drop = make();
      const before = readdirSync(join(drop.folder, ".."));
      const looked = await look(drop);
      assert.deepEqual(readdirSync(join(drop.folder, "..")), before, "doctor makes nothing");
      assert.match(looked[worst].text, text);
      const isWarned = Object.values(looked).some(({ verdict }) => verdict === "warning");
      assert.equal(isWarned, refusal !== undefined, verdicts(looked).join());
      if (refusal !== undefined) assert.equal(looked[worst].verdict, "warning");
      assert.equal(agentOn(drop), refusal);
    });
  }
});

test("[P3] the account is named, with the step, the code and the right that is missing", async (t) => {
  const disk = SmallDisk.make(1 << 20);
  if (typeof disk === "string") return t.skip(disk);
  using _disk = disk;
  mkdirSync(join(disk.path, "in"));
  const drop = dropIn(site("work", "archive", "error"), { folder: join(disk.path, "in") });
  spawnSync("mount", ["-o", "remount,ro", disk.path]);
  try {
    const { drop: found } = await look({ ...drop, workFolder: join(disk.path, "work") });
    assert.equal(found.verdict, "warning");
    assert.ok(found.text.includes(`account ${userInfo().username} cannot create a file (EROFS)`));
    assert.equal(found.facts["account"], process.getuid?.());
    assert.match(found.remedy ?? "", /right to create/);
    const row = await look({ ...drop, claimBy: "row" });
    assert.equal(row.drop.verdict, "ok", row.drop.text);
    assert.match(row.drop.text, /only one reader may use this folder/);
  } finally {
    spawnSync("mount", ["-o", "remount,rw", disk.path]);
  }
});

test("[P2, P3] a work folder on another file system is said, before it is made, too", async (t) => {
  const disk = SmallDisk.make(1 << 20);
  if (typeof disk === "string") return t.skip(disk);
  using _disk = disk;
  // Beside the drop folder, which is a mount by itself.
  const workFolder = `${disk.path}-work`;
  const drop = dropIn(site("archive", "error"), { folder: disk.path, workFolder });
  try {
    for (const isMade of [false, true]) {
      if (isMade) mkdirSync(workFolder);
      const { work } = await look(drop);
      assert.deepEqual([work.verdict, work.facts["code"]], ["warning", "FOLDER_WORK_ELSEWHERE"]);
      assert.match(work.remedy ?? "", /claimBy: row/);
      assert.equal((await look({ ...drop, claimBy: "row" })).work.verdict, "ok");
    }
    assert.deepEqual(readdirSync(workFolder), []);
    assert.equal(agentOn(drop), "FOLDER_WORK_ELSEWHERE");
  } finally {
    rmSync(workFolder, { recursive: true, force: true });
  }
});

test("[P2] folders where senders may write are warned of: by everybody, or by the group that the drop folder has", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("not tested: groups of folders; this is not root");
  const path = site(...ALL);
  chmodSync(join(path, "in"), 0o2770);
  chownSync(join(path, "in"), 0, 12_345);
  chmodSync(join(path, "work"), 0o777);
  chmodSync(join(path, "archive"), 0o770);
  chownSync(join(path, "archive"), 0, 12_345);
  chmodSync(join(path, "error"), 0o770);
  const looked = await look(dropIn(path));
  assert.deepEqual(verdicts(looked), ["ok", "warning", "warning", "ok"]);
  assert.match(looked.archive.text, /senders may write there/);
});

test("[P20] what lies in work stays there: doctor puts nothing back", async () => {
  const path = site(...ALL);
  const names = [`${"a".repeat(16)}.d.a.hl7`, "planted.hl7"];
  for (const name of names) writeFileSync(join(path, "work", name), "MSH|");
  writeFileSync(join(path, "in", "b.hl7"), "MSH|");
  assert.deepEqual(verdicts(await look(dropIn(path))), ["ok", "ok", "ok", "ok"]);
  assert.deepEqual(readdirSync(join(path, "work")), names);
  assert.deepEqual(readdirSync(join(path, "in")), ["b.hl7"]);
});

test("[P46] where a share is dead, the folder on it is named; the others answer", async (t) => {
  const share = DeadShare.make();
  if (typeof share === "string") return t.skip(share);
  using _share = share;
  const errorFolder = join(share.path, "error");
  const more = { errorFolder, archiveFolder: "share/archive", shareTimeoutSeconds: 8 };
  const looked = await look(dropIn(site("in"), more));
  const said = Object.values(looked).map(({ text }: Finding) => text);
  assert.deepEqual(verdicts(looked), ["ok", "ok", "warning", "warning"], said.join("\n"));
  assert.match(looked.archive.text, /cannot open it \(ENOENT\)/);
  assert.equal(looked.error.facts["code"], "FOLDER_SILENT");
});
