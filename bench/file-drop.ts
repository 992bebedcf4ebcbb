/** Files from a folder (04): how fast, with how much memory, and what they cost an MLLP channel beside them. @module */
import { measureBeside } from "./file-drop-beside.ts";
import { measureFullFolder } from "./file-drop-folder.ts";
import { measureLargeFile } from "./file-drop-large.ts";
import { measureFiles } from "./file-drop-rate.ts";
import type { Row } from "./table.ts";

/** @param seconds of each load */
export async function measureFileDrop(
  folder: string,
  rounds: number,
  seconds: number,
): Promise<Row[]> {
  return [
    ...(await measureFiles(folder, rounds)),
    ...(await measureLargeFile(folder, rounds)),
    ...(await measureBeside(folder, rounds, seconds)),
    ...(await measureFullFolder(folder, rounds, seconds)),
  ];
}
