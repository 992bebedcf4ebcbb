/** One thing that somebody else made and that lies inside a program of ours. @module */
import type { Program } from "../programs.ts";
import type { Platform } from "../runtime.ts";

export interface Hash {
  readonly algorithm: "SHA-256" | "SHA-512";
  /** Lower-case hex. */
  readonly hex: string;
  /** Of the package as the registry has it, or of the file that lies in the product. */
  readonly of: "package" | "file";
}

export interface Part {
  /** Names the part in both lists, once in each: the purl. */
  readonly purl: string;
  /** As its makers call it: `ws`, `@peculiar/x509`, `OpenSSL`. */
  readonly name: string;
  readonly version: string;
  readonly kind: "package" | "native code" | "runtime";
  /** SPDX expression, as its makers declare it. */
  readonly declared: string;
  /** SPDX identifier that we use it under. */
  readonly licence: string;
  /** Licence texts, whole. */
  readonly texts: readonly string[];
  readonly hashes: readonly Hash[];
  /** Purls of the parts that it brings along or asks for. */
  readonly needs: readonly string[];
  /** Under which catalogues of vulnerabilities know it. */
  readonly cpe?: string;
}

/** What one program for one platform is made of. */
export interface Bill {
  readonly program: Program;
  readonly platform: Platform;
  /** Ordered by purl. */
  readonly parts: readonly Part[];
  /** Purls of what our own code asks for. */
  readonly direct: readonly string[];
}

/** @see https://github.com/package-url/purl-spec for the escape of a scope */
export const npmPurl = (name: string, version: string): string =>
  `pkg:npm/${name.replace("@", "%40")}@${version}`;

export const otherPurl = (name: string, version: string): string =>
  `pkg:generic/${name}@${encodeURIComponent(version)}`;

/** In an order that no language changes. */
export const byPurl = (one: Part, other: Part): number => (one.purl < other.purl ? -1 : 1);
