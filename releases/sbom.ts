/** W11: the list of parts that lies in a package, unpacked by the platform's own programs. @module */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { PackageKind } from "./platforms.ts";
import { type Command, hashOfPipe } from "./signature/tool.ts";
import { chunksOfFile } from "./take.ts";

/** Where every package has it. */
export const SBOM_PATH = "./opt/holdfast/share/holdfast.cdx.json";

export type SbomVerdict =
  | { readonly kind: "read"; readonly sha256: string }
  | { readonly kind: "absent" }
  | { readonly kind: "unchecked"; readonly why: string; readonly command: string };

function commandsFor(kind: PackageKind, path: string): Command[] | undefined {
  const untar: Command = ["tar", "-xO", "-f", "-", SBOM_PATH];
  switch (kind) {
    case "deb":
      return [["dpkg-deb", "--fsys-tarfile", path], untar];
    case "rpm":
      return [
        ["rpm2cpio", path],
        ["cpio", "-i", "--quiet", "--to-stdout", SBOM_PATH],
      ];
    case "tar":
      return [["tar", "-xzO", "-f", path, SBOM_PATH]];
    default:
      return undefined;
  }
}

/**
 * @param path a copy whose bytes are those of the metadata
 * @param given where the copy came from: beside an executable lies its list
 */
export async function readSbom(
  kind: PackageKind,
  path: string,
  given: string,
): Promise<SbomVerdict> {
  if (kind === "elf" || kind === "pe") return await sbomBeside(given);
  const commands = commandsFor(kind, path);
  if (commands === undefined) {
    const command = "install it on a test machine; then: sha256sum share/holdfast.cdx.json";
    return { kind: "unchecked", why: "it cannot be unpacked here", command };
  }
  const answer = await hashOfPipe(commands);
  if (answer === "failed") return { kind: "absent" };
  if (answer !== undefined) return { kind: "read", sha256: answer };
  const byHand = (commandsFor(kind, "FILE") ?? []).map((command) => command.join(" ")).join(" | ");
  const why = `${commands.map(([program]) => program).join(" or ")} is not installed`;
  return { kind: "unchecked", why, command: `${byHand} | sha256sum` };
}

/** Executables have no room for it; where a package put them, it lies in the folder `share`. */
async function sbomBeside(executable: string): Promise<SbomVerdict> {
  const stem = executable.replace(/\.exe$/i, "");
  const places = [`${stem}.cdx.json`, join(dirname(stem), "../share", "holdfast.cdx.json")];
  const file = places.find((one) => existsSync(one));
  if (file === undefined) {
    const command = `sha256sum ${basename(stem)}.cdx.json`;
    return { kind: "unchecked", why: "it does not lie beside the executable", command };
  }
  const hash = createHash("sha256");
  for await (const chunk of chunksOfFile(file)) hash.update(chunk);
  return { kind: "read", sha256: hash.digest("hex") };
}
