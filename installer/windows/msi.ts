/** The MSI, by wixl and msibuild (09 2, PK13, PK19). @module */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sourceDate } from "../source-date.ts";
import type { WindowsFiles } from "./layout.ts";
import { guidOf, msiSource } from "./msi-source.ts";

/** What may be given on the command line of an administrator's installation, which runs as SYSTEM. */
const SECURE = "CONFIG;SERVICEACCOUNT;STARTOPTION;WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED";

/** What wixl cannot say. */
const CHANGES = [
  // Within the transaction: what fails later brings the version before back.
  "UPDATE `InstallExecuteSequence` SET `Sequence` = 1502 WHERE `Action` = 'RemoveExistingProducts'",
  "DELETE FROM `Property` WHERE `Property` = 'SecureCustomProperties'",
  `INSERT INTO \`Property\` (\`Property\`, \`Value\`) VALUES ('SecureCustomProperties', '${SECURE}')`,
];

/** @returns its path, in `dist` @throws {Error} what the tools say */
export function makeMsi(files: WindowsFiles, dist: string, work: string, version: string): string {
  const source = join(work, "holdfast.wxs");
  writeFileSync(source, msiSource(files, version));
  const file = join(dist, `holdfast-${version}-x64.msi`);
  const tool = (name: string, args: readonly string[]): void =>
    void execFileSync(name, args, { cwd: files.folder, stdio: ["ignore", "pipe", "pipe"] });
  tool("wixl", ["-a", "x64", "-o", file, source]);
  for (const change of CHANGES) tool("msibuild", [file, "-q", change]);
  const code = `{${guidOf(`package ${version} ${sourceDate()}`)}}`;
  tool("msibuild", [file, "-s", "Holdfast gateway", "Holdfast", "x64;1033", code]);
  writeFileSync(file, withTime(readFileSync(file), sourceDate()));
  return file;
}

/** PIDSI_CREATE_DTM and PIDSI_LASTSAVE_DTM of the summary, and its type VT_FILETIME. */
const TIMES = [12, 13] as const;
const FILETIME = 64;
/** 1601 to 1970, in the tenths of microseconds of a FILETIME. */
const TO_1601 = 116_444_736_000_000_000n;
/** FMTID_SummaryInformation, behind which the offset of the section stands ([MS-OLEPS] 2.21). */
const SUMMARY = Buffer.from("e0859ff2f94f6810ab9108002b27b3d9", "hex");

/** @throws {Error} if it has no summary of that form */
function withTime(msi: Buffer, seconds: number): Buffer {
  const at = msi.indexOf(SUMMARY);
  // The property set begins 28 bytes before the name of its first section.
  const section = at - 28 + msi.readUInt32LE(at + SUMMARY.length);
  const count = msi.readUInt32LE(section + 4);
  for (let index = 0; index < count; index++) {
    const entry = section + 8 + index * 8;
    const id = msi.readUInt32LE(entry);
    if (!TIMES.some((time) => time === id)) continue;
    const value = section + msi.readUInt32LE(entry + 4);
    if (msi.readUInt32LE(value) !== FILETIME) throw new Error("a time of the MSI is none");
    msi.writeBigUInt64LE(BigInt(seconds) * 10_000_000n + TO_1601, value + 4);
  }
  return msi;
}
