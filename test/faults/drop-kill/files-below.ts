/** Files below a folder whose names may be any bytes. @module */
import { hash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** `digest` is read on demand. */
export interface FileBelow {
  readonly name: Buffer;
  readonly digest: string;
}

/** But for a trial file of a start that was killed: it goes an hour later. */
export function filesBelow(folder: string | Buffer): readonly FileBelow[] {
  const path = Buffer.from(folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true, encoding: "buffer" }).flatMap((entry) => {
    const below = Buffer.concat([path, Buffer.from("/"), entry.name]);
    if (entry.isDirectory()) return filesBelow(below);
    if (entry.name.toString("latin1").startsWith(".holdfast-probe-")) return [];
    return {
      name: entry.name,
      get digest() {
        return hash("sha256", readFileSync(below));
      },
    };
  });
}
