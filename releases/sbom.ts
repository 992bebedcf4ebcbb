/** W11: the list of parts that lies in a package, unpacked by the platform's own programs. @module */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { PackageKind } from "./platforms.ts";
import { type Command, hashOfPipe } from "./signature/tool.ts";
import { chunksOfFile } from "./take.ts";

/** Which list is looked for: packages of both programs have theirs in the same place. */
export interface Sought {
  readonly program: "holdfast" | "holdfast-receiver" | "holdfast-sign";
  readonly version: string;
}

/** Where deb and rpm have it. */
export const sbomPath = (program: Sought["program"] = "holdfast"): string =>
  `./usr/share/doc/${program}/${program}.cdx.json`;

export type SbomVerdict =
  | { readonly kind: "read"; readonly sha256: string }
  | { readonly kind: "absent" }
  | { readonly kind: "unchecked"; readonly why: string; readonly command: string };

function commandsFor(
  kind: PackageKind,
  path: string,
  { program, version }: Sought,
): Command[] | undefined {
  const inside = sbomPath(program);
  const untar: Command = ["tar", "-xO", "-f", "-"];
  switch (kind) {
    case "deb":
      return [
        ["dpkg-deb", "--fsys-tarfile", path],
        [...untar, inside],
      ];
    case "rpm":
      return [
        ["rpm2cpio", path],
        ["cpio", "-i", "--quiet", "--to-stdout", inside],
      ];
    case "tar":
      return [
        ["zstd", "-dcq", path],
        [...untar, `${program}-${version}/${program}.cdx.json`],
      ];
    default:
      return undefined;
  }
}

export interface Packed {
  readonly kind: PackageKind;
  /** A copy whose bytes are those of the metadata. */
  readonly path: string;
  /** Where the copy came from: beside an executable lies its list. */
  readonly given: string;
}

export async function readSbom(
  { kind, path, given }: Packed,
  sought: Sought,
): Promise<SbomVerdict> {
  if (kind === "elf" || kind === "pe") return await sbomBeside(given, sought);
  const commands = commandsFor(kind, path, sought);
  if (commands === undefined) {
    const command = "install it on a test machine; then: sha256sum share/holdfast.cdx.json";
    return { kind: "unchecked", why: "it cannot be unpacked here", command };
  }
  const answer = await hashOfPipe(commands);
  if (answer === "failed") return { kind: "absent" };
  if (answer !== undefined) return { kind: "read", sha256: answer };
  const byHand = (commandsFor(kind, "FILE", sought) ?? [])
    .map((command) => command.join(" "))
    .join(" | ");
  const why = `${commands.map(([program]) => program).join(" or ")} is not installed`;
  return { kind: "unchecked", why, command: `${byHand} | sha256sum` };
}

/** Executables have no room for it: it lies beside them, or where a package put it. */
async function sbomBeside(executable: string, { program }: Sought): Promise<SbomVerdict> {
  const name = `${program}.cdx.json`;
  const places = [join(dirname(executable), name), join("/", sbomPath(program))];
  const file = places.find((one) => existsSync(one));
  if (file === undefined) {
    const command = `sha256sum ${name}`;
    return { kind: "unchecked", why: "it does not lie beside the executable", command };
  }
  const hash = createHash("sha256");
  for await (const chunk of chunksOfFile(file)) hash.update(chunk);
  return { kind: "read", sha256: hash.digest("hex") };
}
