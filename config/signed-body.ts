/**
 * The `body` of a signed configuration: which channels there are, and nothing else (07 2.2, VC8).
 *
 * What a channel may say is what it may say in `local.yaml`, with less freedom where a path or an expression comes
 * from outside: folders are absolute, files of TLS are bare names in a folder that the hospital has chosen (08 X3),
 * expressions are bounded. Knows nothing of a machine, for it is also used where documents are written.
 *
 * @module
 */
import { resolve } from "node:path";
import { z } from "zod";
import { patternFault } from "./bounded-pattern.ts";
import { type AnyChannel, channelList, clashesOf } from "./channel-set.ts";
import { LOCAL_KEYS } from "./local.ts";

/** `schema` of the config document (VC7). */
export const BODY_SCHEMA = 1;
/** As many as an agent may have at a receiver. */
const CHANNELS_MAX_COUNT = 1_024;
/** Several times what a large body has: the schema's library takes microseconds and memory for each fault. */
const VALUES_MAX_COUNT = 20_000;
const PROBLEMS_MAX_COUNT = 20;

export interface SignedBody {
  readonly channels: readonly AnyChannel[];
}

export interface BodyProblem {
  /** Such as `channels.0.port`; empty for the whole. */
  readonly path: string;
  /** For people; quotes keys, never values. */
  readonly message: string;
}

const FOLDER_KEYS = [
  ...["folder", "workFolder", "archiveFolder", "errorFolder", "tempFolder", "sentFolder"],
  "sentinelFile",
] as const;
const TLS_FILES = ["certificate", "key", "clientCa", "serverCa"] as const;

/** `/srv/in`, `C:\in`, `\\server\share`; not the device paths of Windows. */
const ABSOLUTE = /^(?:\/|[A-Za-z]:[\\/]|\\\\(?![?.]\\)[^\\/])/;
const FILE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,126}$/;

const localOnly = Object.fromEntries(
  LOCAL_KEYS.filter((key) => key !== "channels").map((key) => [
    key,
    z
      .undefined({ message: "belongs to local.yaml: nothing that is received can change it" })
      .optional(),
  ]),
);

/** For {@link parseDocument} too, so that who writes one in YAML sees line and column. */
export const signedBody: z.ZodType<SignedBody> = z
  .strictObject({ ...localOnly, channels: channelList.max(CHANNELS_MAX_COUNT) })
  .superRefine(({ channels }, { addIssue }) => {
    for (const [index, channel] of channels.entries()) {
      for (const { path, message } of faultsOf(channel)) {
        addIssue({ code: "custom", path: ["channels", index, ...path], message });
      }
    }
    for (const { channel, key, message } of clashesOf(channels, resolve("/"))) {
      addIssue({ code: "custom", path: ["channels", channel, key], message });
    }
  })
  .transform(({ channels }) => ({ channels }));

export type BodyJudgement =
  | { readonly kind: "fits"; readonly body: SignedBody }
  /** The first 20. */
  | { readonly kind: "unfit"; readonly problems: readonly BodyProblem[] };

/**
 * VC8. Never throws, whatever the value.
 *
 * @param value as strict JSON gives it
 */
export function judgeBody(value: unknown): BodyJudgement {
  if (countValues(value, VALUES_MAX_COUNT) > VALUES_MAX_COUNT) {
    const message = `must not have more than ${VALUES_MAX_COUNT} values`;
    return { kind: "unfit", problems: [{ path: "", message }] };
  }
  const result = signedBody.safeParse(value);
  if (result.success) return { kind: "fits", body: result.data };
  const problems = result.error.issues.slice(0, PROBLEMS_MAX_COUNT).map(({ path, message }) => ({
    ...{ path: path.map(String).join("."), message },
  }));
  return { kind: "unfit", problems };
}

/** Not much further than to `most`. Strict JSON is at most 32 levels deep (07 V3). */
function countValues(value: unknown, most: number): number {
  if (typeof value !== "object" || value === null) return 1;
  let count = 1;
  for (const inner of Object.values(value) as unknown[]) {
    if (count > most) break;
    count += countValues(inner, most - count);
  }
  return count;
}

interface Fault {
  readonly path: readonly string[];
  readonly message: string;
}

function* faultsOf(channel: AnyChannel): Generator<Fault> {
  const settings: Readonly<Record<string, unknown>> = channel;
  for (const key of FOLDER_KEYS) {
    const value = settings[key];
    if (typeof value !== "string") continue;
    const message = key === "sentinelFile" ? nameFault(value) : folderFault(value);
    if (message !== undefined) yield { path: [key], message };
  }
  if ("tls" in channel && channel.tls !== undefined) {
    const files: Readonly<Record<string, unknown>> = channel.tls;
    for (const key of TLS_FILES) {
      const value = files[key];
      const message = typeof value === "string" ? nameFault(value) : undefined;
      if (message !== undefined) yield { path: ["tls", key], message };
    }
  }
  if (channel.kind === "file-drop" && channel.namePattern !== undefined) {
    const message = patternFault(channel.namePattern);
    if (message !== undefined) yield { path: ["namePattern"], message };
  }
}

function folderFault(path: string): string | undefined {
  if (/\p{Cc}/u.test(path)) return "must not have control characters";
  if (!ABSOLUTE.test(path)) return "must be absolute, such as /srv/results/in";
  const parts = path.split(/[\\/]/);
  return parts.includes("..") || parts.includes(".") ? "must not have . or .. in it" : undefined;
}

function nameFault(name: string): string | undefined {
  return FILE_NAME.test(name)
    ? undefined
    : "must be the bare name of a file: letters, digits, '.', '_' and '-'";
}
