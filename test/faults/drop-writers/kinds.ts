/** The ways in which files are written here, and into which channel's folder. @module */
import type { Form } from "./content.ts";

export interface Kind {
  readonly channel: Channel;
  readonly form: Form;
}

/** As in `local.yaml`. */
export const CHANNELS = {
  stable: {},
  gated: { contentGate: "hl7" },
  papers: { content: "binary", contentGate: "pdf" },
  controlled: { completion: "controlFile" },
  renamed: { completion: "rename" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>;
export type Channel = keyof typeof CHANNELS;

export const KINDS = {
  /** A kilobyte a second. */
  slow: { channel: "stable", form: "hl7" },
  /** Its size is there from the beginning. */
  allocating: { channel: "stable", form: "hl7" },
  /** As tools that copy do: the times of its original at last. */
  copying: { channel: "stable", form: "hl7" },
  /** Closed, and opened again to append, within the time that files must be stable for. */
  appending: { channel: "stable", form: "hl7" },
  /** A complete file becomes another one, in place, while it is being taken. */
  rewriting: { channel: "stable", form: "hl7" },
  /** Under a temporary name, with a pause longer than that time. */
  renaming: { channel: "stable", form: "hl7" },
  /** The longer pause, and nothing but a look into the file tells. */
  pausing: { channel: "gated", form: "batch" },
  printing: { channel: "papers", form: "pdf" },
  /** The longer pause, and a control file at last. */
  announcing: { channel: "controlled", form: "hl7" },
  /** Taken as soon as it has its name. */
  finishing: { channel: "renamed", form: "hl7" },
} as const satisfies Readonly<Record<string, Kind>>;
export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as readonly KindName[];
