/**
 * `holdfast import-mirth`: channels that Mirth Connect exported, as the channels of a `local.yaml`. Needs no agent and no
 * configuration, and writes nothing but its output.
 *
 * @module
 */
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readOnce } from "../host/read-once.ts";
import { type Translation, translateMirth } from "../mirth/translate.ts";
import { yamlLines } from "../mirth/yaml-lines.ts";

/** A server with hundreds of channels has a few. */
const EXPORT_MAX_BYTES = 20 * 1_048_576;

/** @returns 69 if something has no equivalent, 65 if the file is no export that can be read */
export function importMirth({ file }: { readonly file: string }): ExitCode {
  const bytes = bytesOf(file);
  const result =
    typeof bytes === "string"
      ? ({ kind: "refused", line: 1, column: 1, message: bytes } as const)
      : translateMirth(bytes);
  if (result.kind === "refused") {
    const { line, column, message } = result;
    console.error(`holdfast: ${file}:${line}:${column}: ${message}`);
    console.error("  docs/migrate-from-mirth.md says how to export channels");
    return EXIT.badData;
  }
  console.log(yamlLines(result).join("\n"));
  return summary(result);
}

function summary({ entries, remarks }: Translation): ExitCode {
  const channels = entries.filter(({ keys }) => keys !== undefined);
  const running = channels.filter(({ notRun }) => notRun === undefined);
  const all = [...remarks, ...entries.flatMap((one) => one.remarks)];
  const missing = all.filter(({ kind }) => kind === "missing").length;
  console.error(
    `holdfast: ${running.length} channels, ${channels.length - running.length} more as comments; ${missing} times NO EQUIVALENT, ${all.length - missing} times NOTE`,
  );
  return missing > 0 ? EXIT.unavailable : EXIT.ok;
}

/** @returns a string, for people, if it cannot be read */
function bytesOf(file: string): Uint8Array | string {
  try {
    return readOnce(file, EXPORT_MAX_BYTES);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const reason = String(error.facts["reason"] ?? "unknown");
    return REASONS[reason] ?? `the file cannot be read (${reason})`;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ELOOP: "the file is a link: name the file itself",
  notRegular: "this is no regular file",
  tooLarge: `the file is larger than ${EXPORT_MAX_BYTES / 1_048_576} MiB: export fewer channels at a time`,
};
