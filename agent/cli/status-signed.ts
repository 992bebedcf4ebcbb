/** `holdfast status --signed FILE`: a status document to carry back on a stick (07 2.13). @module */
import { writeFileSync } from "node:fs";
import { loadLocalConfig } from "#config/local.ts";
import { AgentError, codeOf } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { question } from "./question.ts";
import { printFacts } from "./terminal.ts";

/** @throws {AgentError} `DEVICE_KEY_ABSENT`, `FILE_EXISTS`, `FILE_NOT_WRITABLE` */
export async function statusSigned(options: {
  readonly config: string;
  readonly json: boolean;
  readonly file: string;
}): Promise<ExitCode> {
  const { stateDir } = loadLocalConfig(options.config);
  const envelope = (await question(stateDir, { ask: "statusSigned" })) as string;
  write(options.file, envelope);
  printFacts(options.json, { file: options.file }, () => [`Written: ${options.file}`]);
  return EXIT.ok;
}

function write(file: string, text: string): void {
  try {
    // Never over something that is there.
    writeFileSync(file, text, { mode: 0o644, flag: "wx" });
  } catch (error) {
    throw notWritten(error);
  }
}

function notWritten(cause: unknown): AgentError {
  const sysCode = codeOf(cause);
  if (sysCode === "EEXIST") return new AgentError("FILE_EXISTS", {}, { cause });
  return new AgentError("FILE_NOT_WRITABLE", { sysCode }, { cause });
}
