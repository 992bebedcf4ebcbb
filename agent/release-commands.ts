/** Commands about packages of this program itself. @module */
import { type Command, InvalidArgumentError } from "commander";
import { VERSION_PATTERN } from "#releases/version-pattern.ts";
import type { ExitCode } from "./exit-codes.ts";

function releaseVersion(text: string): string {
  if (VERSION_PATTERN.test(text)) return text;
  throw new InvalidArgumentError("Must be a version such as 1.2.0.");
}

/** @param choose is handed what the chosen command does */
export function addReleaseCommands(
  root: Command,
  running: string,
  choose: (act: () => Promise<ExitCode>) => void,
): void {
  root
    .command("verify-package")
    .description("whether a package is what the vendor released; needs no network and no agent")
    .argument("<file>")
    .option("--metadata <folder>", "the release metadata (default: metadata beside the package)")
    .option("--marks <file>", "remember the newest release seen, and refuse older ones")
    .option("--from <version>", "the version that it would replace", releaseVersion, running)
    .option("--json", "print facts as JSON", false)
    .action((file, { metadata, marks, ...options }) =>
      choose(async () => {
        // Loaded here alone: it brings the library that walks release metadata.
        const { verifyPackageFile } = await import("./cli/verify-package.ts");
        const { systemClock } = await import("./host/clock.ts");
        const { EMBEDDED_TRUST } = await import("#releases/root.ts");
        const asked = { file, metadata, marks, ...options };
        return verifyPackageFile(asked, EMBEDDED_TRUST, systemClock.nowMs());
      }),
    );
}
