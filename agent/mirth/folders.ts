/** Folders as Mirth names them. @module */
import { type Draft, UNKNOWN } from "./draft.ts";
import { hasVariable, nodeOf } from "./values.ts";
import { textAt } from "./xml-tree.ts";

/** On any system: this command may run elsewhere than the agent. */
const isWhole = (path: string): boolean => /^(?:[\\/]|[A-Za-z]:[\\/])/.test(path);

/**
 * Sets `folder` from `scheme` and `host`.
 *
 * @returns the path; `undefined` if the files are not in a file system, and nothing is to be translated
 */
export function readFolder(draft: Draft): string | undefined {
  const scheme = textAt(draft.properties, "scheme").toUpperCase();
  const host = textAt(draft.properties, "host");
  const node = nodeOf(draft, "host");
  if (scheme === "SMB") return heldShare(draft, host);
  if (scheme !== "" && scheme !== "FILE") {
    draft.missing(
      nodeOf(draft, "scheme"),
      "the files are on another server (FTP, SFTP, S3, WebDAV): have them carried to a folder of this machine or to a share, or let the platform take them",
    );
    return undefined;
  }
  if (!isUsable(host)) {
    draft.set("folder", UNKNOWN);
    draft.hold(
      node,
      "the folder's path is empty or has a variable that Mirth fills in when it runs: write it out",
    );
    return UNKNOWN;
  }
  draft.set("folder", host);
  if (!isWhole(host)) {
    draft.missing(
      node,
      "the path begins in Mirth's own folder; here it would begin at local.yaml: write it out",
    );
  }
  return host;
}

/** It is reached as a folder: by its UNC path on Windows, by a mount elsewhere. */
function heldShare(draft: Draft, host: string): string {
  const isShare = isUsable(host) && !/[@:]/.test(host);
  const path = isShare ? `\\\\${host.replaceAll("/", "\\").replace(/^\\+/, "")}` : UNKNOWN;
  draft.set("folder", path);
  draft.set("shareKind", "smb");
  draft.hold(
    nodeOf(draft, "scheme"),
    "Mirth logs in to a Windows share by itself; here the system does: mount it and write the mount's path, or on Windows keep the UNC path and give the service's account its rights, then remove the #",
  );
  return path;
}

/** A path as it stands, without anything that Mirth would fill in. */
export const isUsable = (path: string): boolean =>
  path !== "" && path.length <= 4_096 && !hasVariable(path) && !/\p{Cc}/u.test(path);

/** Beside a folder, with the sign that its path uses. */
export function beside(folder: string, name: string): string {
  const path = folder.replace(/[\\/]+$/, "");
  const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  return `${path.slice(0, cut + 1)}${name}`;
}
