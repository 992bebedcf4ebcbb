/** What scenes do with a folder, in one line each. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, symlinkSync } from "node:fs";
import { basename, dirname, toNamespacedPath } from "node:path";
import type { ClaimedFiles } from "#agent/folders/messages.ts";
import { pauseThread } from "#agent/host/platform.ts";
import type { DropFolder } from "#test/support/drop-folder.ts";

/** The exact name, whatever Windows would make of it. */
export const exact = (folder: DropFolder, where: "drop" | "work", name: string): string =>
  `${toNamespacedPath(folder.at(where))}\\${name}`;

export function outcomeOf(folder: DropFolder): string | undefined {
  const [candidate] = folder.complete();
  if (candidate === undefined) return undefined;
  const claim = folder.newClaim();
  return folder.methods.claim([{ token: candidate.token, claim }])[0]?.outcome;
}

export function textRead(folder: DropFolder, claimed: ClaimedFiles): string {
  const [read] = folder.methods.read({ claims: [claimed], maxBytes: 1_000 });
  return read?.outcome === "whole"
    ? Buffer.from(read.bytes).toString("latin1")
    : `${read?.outcome}`;
}

export function archived(folder: DropFolder, claimed: ClaimedFiles): string {
  const moves = [folder.move(claimed)];
  const [moved] = folder.methods.archive({ moves, after: "archive" });
  if (moved?.outcome === "moved") return Buffer.from(moved.targets[0] ?? []).toString("utf8");
  return moved?.outcome === "failed" ? `${moved.step} ${moved.sysCode}` : `${moved?.outcome}`;
}

/**
 * A junction to a folder: on Windows whoever may write can make one. Under wine, which makes none, a link of
 * Linux: that, too, is listed as a link, and looks like a folder to whoever asks by its name.
 */
export function junction(target: string, path: string): void {
  if (process.env["WINEPREFIX"] === undefined) symlinkSync(target, path, "junction");
  else linuxLink(target, path);
  assert.ok(isListedAsLink(path));
}

/** A symbolic link to a file. @returns whether there is one: on Windows few accounts may */
export function isLinked(target: string, path: string): boolean {
  try {
    // Wine hides one that leads to a file.
    if (process.env["WINEPREFIX"] !== undefined) return false;
    symlinkSync(target, path);
    return true;
  } catch {
    return false;
  }
}

/** Wine runs programs of Linux, too. */
function linuxLink(target: string, path: string): void {
  const [from, to] = [target, path].map(linuxPath);
  const args = ["/unix", "/bin/ln", "-s", from ?? "", to ?? ""];
  spawnSync("C:\\windows\\system32\\start.exe", args, { stdio: "ignore" });
  // It does not wait for what it starts.
  for (let tries = 0; !isListedAsLink(path) && tries < 500; tries++) pauseThread(10);
}

const isListedAsLink = (path: string): boolean =>
  readdirSync(dirname(path), { withFileTypes: true }).some(
    (entry) => entry.name === basename(path) && entry.isSymbolicLink(),
  );

const linuxPath = (path: string): string =>
  path.replaceAll("\\", "/").replace(/^C:/, `${process.env["WINEPREFIX"]}/drive_c`);
