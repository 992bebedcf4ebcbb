/**
 * Names of files that go out (04 P55, P56): a template that is filled in, and any text made safe.
 *
 * Pure, and imports nothing: the configuration checks a template with the same words.
 *
 * @module
 */

/** What a template may name, in braces. */
export const NAME_FIELDS = ["createdAt", "sequence", "id", "ext", "channel"] as const;
export type NameField = (typeof NAME_FIELDS)[number];

/** 04 P55. A control suffix comes on top. */
export const OUT_NAME_MAX_BYTES = 150;
/** More numbers than one channel will ever have: names sort as long as they are no longer. */
const SEQUENCE_DIGITS = 12;
/** A longer one is a part of the name that happens to follow a dot. */
const EXT_MAX_BYTES = 16;

/** What is known of a message, from its row alone, so that a name is the same each time. */
export interface NameParts {
  /** Wall time of the commit that made it durable here, in ms since 1970. */
  readonly createdAtMs: number;
  /** Grows in the order of delivery. */
  readonly sequence: number;
  /** Its identity: what a reader recognises it by that comes twice. */
  readonly epoch: bigint;
  readonly seq: bigint;
  /** Without a dot. */
  readonly ext: string;
  readonly channel: string;
}

/** @returns what is wrong with a template, for a person; `undefined`: nothing */
export function templateFault(template: string): string | undefined {
  const literal = template.replaceAll(/\{([^{}]*)\}/g, (field, name: string) =>
    isField(name) ? "" : field,
  );
  if (/[{}]/.test(literal)) {
    return `may name ${NAME_FIELDS.map((name) => `{${name}}`).join(", ")} and nothing else in braces`;
  }
  if (/[^A-Za-z0-9._-]/.test(literal)) {
    return "may have letters, digits, '.', '_' and '-' outside of braces, and nothing else";
  }
  return template === "" ? "must not be empty" : undefined;
}

/** @param template one without a fault */
export function fillIn(template: string, parts: NameParts): string {
  const values: Readonly<Record<NameField, string>> = {
    createdAt: `${stamp(parts.createdAtMs)}${padded(parts.createdAtMs % 1_000, 3)}`,
    sequence: padded(parts.sequence, SEQUENCE_DIGITS),
    id: idOf(parts),
    ext: parts.ext,
    channel: parts.channel,
  };
  return template.replaceAll(/\{(\w+)\}/g, (field, name: string) =>
    isField(name) ? values[name] : field,
  );
}

/** How a name says whose it is. */
export const idOf = ({ epoch, seq }: Pick<NameParts, "epoch" | "seq">): string => `${epoch}-${seq}`;

/** What must not be given to a message: it means something else to a reader of the folder. */
export interface TakenNames {
  /** Endings, such as that of a temporary name. */
  readonly suffixes: readonly string[];
  readonly names: readonly string[];
}

/**
 * Any text as the name of a file: letters, digits, `.`, `_` and `-`, others become `_`; at most 150 bytes; no
 * dot or dash in front, no dot at the end; what Windows reserves gets a leading `_`.
 *
 * @param text from anybody
 */
export function safeName(text: string, taken: TakenNames = { suffixes: [], names: [] }): string {
  const plain = [...text].map((one) => (/^[A-Za-z0-9._-]$/.test(one) ? one : "_")).join("");
  const begun = plain.replace(/^[.-]+/, (edge) => "_".repeat(edge.length));
  const named = isReserved(begun) || isOneOf(begun, taken.names) ? `_${begun}` : begun;
  const cut = cutTo(named === "" ? "_" : named, OUT_NAME_MAX_BYTES);
  const ended = cut.replace(/\.+$/, (edge) => "_".repeat(edge.length));
  return isEnding(ended, taken.suffixes) ? `${ended.slice(0, OUT_NAME_MAX_BYTES - 1)}_` : ended;
}

/** Whether a name is as `safeName` makes them: it leads nowhere but into its folder. */
export const isSafeName = (name: string): boolean =>
  /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?$/.test(name) && name.length <= OUT_NAME_MAX_BYTES;

/**
 * The next name to try where one is taken: `_yyyymmddThhmmss_<first 8 of hash>` before the extension, then with a
 * counter (as 04 P27).
 *
 * @param name a safe one
 * @param attempt from 1
 */
export function nameAfterCollision(
  name: string,
  attempt: number,
  { createdAtMs, sha256 }: { readonly createdAtMs: number; readonly sha256: Uint8Array },
): string {
  const hash = Buffer.from(sha256.subarray(0, 4)).toString("hex");
  const counter = attempt === 1 ? "" : `_${attempt}`;
  const suffix = `_${stamp(createdAtMs)}_${hash}${counter}`;
  const { stem, ext } = partsOf(name);
  return `${stem.slice(0, OUT_NAME_MAX_BYTES - suffix.length - ext.length)}${suffix}${ext}`;
}

/** The extension of a proposed name, without its dot; `undefined`: it has none that is plain. */
export function extOf(text: string): string | undefined {
  const [, ext] = /\.([A-Za-z0-9]{1,16})$/.exec(text) ?? [];
  return ext;
}

/**
 * A regular expression for the names that a template gives, with and without what follows a collision.
 *
 * @param template one without a fault
 */
export function patternOf(template: string, channel: string): string {
  const values: Readonly<Record<NameField, string>> = {
    createdAt: "\\d{8}T\\d{9}",
    sequence: `\\d{${SEQUENCE_DIGITS},16}`,
    id: "\\d{1,20}-\\d{1,20}",
    ext: "[A-Za-z0-9_-]{1,16}",
    channel,
  };
  const dot = template.lastIndexOf(".");
  const filled = (part: string): string =>
    part
      .split(/(\{\w+\})/)
      .map((piece) => values[piece.slice(1, -1) as NameField] ?? piece.replaceAll(".", "\\."))
      .join("");
  const [stem, ext] = dot < 1 ? [template, ""] : [template.slice(0, dot), template.slice(dot)];
  return `^${filled(stem)}(?:_\\d{8}T\\d{6}_[0-9a-f]{8}(?:_\\d{1,3})?)?${filled(ext)}$`;
}

/** `yyyymmddThhmmss`, UTC. */
function stamp(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
}

const padded = (value: number, digits: number): string => String(value).padStart(digits, "0");

const isField = (name: string): name is NameField =>
  (NAME_FIELDS as readonly string[]).includes(name);

/** Windows takes these with any extension for a device. */
const isReserved = (name: string): boolean =>
  /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(name);

// On a share names are often compared without case.
const isOneOf = (name: string, names: readonly string[]): boolean =>
  names.some((one) => one.toLowerCase() === name.toLowerCase());
const isEnding = (name: string, suffixes: readonly string[]): boolean =>
  suffixes.some((one) => name.toLowerCase().endsWith(one.toLowerCase()));

function partsOf(name: string): { readonly stem: string; readonly ext: string } {
  const dot = name.lastIndexOf(".");
  const isExt = dot > 0 && name.length - dot <= EXT_MAX_BYTES + 1;
  return isExt ? { stem: name.slice(0, dot), ext: name.slice(dot) } : { stem: name, ext: "" };
}

function cutTo(name: string, bytes: number): string {
  if (name.length <= bytes) return name;
  const { stem, ext } = partsOf(name);
  return `${stem.slice(0, bytes - ext.length)}${ext}`;
}
