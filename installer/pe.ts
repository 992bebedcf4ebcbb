/**
 * Puts the blob into an executable of Windows, with its name, icon and messages (09 1.3, step 5). Not postject: it
 * damages the resources and leaves a wrong checksum.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { NtExecutable, NtExecutableResource, Resource } from "resedit";
import { EVENT_MESSAGES } from "#agent/host/event-messages.ts";
import { ICON_PICTURES, iconGroup } from "./icon.ts";
import { messageTable } from "./message-table.ts";

/** Of Node: it looks for the blob only where this was flipped. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:0";
/** Types of resources, of winuser.h. */
const RT = { icon: 3, data: 10, messageTable: 11, iconGroup: 14, version: 16 } as const;
const ENGLISH = 0x0409;
/** Code page of strings: Unicode. */
const UNICODE = 1200;
const OURS: ReadonlySet<string | number> = new Set([RT.icon, RT.iconGroup, RT.version]);

export interface PeNames {
  /** As `holdfast.exe`. */
  readonly file: string;
  readonly description: string;
  /** As `1.2.3`. */
  readonly version: string;
}

/** @throws {Error} if it is not the Node that takes a blob */
export function makePe(node: string, blob: string, file: string, names: PeNames): void {
  // Its signature is Node's, and would be wrong.
  const executable = NtExecutable.from(withFuse(readFileSync(node)), { ignoreCert: true });
  const resources = NtExecutableResource.from(executable);
  resources.entries = resources.entries.filter(({ type }) => !OURS.has(type));
  const add = (type: number, id: string | number, content: Uint8Array): number =>
    resources.entries.push({ type, id, lang: ENGLISH, codepage: 0, bin: bufferOf(content) });
  for (const { id, bytes } of ICON_PICTURES) add(RT.icon, id, bytes);
  add(RT.iconGroup, 1, iconGroup());
  add(RT.messageTable, 1, messageTable(Object.values(EVENT_MESSAGES)));
  add(RT.data, "NODE_SEA_BLOB", readFileSync(blob));
  versionOf(names).outputToResourceEntries(resources.entries);
  resources.outputResource(executable);
  // With the checksum of what it is now.
  writeFileSync(file, new Uint8Array(executable.generate()));
}

function withFuse(program: Buffer): Buffer {
  const at = program.indexOf(FUSE);
  if (at < 0 || program.indexOf(FUSE, at + 1) >= 0) throw new Error("no Node that takes a blob");
  program.write("1", at + FUSE.length - 1, "latin1");
  return program;
}

function versionOf({ file, description, version }: PeNames): Resource.VersionInfo {
  const made = Resource.VersionInfo.createEmpty();
  made.lang = ENGLISH;
  const [major = 0, minor = 0, patch = 0] = version.split(/[.+-]/).map(Number);
  made.setFileVersion(major, minor, patch, 0, ENGLISH);
  made.setProductVersion(major, minor, patch, 0, ENGLISH);
  made.setStringValues(
    { lang: ENGLISH, codepage: UNICODE },
    {
      ...{ ProductName: "Holdfast", FileDescription: description, OriginalFilename: file },
      ...{ FileVersion: version, ProductVersion: version },
      InternalName: file.replace(/\.exe$/, ""),
    },
  );
  return made;
}

const bufferOf = (content: Uint8Array): ArrayBuffer => new Uint8Array(content).buffer;
