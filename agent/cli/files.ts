/** `holdfast files list`: what became of the files of a folder. @module */
import { loadLocalConfig } from "#config/local.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { FileEntry } from "../files-desk.ts";
import { question } from "./question.ts";
import { printFacts, readableBytes, table } from "./terminal.ts";

export interface FilesOptions {
  readonly config: string;
  readonly json: boolean;
  /** Absent: of every channel that takes files. */
  readonly channel: string | undefined;
  /** Only those in this state. */
  readonly state: FileEntry["state"] | undefined;
  /** Only those that were, or are to be, set aside. */
  readonly aside: boolean;
  /** Only the one that logs and alarms call so. */
  readonly claim: string | undefined;
  readonly limit: number;
}

/** @returns 65 if a claim was asked for and is not there */
export async function filesList(options: FilesOptions): Promise<ExitCode> {
  const { stateDir, drops } = loadLocalConfig(options.config);
  const channels =
    options.channel === undefined ? drops.map(({ name }) => name) : [options.channel];
  const found: FileEntry[] = [];
  for (const channel of channels) found.push(...(await filesOf(stateDir, channel, options)));
  printFacts(options.json, found, () => lines(found));
  return options.claim === undefined || found.length > 0 ? EXIT.ok : EXIT.badData;
}

async function filesOf(
  stateDir: string,
  channel: string,
  { state, aside, claim, limit }: FilesOptions,
): Promise<FileEntry[]> {
  const found: FileEntry[] = [];
  for (let beforeId = 0; ; ) {
    const page = (await question(stateDir, { ask: "files", channel, beforeId })) as FileEntry[];
    const fits = page.filter(
      (one) =>
        (state ?? one.state) === one.state &&
        (claim ?? one.claim) === one.claim &&
        (!aside || one.reason !== undefined),
    );
    found.push(...fits);
    const last = page.at(-1);
    if (last === undefined || found.length >= limit) return found.slice(0, limit);
    beforeId = last.id;
  }
}

function lines(files: readonly FileEntry[]): string[] {
  if (files.length === 0) return ["No such file has been taken"];
  return table([
    ["claim", "channel", "claimed", "state", "what", "bytes", "messages", "name", "lies in"],
    ...files.map((file) => [
      file.claim,
      file.channel,
      file.claimedAt,
      file.state,
      file.reason ?? file.verdict ?? "-",
      readableBytes(file.bytes),
      file.quarantined === 0
        ? String(file.messages)
        : `${file.messages}, ${file.quarantined} in quarantine`,
      file.name,
      file.movedTo === undefined
        ? "-"
        : `${file.reason === undefined ? "archive" : "error"}/${file.movedTo}`,
    ]),
  ]);
}
