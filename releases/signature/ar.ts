/** A deb is an `ar` archive: three members that are the package, and signatures (deb(5), debsigs(1)). @module */
import type { FileHandle } from "node:fs/promises";

const MAGIC = "!<arch>\n";
const HEADER_BYTES = 60;
const MEMBERS_MAX = 16;

export interface Member {
  readonly name: string;
  /** Where its content begins and how long it is, in bytes. */
  readonly at: number;
  readonly length: number;
}

/** @returns the members in order, or undefined if it is no archive, or has more of them than any package */
export async function readMembers(handle: FileHandle): Promise<Member[] | undefined> {
  const { size } = await handle.stat();
  if ((await textAt(handle, 0, MAGIC.length)) !== MAGIC) return undefined;
  const members: Member[] = [];
  for (let at = MAGIC.length; at < size; ) {
    const header = await textAt(handle, at, HEADER_BYTES);
    const match = /^(?<name>[^/ ]{1,16})\/? *$/.exec(header.slice(0, 16));
    const length = Number(/^(\d{1,10}) *$/.exec(header.slice(48, 58))?.[1] ?? Number.NaN);
    const name = match?.groups?.["name"];
    const isMember = name !== undefined && header.endsWith("`\n") && Number.isInteger(length);
    const content = at + HEADER_BYTES;
    if (!isMember || content + length > size || members.length === MEMBERS_MAX) return undefined;
    members.push({ name, at: content, length });
    at = content + length + (length % 2);
  }
  return members;
}

async function textAt(handle: FileHandle, at: number, length: number): Promise<string> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, at);
  return buffer.toString("latin1", 0, bytesRead);
}
