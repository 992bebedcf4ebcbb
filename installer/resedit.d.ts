/**
 * What we use of `resedit`: `tsconfig.json` puts it in the place of its own declarations, which would make the names
 * of a browser known to the whole program.
 *
 * @module
 */
interface ResourceEntry {
  readonly type: string | number;
  readonly id: string | number;
  readonly lang: string | number;
  readonly codepage: number;
  readonly bin: ArrayBuffer;
}

export class NtExecutable {
  static from(bytes: Uint8Array, options: { readonly ignoreCert: boolean }): NtExecutable;
  generate(): ArrayBuffer;
}

export class NtExecutableResource {
  static from(executable: NtExecutable): NtExecutableResource;
  entries: ResourceEntry[];
  outputResource(executable: NtExecutable): void;
}

export namespace Resource {
  export class VersionInfo {
    static createEmpty(): VersionInfo;
    lang: string | number;
    setFileVersion(major: number, minor: number, patch: number, build: number, lang: number): void;
    setProductVersion(
      ...version: [major: number, minor: number, patch: number, build: number, lang: number]
    ): void;
    setStringValues(
      language: { readonly lang: number; readonly codepage: number },
      values: Readonly<Record<string, string>>,
    ): void;
    outputToResourceEntries(entries: ResourceEntry[]): void;
  }
}
