/**
 * `holdfast verify-package`: whether a package is what the vendor released, without a network (07 section 3).
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { MarksDamaged, MarksFile } from "#releases/marks-file.ts";
import { type PackageReport, verifyPackage } from "#releases/package.ts";
import type { ReleaseTrust } from "#releases/root.ts";
import { flawOfFile } from "#releases/whole-file.ts";
import { AgentError, codeOf, type ErrorCode, identifierFrom } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { escaped, printFacts, table } from "./terminal.ts";

export interface VerifyPackageOptions {
  readonly file: string;
  /** Folder; absent: `metadata` beside the package. */
  readonly metadata: string | undefined;
  /** File that remembers the newest release seen. */
  readonly marks: string | undefined;
  /** The version that the package would replace. */
  readonly from: string;
  readonly json: boolean;
}

/**
 * @param trust compiled in; a test hands over its own
 * @param nowMs the clock
 * @returns 0 if all is verified, 65 if something is refused, 69 if something could not be checked
 */
export async function verifyPackageFile(
  options: VerifyPackageOptions,
  trust: ReleaseTrust | undefined,
  nowMs: number,
): Promise<ExitCode> {
  const { file, from } = options;
  const marks = options.marks === undefined ? undefined : new MarksFile(options.marks);
  // A slip in the command is told also where no root could judge the package.
  await refuseUnusable(file, marks);
  if (trust === undefined) throw new AgentError("RELEASE_ROOT_ABSENT", {});
  const metadata = options.metadata ?? join(dirname(file), "metadata");
  const time = { clockMs: nowMs, floorMs: 0 };
  const report = await read({ file, metadata, trust, marks, time, running: from });
  printFacts(options.json, { file: basename(file), ...report }, () => packageLines(report));
  const code = CODES[report.verdict];
  if (code === undefined) return EXIT.ok;
  const { summary, remedy, exit } = new AgentError(code, {});
  console.error(`holdfast: ${summary} [${code}]\n  ${remedy}`);
  return exit;
}

const CODES: Readonly<Record<PackageReport["verdict"], ErrorCode | undefined>> = {
  ok: undefined,
  refused: "RELEASE_REFUSED",
  unchecked: "RELEASE_UNCHECKED",
};

/** @throws {AgentError} `RELEASE_NOT_WHOLE`, `RELEASE_MARKS_DAMAGED`, `RELEASE_UNREADABLE` */
export async function refuseUnusable(file: string, marks: MarksFile | undefined): Promise<void> {
  const flaw = await readable(async () => {
    await marks?.read();
    return await flawOfFile(file);
  });
  if (flaw !== undefined) throw new AgentError("RELEASE_NOT_WHOLE", { flaw: identifierFrom(flaw) });
}

async function read(options: Parameters<typeof verifyPackage>[0]): Promise<PackageReport> {
  return await readable(() => verifyPackage(options));
}

async function readable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw unreadable(cause);
  }
}

function unreadable(cause: unknown): AgentError {
  if (cause instanceof MarksDamaged) return new AgentError("RELEASE_MARKS_DAMAGED", {}, { cause });
  return new AgentError("RELEASE_UNREADABLE", { sysCode: codeOf(cause) }, { cause });
}

/** Each check, and what to do by hand where one is open. */
export function packageLines({ checks }: PackageReport): string[] {
  const rows = checks.map(({ name, verdict, said }) => [name, verdict, escaped(said)]);
  const open = checks.filter(({ command }) => command !== undefined);
  return [
    ...table(rows),
    ...open.map(({ name, command }) => `by hand, ${name}: ${escaped(command ?? "")}`),
  ];
}
