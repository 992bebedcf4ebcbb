/** What `holdfast doctor` sees of the folders of channels: what the agent would see at its start. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { lookAtFolders } from "#agent/cli/doctor-folders.ts";
import type { Finding } from "#agent/cli/finding.ts";
import { folder, withAbsoluteFolders } from "#config/folder.ts";

const base = mkdtempSync(join(tmpdir(), "holdfast-doctor-folders-"));
after(() => rmSync(base, { recursive: true, force: true }));

/** A folder of its own for each case. */
function site(name: string, ...folders: readonly string[]): string {
  const path = join(base, name);
  for (const one of ["", ...folders]) mkdirSync(join(path, one), { recursive: true });
  return path;
}

describe("a folder that messages are delivered into", () => {
  const look = async (path: string, more: object): Promise<Finding> => {
    const config = { name: "orders", kind: "folder", folder: join(path, "out"), ...more };
    const folderSenders = [withAbsoluteFolders(folder.parse(config), path)];
    const { orders } = await lookAtFolders({ channels: [], drops: [], senders: [], folderSenders });
    assert.ok(orders !== undefined);
    return orders;
  };

  test("[P2, P3] copies beside it: the agent makes their folder, doctor does not", async () => {
    const path = site("beside", "out");
    const { verdict, text } = await look(path, { keepSent: true });
    assert.equal(verdict, "ok", text);
    assert.match(text, /made at the start: sent/);
    assert.deepEqual(readdirSync(path), ["out"]);
  });

  test("[P2, P47] copies elsewhere: the agent would refuse, and so does doctor", async () => {
    const path = site("elsewhere", "out");
    const more = { keepSent: true, sentFolder: join(path, "share/sent") };
    const { verdict, text } = await look(path, more);
    assert.equal(verdict, "warning");
    assert.match(text, /sent exists ENOENT/);
  });
});
