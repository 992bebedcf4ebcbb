/**
 * The folder of the socket for approvers (07 2.8, 09): whose group it is decides who may open it, for the kernel tells
 * Node of nobody who has opened a socket. The installer makes it `2750 holdfast:holdfast-approvers`.
 *
 * @module
 */
import { chmodSync, chownSync, lstatSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";

/** Where the installer makes the folder. */
export const DEFAULT_APPROVER_SOCKET = "/run/holdfast/control.sock";

const OTHERS_OR_GROUP_WRITES = 0o027;
const SOCKET_MODE = 0o660;
const ROOT = 0;

export type ApproverFolder =
  | { readonly kind: "fit"; readonly gid: number }
  | { readonly kind: "unfit"; readonly flaw: "absent" | "kind" | "owner" | "mode" | "platform" };

/** Looks at a folder that is there, or not; links are not followed. */
export function judgeApproverFolder(folder: string): ApproverFolder {
  if (process.getuid === undefined) return { kind: "unfit", flaw: "platform" };
  const status = lstatSync(folder, { throwIfNoEntry: false });
  if (status === undefined) return { kind: "unfit", flaw: "absent" };
  if (!status.isDirectory()) return { kind: "unfit", flaw: "kind" };
  const { uid, gid, mode } = status;
  if (uid !== process.getuid() && uid !== ROOT) return { kind: "unfit", flaw: "owner" };
  // Who can write there can put another socket in its place; others are no approvers.
  if ((mode & OTHERS_OR_GROUP_WRITES) !== 0) return { kind: "unfit", flaw: "mode" };
  return { kind: "fit", gid };
}

/** Takes away what a killed agent left. @returns whether nobody listens there */
export async function clearSocket(path: string): Promise<boolean> {
  const { promise: isAnswered, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path, () => resolve(true)).on("error", () => resolve(false));
  const isTaken = await isAnswered;
  socket.destroy();
  if (!isTaken) rmSync(path, { force: true });
  return !isTaken;
}

/** @returns whether the group may open it, and nobody else @throws the operating system's error, untranslated */
export function handToGroup(path: string, gid: number): boolean {
  chmodSync(path, SOCKET_MODE);
  const own = statSync(path);
  // In a folder with the set-group bit it is theirs already.
  if (own.gid !== gid) chownSync(path, own.uid, gid);
  const { gid: found, mode } = statSync(path);
  return found === gid && (mode & 0o777) === SOCKET_MODE;
}
