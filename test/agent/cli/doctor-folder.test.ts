/** `holdfast doctor --folder`, as IT runs it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { cannot } from "#agent/cli/folder-steps.ts";

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

test("[P60] a drive letter is not to be made: what helps is said", () => {
  const refused = { step: "exists", sysCode: "FOLDER_DRIVE_LETTER" } as const;
  const { text, remedy } = cannot("Z:\\in", refused, {});
  assert.match(text, /drive letter that leads to a network share/);
  assert.match(remedy ?? "", /UNC path/);
  assert.match(
    cannot("/srv/in", { step: "exists", sysCode: "ENOENT" }, {}).remedy ?? "",
    /Make it/,
  );
});
