/** Files below a folder whose names may be any bytes. @module */
import { hash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** `digest` is read on demand. */
export interface FileBelow {
  readonly name: Buffer;
  readonly digest: string;
}

export function filesBelow(folder: string | Buffer): readonly FileBelow[] {
  const path = Buffer.from(folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true, encoding: "buffer" }).flatMap((entry) => {
    const below = Buffer.concat([path, Buffer.from("/"), entry.name]);
    if (entry.isDirectory()) return filesBelow(below);
    return {
      name: entry.name,
      get digest() {
        return hash("sha256", readFileSync(below));
      },
    };
  });
}
